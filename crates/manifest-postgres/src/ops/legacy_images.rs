//! Legacy images as the v1 API asks for them, and what keeps their rows.

use super::{blobs, page};
use crate::store::PostgresStore;
use diesel::sql_types::{BigInt, Binary, Nullable, Text};
use manifest_core::error::Port;
use manifest_core::legacy::LegacyImage;
use manifest_core::ports::{ImageTag, ImageTagsAsk, Page, StoredImage};
use manifest_core::stored::{Column, nul_free};
use manifest_core::time::Millis;
use oci_types::{RepositoryName, TagName};

/// Whether a manifest row for which the condition holds has the image or one above it; or there are more than 1,000 above it. A step finds
/// no more than a walk can look at; rows that were met before are not followed again. Arguments are SQL: a repository's id, an image's
/// id, a condition on the row `tm`.
macro_rules! image_reached {
    ($repository:literal, $image:literal, $condition:expr) => {
        concat!(
            "EXISTS (WITH RECURSIVE up (id) AS (SELECT ",
            $image,
            " UNION SELECT above.v1_id FROM up CROSS JOIN LATERAL (SELECT a.v1_id FROM legacy_image a WHERE a.repository_id = ",
            $repository,
            " AND a.parent = up.id LIMIT 1002) above)",
            " SELECT 1 FROM (SELECT up.id, row_number() OVER () AS place FROM up LIMIT 1002) image",
            " WHERE image.place = 1002 OR EXISTS (SELECT 1 FROM manifest tm WHERE tm.repository_id = ",
            $repository,
            " AND tm.legacy_image = image.id AND ",
            $condition,
            " OFFSET 0))"
        )
    };
}

/// The image, if it is served.
pub(crate) async fn image(
    store: &PostgresStore,
    repository: &RepositoryName,
    id: &str,
    now: Millis,
) -> Port<Option<StoredImage>> {
    let id = nul_free(id);
    let statement = ServedImage { now, repository: repository.as_str(), id: &id };
    let row: Option<(ImageRow, LayerRow)> = store.row(statement, "looking up an image").await?;
    let Some((image, (size, location))) = row else { return Ok(None) };
    let layer = size.zip(location).map(|layer| blobs::read("repository_blob", layer)).transpose()?;
    Ok(Some(StoredImage { image: read(image)?, layer }))
}

/// The ids of the image and of all below it, if it is served.
pub(crate) async fn ancestry(
    store: &PostgresStore,
    repository: &RepositoryName,
    id: &str,
    now: Millis,
) -> Port<Vec<String>> {
    let id = nul_free(id);
    let statement = Ancestry { repository: repository.as_str(), id: &id, now };
    let rows: Vec<(String,)> = store.rows(statement, "looking up the ancestry of an image").await?;
    rows.into_iter().map(|(id,)| Column("legacy_image", "v1_id").nul_free(&id)).collect()
}

/// Alive tags with the images that they stand for.
pub(crate) async fn tags(store: &PostgresStore, ask: &ImageTagsAsk) -> Port<Option<Page<ImageTag>>> {
    let after = ask.after.as_ref().map_or("", TagName::as_str);
    // No name begins with a tilde, and none sorts behind it.
    let (first, last) = ask.only.as_ref().map_or((after, "~"), |only| (after.max(only.as_str()), only.as_str()));
    let (repository, now, limit) = (ask.repository.as_str(), ask.now, i64::from(ask.limit) + 1);
    let statement = ImageTags { repository, first, last, after, now, limit };
    let rows: Vec<(Option<String>, Option<String>)> = store.rows(statement, "listing tags of images").await?;
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
         FROM repository r JOIN legacy_image i ON i.repository_id = r.id \
         LEFT JOIN repository_blob b ON b.repository_id = r.id AND b.digest = i.blob AND ",
        granted!("b", "$1"),
        " WHERE r.name = $2 AND r.state <> 2 AND i.v1_id = $3 AND ",
        image_reached!("i.repository_id", "i.v1_id", concat!("tm.deleted_ms IS NULL AND ", kept!("tm.repository_id", "tm", "$1", "$1")))
    )
}

statement! {
    /// A row has one parent, so the walk is a chain, and comes out in its order. Rows that were met before are not followed again.
    struct Ancestry<'a> { repository: &'a str => Text, id: &'a str => Text, now: Millis => BigInt }
    -> (Text,);
    concat!(
        "WITH RECURSIVE span (repository_id, id, parent) AS (\
         SELECT i.repository_id, i.v1_id, i.parent FROM repository r JOIN legacy_image i ON i.repository_id = r.id \
         WHERE r.name = $1 AND r.state <> 2 AND i.v1_id = $2 AND ",
        image_reached!("i.repository_id", "i.v1_id", concat!("tm.deleted_ms IS NULL AND ", kept!("tm.repository_id", "tm", "$3", "$3"))),
        " UNION SELECT p.repository_id, p.v1_id, p.parent FROM span \
         JOIN legacy_image p ON p.repository_id = span.repository_id AND p.v1_id = span.parent) SELECT id FROM span"
    )
}

statement! {
    /// One row without a name where the repository has no tag that fits.
    struct ImageTags<'a> {
        repository: &'a str => Text,
        first: &'a str => Text,
        last: &'a str => Text,
        after: &'a str => Text,
        now: Millis => BigInt,
        limit: i64 => BigInt,
    }
    -> (Nullable<Text>, Nullable<Text>);
    "WITH here (id) AS (SELECT id FROM repository WHERE name = $1 AND state <> 2) \
     SELECT t.name, t.legacy_image FROM here LEFT JOIN LATERAL (\
     SELECT t.name, m.legacy_image FROM tag t \
     JOIN LATERAL (SELECT m.legacy_image FROM manifest m WHERE m.repository_id = here.id AND m.id = t.manifest_id \
     AND m.deleted_ms IS NULL AND m.legacy_image IS NOT NULL OFFSET 0) m ON true \
     WHERE t.repository_id = here.id AND t.name >= $2 AND t.name <= $3 AND t.name <> $4 AND t.expires_ms > $5 \
     ORDER BY t.name LIMIT $6) t ON true ORDER BY t.name"
}
