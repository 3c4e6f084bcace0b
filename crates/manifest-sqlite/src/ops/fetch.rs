use crate::driver::Doing;
use crate::rows::{self, Column};
use diesel::sql_types::{BigInt, Binary, Nullable, Text};
use diesel::{OptionalExtension, RunQueryDsl, SqliteConnection};
use manifest_core::error::Port;
use manifest_core::facts::TagState;
use manifest_core::ports::{FetchAsk, Fetched, Found, Liveness};
use manifest_core::time::Millis;
use oci_types::{Digest, Reference, TagName};

/// Follows a reference. Until when what was found is sure to be found again while nothing is written.
pub(crate) fn fetch(connection: &mut SqliteConnection, ask: &FetchAsk) -> Port<(Fetched, Millis)> {
    match &ask.reference {
        Reference::Tag(tag) => {
            let fetched = match ask.at {
                Some(at) => by_tag_at(connection, ask, tag, at),
                None => by_tag(connection, ask, tag),
            }?;
            let expires =
                if let Fetched::Found(found) = &fetched { found.tag.as_ref().map(|tag| tag.expires) } else { None };
            Ok((fetched, expires.unwrap_or(Millis::MIN)))
        }
        Reference::Digest(digest) => by_digest(connection, ask, digest),
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
        Nullable<BigInt>, Nullable<BigInt>, Nullable<BigInt>, Nullable<Text>,
        Nullable<Binary>, Nullable<Text>, Nullable<BigInt>, Nullable<Binary>, BigInt,
    );
    "SELECT t.start_ms, t.expires_ms, t.immutable, t.actor, \
     m.digest, m.media_type, length(m.bytes), CASE WHEN m.digest = +?1 THEN NULL ELSE m.bytes END, \
     CASE WHEN t.name IS NULL THEN EXISTS (SELECT 1 FROM tag_history h WHERE h.repository_id = r.id AND h.name = +?2) ELSE 1 END \
     FROM repository r INDEXED BY repository_name \
     LEFT JOIN tag t ON t.repository_id = r.id AND t.name = +?2 \
     LEFT JOIN manifest m ON m.id = t.manifest_id AND m.deleted_ms IS NULL AND t.expires_ms > +?3 \
     WHERE r.name = +?4 AND r.state <> 2"
}

type ByTagRow = (
    Option<i64>,
    Option<i64>,
    Option<i64>,
    Option<String>,
    Option<Vec<u8>>,
    Option<String>,
    Option<i64>,
    Option<Vec<u8>>,
    i64,
);

fn by_tag(connection: &mut SqliteConnection, ask: &FetchAsk, tag: &TagName) -> Port<Fetched> {
    let statement = ManifestByTag {
        repository: ask.repository.as_str(),
        tag: tag.as_str(),
        now: ask.now,
        have: ask.have.as_ref().map(Digest::as_bytes),
    };
    let row: Option<ByTagRow> = statement.get_result(connection).optional().doing("looking up a tag")?;
    let Some((start, expires, immutable, actor, digest, media_type, size, bytes, was_there)) = row else {
        return Ok(Fetched::RepositoryUnknown);
    };
    let Some((start, expires)) = start.zip(expires) else {
        // A name that was deleted has intervals, and all of them are over.
        return Ok(if was_there == 0 { Fetched::Unknown } else { Fetched::TagExpired });
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
        immutable: Column("tag", "immutable").flag(immutable.unwrap_or_default())?,
        actor: Column("tag", "actor").actor(actor)?,
    };
    Ok(Fetched::Found(found(digest, media_type, size, bytes, Some(state))?))
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
        Nullable<BigInt>, Nullable<BigInt>, Nullable<BigInt>, Nullable<Text>,
        Nullable<Binary>, Nullable<Text>, Nullable<BigInt>, Nullable<Binary>, BigInt,
    );
    "SELECT coalesce(t.start_ms, h.start_ms), coalesce(t.expires_ms, h.end_ms), coalesce(t.immutable, 0), \
     iif(t.name IS NULL, h.actor, t.actor), \
     m.digest, m.media_type, length(m.bytes), CASE WHEN m.digest = +?1 THEN NULL ELSE m.bytes END, t.name IS NOT NULL \
     FROM repository r INDEXED BY repository_name \
     LEFT JOIN tag t ON t.repository_id = r.id AND t.name = +?2 AND t.start_ms <= +?3 AND t.expires_ms > +?3 \
     LEFT JOIN tag_history h ON t.name IS NULL AND h.repository_id = r.id AND h.name = +?2 AND h.start_ms = \
     (SELECT max(start_ms) FROM tag_history WHERE repository_id = r.id AND name = +?2 AND start_ms <= +?3) AND h.end_ms > +?3 \
     LEFT JOIN manifest m ON m.id = coalesce(t.manifest_id, h.manifest_id) AND m.deleted_ms IS NULL \
     WHERE r.name = +?4 AND r.state <> 2"
}

