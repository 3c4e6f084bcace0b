use super::trash::discard;
use crate::driver::Doing;
use crate::rows::{Column, stored_size};
use crate::writer::Verdict;
use diesel::sql_types::{BigInt, Binary, Nullable, Text};
use diesel::{OptionalExtension, RunQueryDsl, SqliteConnection};
use manifest_core::error::Port;
use manifest_core::facts::RepositoryState;
use manifest_core::ports::{PublishPart, Published, UploadId};
use manifest_core::time::Millis;
use oci_types::RepositoryName;

/// Appends a part. Two statements; a refusal asks one more: why.
///
/// A refusal is kept too, since it puts the part into the trash.
pub(crate) fn publish(connection: &mut SqliteConnection, part: &PublishPart) -> Port<Verdict<Published>> {
    let id = part.id.to_bytes();
    let statement = MoveOffset {
        to: stored_size(part.from.saturating_add(part.part.size)),
        hash_state: &part.hash_state,
        expires: part.expires,
        repository: part.repository.as_str(),
        id: &id,
        from: stored_size(part.from),
        now: part.now,
    };
    let moved: Option<(i64,)> = statement.get_result(connection).optional().doing("appending to an upload")?;
    if let Some((repository,)) = moved {
        let statement = InsertPart {
            repository,
            upload: &id,
            size: stored_size(part.part.size),
            location: &part.part.location.to_string(),
        };
        statement.execute(connection).doing("adding a part")?;
        return Ok(Verdict::Keep(Published::Done));
    }
    discard(connection, [&part.part.location])?;
    let state = state(connection, &part.repository, &part.id, part.now)?;
    Ok(Verdict::Keep(match state {
        Some(State { finished: None, read_only: true, .. }) => Published::ReadOnly,
        Some(State { offset, finished: None, .. }) => Published::WrongOffset(offset),
        Some(State { finished: Some(_), .. }) | None => Published::Unknown,
    }))
}

statement! {
    /// The compare-and-set: of several that start at one offset, one finds it.
    struct MoveOffset<'a> {
        to: i64 => BigInt,
        hash_state: &'a [u8] => Binary,
        expires: Millis => BigInt,
        repository: &'a str => Text,
        id: &'a [u8] => Binary,
        from: i64 => BigInt,
        now: Millis => BigInt,
    }
    -> (BigInt,);
    "UPDATE upload SET \"offset\" = +?1, hash_state = +?2, expires_ms = +?3 \
     WHERE repository_id = (SELECT id FROM repository INDEXED BY repository_name WHERE name = +?4 AND state <> 2 AND state = 0) AND id = +?5 \
     AND \"offset\" = +?6 AND finished_digest IS NULL AND expires_ms > +?7 RETURNING repository_id"
}

statement! {
    struct InsertPart<'a> { repository: i64 => BigInt, upload: &'a [u8] => Binary, size: i64 => BigInt, location: &'a str => Text }
    "INSERT INTO upload_part (repository_id, upload_id, position, size, location) VALUES (?1, ?2, \
     (SELECT coalesce(max(position) + 1, 0) FROM upload_part WHERE repository_id = +?1 AND upload_id = +?2), ?3, ?4)"
}

/// What an upload is at that time.
pub(super) struct State {
    pub(super) offset: u64,
    pub(super) finished: Option<(oci_types::Digest, manifest_core::facts::Blob)>,
    /// Whether its repository takes no writes.
    pub(super) read_only: bool,
}

/// What the upload is, if the repository has it and it has not expired.
pub(super) fn state(
    connection: &mut SqliteConnection,
    repository: &RepositoryName,
    id: &UploadId,
    now: Millis,
) -> Port<Option<State>> {
    let statement = UploadState { repository: repository.as_str(), id: &id.to_bytes(), now };
    let row: Option<Row> = statement.get_result(connection).optional().doing("looking up an upload")?;
    row.map(|(offset, digest, size, location, state)| {
        Ok(State {
            offset: Column("upload", "offset").size(offset)?,
            finished: super::load::finished(digest, size, location)?,
            read_only: Column("repository", "state").repository_state(state)? == RepositoryState::ReadOnly,
        })
    })
    .transpose()
}

type Row = (i64, Option<Vec<u8>>, Option<i64>, Option<String>, i64);

statement! {
    struct UploadState<'a> { repository: &'a str => Text, id: &'a [u8] => Binary, now: Millis => BigInt }
    -> (BigInt, Nullable<Binary>, Nullable<BigInt>, Nullable<Text>, BigInt);
    "SELECT u.\"offset\", u.finished_digest, u.finished_size, u.finished_location, r.state \
     FROM repository r INDEXED BY repository_name CROSS JOIN upload u \
     WHERE r.name = +?1 AND r.state <> 2 AND u.repository_id = r.id AND u.id = +?2 AND u.expires_ms > +?3"
}
