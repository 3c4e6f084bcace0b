use super::page;
use crate::driver::Doing;
use crate::rows::Column;
use diesel::sql_types::{BigInt, Binary, Nullable, Text};
use diesel::{RunQueryDsl, SqliteConnection};
use manifest_core::error::Port;
use manifest_core::ports::{ManifestRow, ManifestState, ManifestsAsk, Page};
use manifest_core::time::Millis;
use oci_types::Digest;

/// Manifests by what holds them, in the order of their digests.
pub(crate) fn manifests(connection: &mut SqliteConnection, ask: &ManifestsAsk) -> Port<Option<Page<ManifestRow>>> {
    let (repository, now, limit) = (ask.repository.as_str(), ask.now, i64::from(ask.limit) + 1);
    let after = ask.after.as_ref().map_or(&[][..], Digest::as_bytes);
    let rows: Vec<Row> = match ask.state {
        ManifestState::Tagged => UndeletedManifests { now, after, tagged: 1, repository, limit }.load(connection),
        ManifestState::Untagged => UndeletedManifests { now, after, tagged: 0, repository, limit }.load(connection),
        ManifestState::Deleted => DeletedManifests { now, after, repository, limit }.load(connection),
    }
    .doing("listing manifests")?;
    page::of_repository(rows, ask.limit, read)
}

/// A page of manifests along an index of digests, of those rows that fit. One row without a digest where there is none.
macro_rules! manifests {
    ($index:literal, $now:literal, $after:literal, $fits:literal, $repository:literal, $limit:literal) => {
        concat!(
            "SELECT m.digest, m.media_type, length(m.bytes), m.layers_size, m.platform, m.image_created_ms, m.artifact_type, ",
            "m.subject, m.created_ms, m.actor, m.pinned_until_ms, m.deleted_ms, ",
            "(SELECT count(*) FROM tag INDEXED BY tag_manifest WHERE tag.repository_id = r.id AND tag.manifest_id = m.id",
            " AND tag.expires_ms > ",
            $now,
            ") FROM repository r INDEXED BY repository_name LEFT JOIN manifest m INDEXED BY ",
            $index,
            " ON m.repository_id = r.id AND m.digest > ",
            $after,
            " AND ",
            $fits,
            " WHERE r.name = ",
            $repository,
            " AND r.state <> 2 ORDER BY m.digest LIMIT ",
            $limit
        )
    };
}

statement! {
    /// Tries each undeleted manifest behind the cursor by one seek in the index of tags.
    struct UndeletedManifests<'a> {
        now: Millis => BigInt,
        after: &'a [u8] => Binary,
        tagged: i64 => BigInt,
        repository: &'a str => Text,
        limit: i64 => BigInt,
    }
    -> (
        Nullable<Binary>, Nullable<Text>, Nullable<BigInt>, Nullable<BigInt>, Nullable<Text>, Nullable<BigInt>, Nullable<Text>,
        Nullable<Binary>, Nullable<BigInt>, Nullable<Text>, Nullable<BigInt>, Nullable<BigInt>, BigInt,
    );
    manifests!(
        "manifest_digest",
        "+?1",
        "+?2",
        "m.deleted_ms IS NULL AND EXISTS (SELECT 1 FROM tag INDEXED BY tag_manifest \
         WHERE tag.repository_id = r.id AND tag.manifest_id = m.id AND tag.expires_ms > +?1) = +?3",
        "+?4",
        "+?5"
    )
}

statement! {
    struct DeletedManifests<'a> {
        now: Millis => BigInt,
        after: &'a [u8] => Binary,
        repository: &'a str => Text,
        limit: i64 => BigInt,
    }
    -> (
        Nullable<Binary>, Nullable<Text>, Nullable<BigInt>, Nullable<BigInt>, Nullable<Text>, Nullable<BigInt>, Nullable<Text>,
        Nullable<Binary>, Nullable<BigInt>, Nullable<Text>, Nullable<BigInt>, Nullable<BigInt>, BigInt,
    );
    manifests!("manifest_deleted", "+?1", "+?2", "m.deleted_ms IS NOT NULL", "+?3", "+?4")
}

type Row = (
    Option<Vec<u8>>,
    Option<String>,
    Option<i64>,
    Option<i64>,
    Option<String>,
    Option<i64>,
    Option<String>,
    Option<Vec<u8>>,
    Option<i64>,
    Option<String>,
    Option<i64>,
    Option<i64>,
    i64,
);

fn read(row: Row) -> Port<Option<ManifestRow>> {
    let (
        digest,
        media_type,
        size,
        layers_size,
        platform,
        image_created,
        artifact_type,
        subject,
        created,
        actor,
        pinned_until,
        deleted,
        tags,
    ) = row;
    let Some(digest) = digest else { return Ok(None) };
    let column = |column| Column("manifest", column);
    let media_type = column("media_type").present(media_type)?;
    Ok(Some(ManifestRow {
        digest: column("digest").digest(&digest)?,
        media_type: column("media_type").text(&media_type)?,
        size: column("bytes").size(size.unwrap_or_default())?,
        layers_size: column("layers_size").optional_size(layers_size)?,
        platform: column("platform").platform(platform)?,
        image_created,
        artifact_type,
        subject: column("subject").optional_digest(subject)?,
        created: created.unwrap_or_default(),
        actor: column("actor").actor(actor)?,
        pinned_until: pinned_until.unwrap_or_default(),
        deleted,
        tags: Column("tag", "count(*)").size(tags)?,
    }))
}
