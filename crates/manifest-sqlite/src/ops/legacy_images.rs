//! Legacy images as the v1 API asks for them, and what keeps their rows.

use super::page;
use crate::driver::Doing;
use crate::ops::blobs;
use crate::rows::Column;
use diesel::sql_types::{BigInt, Binary, Nullable, Text};
use diesel::{OptionalExtension, RunQueryDsl, SqliteConnection};
use manifest_core::error::Port;
use manifest_core::legacy::LegacyImage;
use manifest_core::ports::{ImageTag, ImageTagsAsk, Page, StoredImage};
use manifest_core::stored::nul_free;
use manifest_core::time::Millis;
use oci_types::{RepositoryName, TagName};

/// `up`: an image and all above it, depth first, at most so many. A step puts all that it finds into the queue before the walk goes
/// on, so it finds no more than a walk can look at. Arguments are SQL: a repository's id, an image's id.
macro_rules! images_above {
    ($repository:literal, $image:literal, $most:literal) => {
        concat!(
            "WITH RECURSIVE up (id, height) AS (SELECT ",
            $image,
            ", 0 UNION ALL SELECT a.v1_id, up.height + 1 FROM up CROSS JOIN legacy_image a ",
            "WHERE a.rowid IN (SELECT c.rowid FROM legacy_image c INDEXED BY legacy_image_parent WHERE c.repository_id = ",
            $repository,
            " AND c.parent = up.id LIMIT 1002) ORDER BY 2 DESC LIMIT ",
            $most,
            ")"
        )
    };
}

/// Whether a manifest row for which the condition holds has the image or one above it; or there are more than 1,000 above it.
macro_rules! image_reached {
    ($repository:literal, $image:literal, $condition:expr) => {
        concat!(
            "(EXISTS (",
            images_above!($repository, $image, "1001"),
            " SELECT 1 FROM up CROSS JOIN manifest tm INDEXED BY manifest_legacy_image WHERE tm.repository_id = ",
            $repository,
            " AND tm.legacy_image = up.id AND ",
            $condition,
            ") OR EXISTS (",
            images_above!($repository, $image, "1002"),
            " SELECT 1 FROM up LIMIT 1 OFFSET 1001))"
        )
    };
}

/// The image, if it is served.
pub(crate) fn image(
    connection: &mut SqliteConnection,
    repository: &RepositoryName,
    id: &str,
    now: Millis,
) -> Port<Option<StoredImage>> {
    let id = nul_free(id);
    let statement = ServedImage { now, repository: repository.as_str(), id: &id };
    let row: Option<(ImageRow, LayerRow)> = statement.get_result(connection).optional().doing("looking up an image")?;
    let Some((image, (size, location))) = row else { return Ok(None) };
    let layer = size.zip(location).map(|layer| blobs::read("repository_blob", layer)).transpose()?;
    Ok(Some(StoredImage { image: read(image)?, layer }))
}

/// The ids of the image and of all below it, if it is served.
pub(crate) fn ancestry(
    connection: &mut SqliteConnection,
    repository: &RepositoryName,
    id: &str,
    now: Millis,
) -> Port<Vec<String>> {
    let id = nul_free(id);
    let statement = Ancestry { repository: repository.as_str(), id: &id, now };
    let rows: Vec<(String,)> = statement.load(connection).doing("looking up the ancestry of an image")?;
    rows.into_iter().map(|(id,)| Column("legacy_image", "v1_id").nul_free(&id)).collect()
}

/// Alive tags with the images that they stand for.
pub(crate) fn tags(connection: &mut SqliteConnection, ask: &ImageTagsAsk) -> Port<Option<Page<ImageTag>>> {
    let after = ask.after.as_ref().map_or("", TagName::as_str);
    // No name begins with a tilde, and none sorts behind it.
    let (first, last) = ask.only.as_ref().map_or((after, "~"), |only| (after.max(only.as_str()), only.as_str()));
    let (repository, now, limit) = (ask.repository.as_str(), ask.now, i64::from(ask.limit) + 1);
    let statement = ImageTags { first, last, after, now, repository, limit };
    let rows: Vec<(Option<String>, Option<String>)> = statement.load(connection).doing("listing tags of images")?;
    page::of_repository(rows, ask.limit, |(name, image)| {
        let Some(name) = name else { return Ok(None) };
        let column = Column("manifest", "legacy_image");
        let image = column.nul_free(&column.present(image)?)?;
        Ok(Some(ImageTag { name: Column("tag", "name").text(&name)?, image }))
    })
}

