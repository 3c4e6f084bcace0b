use super::page;
use crate::store::PostgresStore;
use diesel::sql_types::{BigInt, Binary, Bool, Integer, Nullable, Text};
use manifest_core::error::Port;
use manifest_core::ports::{ManifestRow, ManifestState, ManifestsAsk, Page};
use manifest_core::stored::Column;
use manifest_core::time::Millis;
use oci_types::Digest;

/// Manifests by what holds them, in the order of their digests.
pub(crate) async fn manifests(store: &PostgresStore, ask: &ManifestsAsk) -> Port<Option<Page<ManifestRow>>> {
    let (repository, now, limit) = (ask.repository.as_str(), ask.now, i64::from(ask.limit) + 1);
    let after = ask.after.as_ref().map_or(&[][..], Digest::as_bytes);
    let what = "listing manifests";
    let undeleted = |tagged| UndeletedManifests { repository, now, after, tagged, limit };
    let rows: Vec<Row> = match ask.state {
        ManifestState::Tagged => store.rows(undeleted(true), what).await?,
        ManifestState::Untagged => store.rows(undeleted(false), what).await?,
        ManifestState::Deleted => store.rows(DeletedManifests { repository, now, after, limit }, what).await?,
    };
    page::of_repository(rows, ask.limit, read)
}

/// A page of manifests along an index of digests, of those rows that fit. One row without a digest where there is none.
macro_rules! manifests {
    ($fits:literal, $limit:literal) => {
        concat!(
            "WITH here (id) AS (SELECT id FROM repository WHERE name = $1 AND state <> 2) ",
            "SELECT m.digest, m.media_type, length(m.bytes), m.layers_size, m.platform, m.image_created_ms, m.artifact_type, ",
            "m.subject, m.created_ms, m.actor, m.pinned_until_ms, m.deleted_ms, ",
            "(SELECT count(*) FROM tag WHERE tag.repository_id = here.id AND tag.manifest_id = m.id AND tag.expires_ms > $2) ",
            "FROM here LEFT JOIN LATERAL (SELECT * FROM manifest m WHERE m.repository_id = here.id AND m.digest > $3 AND ",
            $fits,
            " ORDER BY m.digest LIMIT ",
            $limit,
            ") m ON true ORDER BY m.digest"
        )
    };
}

statement! {
    /// Tries each undeleted manifest behind the cursor by one seek in the index of tags.
    struct UndeletedManifests<'a> {
        repository: &'a str => Text,
        now: Millis => BigInt,
        after: &'a [u8] => Binary,
        tagged: bool => Bool,
        limit: i64 => BigInt,
    }
    -> (
        Nullable<Binary>, Nullable<Text>, Nullable<Integer>, Nullable<BigInt>, Nullable<Text>, Nullable<BigInt>, Nullable<Binary>,
        Nullable<Binary>, Nullable<BigInt>, Nullable<Text>, Nullable<BigInt>, Nullable<BigInt>, BigInt,
    );
    manifests!(
        "m.deleted_ms IS NULL AND EXISTS (SELECT 1 FROM tag \
         WHERE tag.repository_id = here.id AND tag.manifest_id = m.id AND tag.expires_ms > $2 OFFSET 0) = $4",
        "$5"
    )
}

statement! {
    struct DeletedManifests<'a> {
        repository: &'a str => Text,
        now: Millis => BigInt,
        after: &'a [u8] => Binary,
        limit: i64 => BigInt,
    }
    -> (
        Nullable<Binary>, Nullable<Text>, Nullable<Integer>, Nullable<BigInt>, Nullable<Text>, Nullable<BigInt>, Nullable<Binary>,
        Nullable<Binary>, Nullable<BigInt>, Nullable<Text>, Nullable<BigInt>, Nullable<BigInt>, BigInt,
    );
    manifests!("m.deleted_ms IS NOT NULL", "$4")
}

type Row = (
    Option<Vec<u8>>,
    Option<String>,
    Option<i32>,
    Option<i64>,
    Option<String>,
    Option<i64>,
    Option<Vec<u8>>,
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
        size: column("bytes").size(size.unwrap_or_default().into())?,
        layers_size: column("layers_size").optional_size(layers_size)?,
        platform: column("platform").platform(platform)?,
        image_created,
        artifact_type: column("artifact_type").optional_utf8(artifact_type)?,
        subject: column("subject").optional_digest(subject)?,
        created: created.unwrap_or_default(),
        actor: column("actor").actor(actor)?,
        pinned_until: pinned_until.unwrap_or_default(),
        deleted,
        tags: Column("tag", "count(*)").size(tags)?,
    }))
}
