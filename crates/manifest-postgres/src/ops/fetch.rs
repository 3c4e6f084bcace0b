use crate::store::PostgresStore;
use diesel::sql_types::{BigInt, Binary, Bool, Integer, Nullable, Text};
use manifest_core::error::Port;
use manifest_core::facts::TagState;
use manifest_core::ports::{FetchAsk, Fetched, Found, Liveness};
use manifest_core::stored::Column;
use manifest_core::time::Millis;
use oci_types::{Digest, Reference, TagName};

/// Follows a reference.
pub(crate) async fn fetch(store: &PostgresStore, ask: &FetchAsk) -> Port<Fetched> {
    match &ask.reference {
        Reference::Tag(tag) => match ask.at {
            Some(at) => by_tag_at(store, ask, tag, at).await,
            None => by_tag(store, ask, tag).await,
        },
        Reference::Digest(digest) => by_digest(store, ask, digest).await,
    }
}

statement! {
    /// A manifest by tag: the hottest statement of all, one per pull.
    struct ManifestByTag<'a> {
        have: Option<&'a [u8]> => Nullable<Binary>,
        tag: &'a str => Text,
        now: Millis => BigInt,
        repository: &'a str => Text,
    }
    -> (
        Nullable<BigInt>, Nullable<BigInt>, Nullable<Bool>, Nullable<Text>,
        Nullable<Binary>, Nullable<Text>, Nullable<Integer>, Nullable<Binary>, Bool,
    );
    concat!(
        "SELECT t.start_ms, t.expires_ms, t.immutable, t.actor, \
         m.digest, m.media_type, length(m.bytes), CASE WHEN m.digest = $1 THEN NULL ELSE m.bytes END, \
         t.name IS NOT NULL OR EXISTS (SELECT 1 FROM tag_history h WHERE h.repository_id = r.id AND h.name = $2 OFFSET 0) \
         FROM repository r \
         LEFT JOIN tag t ON t.repository_id = r.id AND t.name = $2 \
         LEFT JOIN LATERAL ",
        manifest_by_id!("m.digest, m.media_type, m.bytes, m.deleted_ms", "r.id", "t.manifest_id"),
        " m ON m.deleted_ms IS NULL AND t.expires_ms > $3 WHERE r.name = $4 AND r.state <> 2"
    )
}

type ByTagRow = (
    Option<i64>,
    Option<i64>,
    Option<bool>,
    Option<String>,
    Option<Vec<u8>>,
    Option<String>,
    Option<i32>,
    Option<Vec<u8>>,
    bool,
);

async fn by_tag(store: &PostgresStore, ask: &FetchAsk, tag: &TagName) -> Port<Fetched> {
    let statement = ManifestByTag {
        repository: ask.repository.as_str(),
        tag: tag.as_str(),
        now: ask.now,
        have: ask.have.as_ref().map(Digest::as_bytes),
    };
    let row: Option<ByTagRow> = store.row(statement, "looking up a tag").await?;
    let Some((start, expires, immutable, actor, digest, media_type, size, bytes, was_there)) = row else {
        return Ok(Fetched::RepositoryUnknown);
    };
    let Some((start, expires)) = start.zip(expires) else {
        // A name that was deleted has intervals, and all of them are over.
        return Ok(if was_there { Fetched::TagExpired } else { Fetched::Unknown });
    };
    if expires <= ask.now {
        return Ok(Fetched::TagExpired);
    }
    let Some(digest) = Column("manifest", "digest").optional_digest(digest)? else {
        return Ok(Fetched::Unknown);
    };
    let state = TagState {
        target: digest,
        start,
        expires,
        immutable: immutable.unwrap_or_default(),
        actor: Column("tag", "actor").actor(actor)?,
    };
    Ok(Fetched::Found(found(digest, (media_type, size, bytes), Some(state))?))
}