fn by_tag_at(connection: &mut SqliteConnection, ask: &FetchAsk, tag: &TagName, at: Millis) -> Port<Fetched> {
    let statement = ManifestByTagAt {
        repository: ask.repository.as_str(),
        tag: tag.as_str(),
        at,
        have: ask.have.as_ref().map(Digest::as_bytes),
    };
    let row: Option<ByTagRow> = statement.get_result(connection).optional().doing("looking up what a tag was")?;
    let Some((start, expires, immutable, actor, digest, media_type, size, bytes, is_row)) = row else {
        return Ok(Fetched::RepositoryUnknown);
    };
    let (Some((start, expires)), Some(digest)) =
        (start.zip(expires), Column("manifest", "digest").optional_digest(digest)?)
    else {
        return Ok(Fetched::Unknown);
    };
    let table = if is_row == 1 { "tag" } else { "tag_history" };
    let state = TagState {
        target: digest,
        start,
        expires,
        immutable: Column(table, "immutable").flag(immutable.unwrap_or_default())?,
        actor: Column(table, "actor").actor(actor)?,
    };
    Ok(Fetched::Found(found(digest, media_type, size, bytes, Some(state))?))
}

statement! {
    /// A manifest by digest, if it is as alive as it must be: 0 visible, 1 undeleted, 2 any row.
    struct ManifestByDigest<'a> {
        leave_out: i64 => BigInt,
        digest: &'a [u8] => Binary,
        liveness: i64 => BigInt,
        now: Millis => BigInt,
        repository: &'a str => Text,
    }
    -> (Nullable<Text>, Nullable<BigInt>, Nullable<Binary>, Nullable<BigInt>);
    concat!(
        "SELECT m.media_type, length(m.bytes), CASE WHEN +?1 THEN NULL ELSE m.bytes END, \
         (SELECT max(t.expires_ms) FROM tag t INDEXED BY tag_manifest WHERE t.repository_id = r.id AND t.manifest_id = m.id) \
         FROM repository r INDEXED BY repository_name \
         LEFT JOIN manifest m INDEXED BY manifest_digest ON m.repository_id = r.id AND m.digest = +?2 \
         AND (+?3 = 2 OR (m.deleted_ms IS NULL AND (+?3 = 1 OR ",
        kept!("r.id", "m", "+?4", "+?4"),
        "))) WHERE r.name = +?5 AND r.state <> 2"
    )
}

type ByDigestRow = (Option<String>, Option<i64>, Option<Vec<u8>>, Option<i64>);

fn by_digest(connection: &mut SqliteConnection, ask: &FetchAsk, digest: &Digest) -> Port<(Fetched, Millis)> {
    let statement = ManifestByDigest {
        repository: ask.repository.as_str(),
        digest: digest.as_bytes(),
        now: ask.now,
        liveness: match ask.liveness {
            Liveness::Visible => 0,
            Liveness::Undeleted => 1,
            Liveness::Any => 2,
        },
        leave_out: i64::from(ask.have == Some(*digest)),
    };
    let row: Option<ByDigestRow> = statement.get_result(connection).optional().doing("looking up a manifest")?;
    match row {
        None => Ok((Fetched::RepositoryUnknown, Millis::MIN)),
        Some((None, ..)) => Ok((Fetched::Unknown, Millis::MIN)),
        Some((media_type, size, bytes, tagged_until)) => {
            let found = found(*digest, media_type, size, bytes, None)?;
            Ok((Fetched::Found(found), tagged_until.unwrap_or(Millis::MIN)))
        }
    }
}

fn found(
    digest: Digest,
    media_type: Option<String>,
    size: Option<i64>,
    bytes: Option<Vec<u8>>,
    tag: Option<TagState>,
) -> Port<Found> {
    let column = Column("manifest", "media_type");
    Ok(Found {
        digest,
        media_type: column.text(&column.present(media_type)?)?,
        size: Column("manifest", "bytes").size(size.unwrap_or_default())?,
        bytes: bytes.map(rows::bytes),
        tag,
    })
}