/// The columns of a row: `v1_id`, `parent`, `created_ms`, `command`, `comment`, `aggregate_size`, `blob`, `metadata`.
pub(crate) type ImageRow =
    (String, Option<String>, Option<Millis>, Option<String>, Option<String>, Option<i64>, Vec<u8>, String);

/// The size and the location of a layer.
type LayerRow = (Option<i64>, Option<String>);

/// Reads a row.
pub(crate) fn read(row: ImageRow) -> Port<LegacyImage> {
    let (id, parent, created, command, comment, aggregate_size, blob, metadata) = row;
    let column = |column| Column("legacy_image", column);
    let optional = |name, text: Option<String>| text.map(|text| column(name).nul_free(&text)).transpose();
    Ok(LegacyImage {
        id: column("v1_id").nul_free(&id)?,
        parent: optional("parent", parent)?,
        blob: column("blob").digest(&blob)?,
        created,
        command: optional("command", command)?,
        comment: optional("comment", comment)?,
        aggregate_size: column("aggregate_size").optional_size(aggregate_size)?,
        metadata: column("metadata").nul_free(&metadata)?,
    })
}

statement! {
    struct ServedImage<'a> { now: Millis => BigInt, repository: &'a str => Text, id: &'a str => Text }
    -> (
        (Text, Nullable<Text>, Nullable<BigInt>, Nullable<Text>, Nullable<Text>, Nullable<BigInt>, Binary, Text),
        (Nullable<BigInt>, Nullable<Text>),
    );
    concat!(
        "SELECT i.v1_id, i.parent, i.created_ms, i.command, i.comment, i.aggregate_size, i.blob, i.metadata, b.size, b.location \
         FROM repository r INDEXED BY repository_name CROSS JOIN legacy_image i \
         LEFT JOIN repository_blob b ON b.repository_id = r.id AND b.digest = i.blob AND ",
        granted!("b", "+?1"),
        " WHERE r.name = +?2 AND r.state <> 2 AND i.repository_id = r.id AND i.v1_id = +?3 AND ",
        image_reached!("i.repository_id", "i.v1_id", concat!("tm.deleted_ms IS NULL AND ", kept!("tm.repository_id", "tm", "+?1", "+?1")))
    )
}

statement! {
    /// A row has one parent, so the walk is a chain, and comes out in its order. Rows that were met before are not followed again.
    struct Ancestry<'a> { repository: &'a str => Text, id: &'a str => Text, now: Millis => BigInt }
    -> (Text,);
    concat!(
        "WITH RECURSIVE span (repository_id, id, parent) AS (\
         SELECT i.repository_id, i.v1_id, i.parent FROM repository r INDEXED BY repository_name CROSS JOIN legacy_image i \
         WHERE r.name = +?1 AND r.state <> 2 AND i.repository_id = r.id AND i.v1_id = +?2 AND ",
        image_reached!("i.repository_id", "i.v1_id", concat!("tm.deleted_ms IS NULL AND ", kept!("tm.repository_id", "tm", "+?3", "+?3"))),
        " UNION SELECT p.repository_id, p.v1_id, p.parent FROM span CROSS JOIN legacy_image p \
         WHERE p.repository_id = span.repository_id AND p.v1_id = span.parent) SELECT id FROM span"
    )
}

statement! {
    /// One row without a name where the repository has no tag that fits.
    struct ImageTags<'a> {
        first: &'a str => Text,
        last: &'a str => Text,
        after: &'a str => Text,
        now: Millis => BigInt,
        repository: &'a str => Text,
        limit: i64 => BigInt,
    }
    -> (Nullable<Text>, Nullable<Text>);
    "SELECT t.name, m.legacy_image FROM repository r INDEXED BY repository_name \
     LEFT JOIN tag t ON t.repository_id = r.id AND t.name >= +?1 AND t.name <= +?2 AND t.name <> +?3 AND t.expires_ms > +?4 \
     AND EXISTS (SELECT 1 FROM manifest s WHERE s.id = t.manifest_id AND s.deleted_ms IS NULL AND s.legacy_image IS NOT NULL) \
     LEFT JOIN manifest m ON m.id = t.manifest_id \
     WHERE r.name = +?5 AND r.state <> 2 ORDER BY t.name LIMIT +?6"
}