statement! {
    /// A manifest by what a tag was at a time: by its row, or by the newest interval of its history that had started. Intervals
    /// of one name do not overlap, so at most one of them holds the time. One that is over is not immutable.
    struct ManifestByTagAt<'a> {
        have: Option<&'a [u8]> => Nullable<Binary>,
        tag: &'a str => Text,
        at: Millis => BigInt,
        repository: &'a str => Text,
    }
    -> (
        Nullable<BigInt>, Nullable<BigInt>, Nullable<Bool>, Nullable<Text>,
        Nullable<Binary>, Nullable<Text>, Nullable<Integer>, Nullable<Binary>, Bool,
    );
    "SELECT coalesce(t.start_ms, h.start_ms), coalesce(t.expires_ms, h.end_ms), coalesce(t.immutable, false), \
     CASE WHEN t.name IS NULL THEN h.actor ELSE t.actor END, \
     m.digest, m.media_type, length(m.bytes), CASE WHEN m.digest = $1 THEN NULL ELSE m.bytes END, t.name IS NOT NULL \
     FROM repository r \
     LEFT JOIN tag t ON t.repository_id = r.id AND t.name = $2 AND t.start_ms <= $3 AND t.expires_ms > $3 \
     LEFT JOIN LATERAL (SELECT start_ms, end_ms, actor, manifest_id FROM tag_history \
     WHERE t.name IS NULL AND repository_id = r.id AND name = $2 AND start_ms <= $3 ORDER BY start_ms DESC LIMIT 1) h ON h.end_ms > $3 \
     LEFT JOIN manifest m ON m.repository_id = r.id AND m.id = coalesce(t.manifest_id, h.manifest_id) AND m.deleted_ms IS NULL \
     WHERE r.name = $4 AND r.state <> 2"
}

async fn by_tag_at(store: &PostgresStore, ask: &FetchAsk, tag: &TagName, at: Millis) -> Port<Fetched> {
    let statement = ManifestByTagAt {
        repository: ask.repository.as_str(),
        tag: tag.as_str(),
        at,
        have: ask.have.as_ref().map(Digest::as_bytes),
    };
    let row: Option<ByTagRow> = store.row(statement, "looking up what a tag was").await?;
    let Some((start, expires, immutable, actor, digest, media_type, size, bytes, is_row)) = row else {
        return Ok(Fetched::RepositoryUnknown);
    };
    let (Some((start, expires)), Some(digest)) =
        (start.zip(expires), Column("manifest", "digest").optional_digest(digest)?)
    else {
        return Ok(Fetched::Unknown);
    };
    let table = if is_row { "tag" } else { "tag_history" };
    let state = TagState {
        target: digest,
        start,
        expires,
        immutable: immutable.unwrap_or_default(),
        actor: Column(table, "actor").actor(actor)?,
    };
    Ok(Fetched::Found(found(digest, (media_type, size, bytes), Some(state))?))
}

statement! {
    /// A manifest by digest, if it is as alive as it must be: 0 visible, 1 undeleted, 2 any row.
    struct ManifestByDigest<'a> {
        leave_out: bool => Bool,
        digest: &'a [u8] => Binary,
        liveness: i32 => Integer,
        now: Millis => BigInt,
        repository: &'a str => Text,
    }
    -> (Nullable<Text>, Nullable<Integer>, Nullable<Binary>);
    concat!(
        "SELECT m.media_type, length(m.bytes), CASE WHEN $1 THEN NULL ELSE m.bytes END \
         FROM repository r LEFT JOIN LATERAL (SELECT * FROM manifest m WHERE m.repository_id = r.id AND m.digest = $2 \
         AND ($3 = 2 OR m.deleted_ms IS NULL AND ($3 = 1 OR ",
        kept_by_function!("r.id", "m", "$4", "$4"),
        ")) OFFSET 0) m ON true WHERE r.name = $5 AND r.state <> 2"
    )
}

/// The media type, the size, and the bytes unless they are left out.
type ByDigestRow = (Option<String>, Option<i32>, Option<Vec<u8>>);

async fn by_digest(store: &PostgresStore, ask: &FetchAsk, digest: &Digest) -> Port<Fetched> {
    let statement = ManifestByDigest {
        repository: ask.repository.as_str(),
        digest: digest.as_bytes(),
        now: ask.now,
        liveness: match ask.liveness {
            Liveness::Visible => 0,
            Liveness::Undeleted => 1,
            Liveness::Any => 2,
        },
        leave_out: ask.have == Some(*digest),
    };
    let row: Option<ByDigestRow> = store.row(statement, "looking up a manifest").await?;
    match row {
        None => Ok(Fetched::RepositoryUnknown),
        Some((None, ..)) => Ok(Fetched::Unknown),
        Some(row) => Ok(Fetched::Found(found(*digest, row, None)?)),
    }
}

fn found(digest: Digest, (media_type, size, bytes): ByDigestRow, tag: Option<TagState>) -> Port<Found> {
    let column = Column("manifest", "media_type");
    Ok(Found {
        digest,
        media_type: column.text(&column.present(media_type)?)?,
        size: Column("manifest", "bytes").size(size.unwrap_or_default().into())?,
        bytes: bytes.map(Into::into),
        tag,
    })
}
