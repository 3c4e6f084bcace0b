use super::publish::{State, state};
use super::trash::discard;
use crate::driver::Doing;
use crate::ops::blobs;
use crate::ops::create_repository;
use crate::rows::stored_size;
use crate::writer::Verdict;
use diesel::sql_types::{BigInt, Binary, Text};
use diesel::{OptionalExtension, RunQueryDsl, SqliteConnection};
use manifest_core::error::Port;
use manifest_core::ports::{FinishUpload, Finished};
use manifest_core::time::Millis;

/// Makes the blob. One statement, two if the blob was there; a refusal asks one or two more: why.
///
/// A refusal is kept too, since it puts the sealed copy into the trash.
pub(crate) fn finish(connection: &mut SqliteConnection, upload: &FinishUpload) -> Port<Verdict<Finished>> {
    let (id, sealed) = (upload.id.to_bytes(), upload.sealed.to_string());
    let statement = Finish {
        digest: upload.digest.as_bytes(),
        size: stored_size(upload.size),
        sealed: &sealed,
        lease_until: upload.lease_until,
        repository: upload.repository.as_str(),
        id: &id,
        from: stored_size(upload.from),
        now: upload.now,
    };
    let row: Option<(i64, String)> = statement.get_result(connection).optional().doing("finishing an upload")?;
    if row.as_ref().is_none_or(|(_, location)| *location != sealed) {
        discard(connection, [&upload.sealed])?;
    }
    Ok(Verdict::Keep(match row {
        Some(row) => Finished::Done(blobs::read("blob", row)?),
        None => refusal(connection, upload)?,
    }))
}

fn refusal(connection: &mut SqliteConnection, upload: &FinishUpload) -> Port<Finished> {
    Ok(match state(connection, &upload.repository, &upload.id, upload.now)? {
        Some(State { finished: Some((digest, blob)), .. }) if digest == upload.digest => Finished::AlreadyDone(blob),
        Some(State { finished: Some(_), .. }) => Finished::Unknown,
        Some(State { finished: None, read_only: true, .. }) => Finished::ReadOnly,
        Some(State { offset, finished: None, .. }) => Finished::WrongOffset(offset),
        None => match create_repository::state(connection, &upload.repository)? {
            Some(_) => Finished::Unknown,
            None => Finished::RepositoryGone,
        },
    })
}

statement! {
    /// The compare-and-set. If the registry has the digest already, the stored location is kept; a trigger does the rest.
    struct Finish<'a> {
        digest: &'a [u8] => Binary,
        size: i64 => BigInt,
        sealed: &'a str => Text,
        lease_until: Millis => BigInt,
        repository: &'a str => Text,
        id: &'a [u8] => Binary,
        from: i64 => BigInt,
        now: Millis => BigInt,
    }
    -> (BigInt, Text);
    "UPDATE upload SET finished_digest = +?1, \
     \"offset\" = +?2, finished_size = coalesce((SELECT size FROM blob WHERE digest = +?1), +?2), \
     finished_location = coalesce((SELECT location FROM blob WHERE digest = +?1), ?3), lease_until_ms = +?4 \
     WHERE repository_id = (SELECT id FROM repository INDEXED BY repository_name WHERE name = +?5 AND state <> 2 AND state = 0) AND id = +?6 \
     AND \"offset\" = +?7 AND finished_digest IS NULL AND expires_ms > +?8 RETURNING finished_size, finished_location"
}
