use super::publish::{State, state};
use super::trash::discard;
use crate::driver::Doing;
use crate::rows::stored_size;
use crate::writer::Verdict;
use diesel::sql_types::{BigInt, Binary, Nullable, Text};
use diesel::{RunQueryDsl, SqliteConnection};
use manifest_core::error::Port;
use manifest_core::ports::{CancelUpload, Cancelled};
use manifest_core::time::Millis;

/// Drops an upload with its parts. One statement, or two with unpublished parts; a refusal asks one more: why.
///
/// Unpublished parts go to the trash even if there was none. A finished upload has nothing left to drop.
pub(crate) fn cancel(connection: &mut SqliteConnection, upload: &CancelUpload) -> Port<Verdict<Cancelled>> {
    let statement = RemoveUpload {
        repository: upload.repository.as_str(),
        id: &upload.id.to_bytes(),
        now: upload.now,
        from: upload.from.map(stored_size),
    };
    let removed = statement.execute(connection).doing("dropping an upload")?;
    if !upload.unpublished.is_empty() {
        discard(connection, upload.unpublished.iter().map(|part| &part.location))?;
    }
    if removed > 0 {
        return Ok(Verdict::Keep(Cancelled::Done));
    }
    // A refusal is kept too, since it puts the unpublished parts into the trash.
    Ok(Verdict::Keep(match state(connection, &upload.repository, &upload.id, upload.now)? {
        Some(State { offset, finished: None, .. }) => Cancelled::WrongOffset(offset),
        Some(State { finished: Some(_), .. }) | None => Cancelled::Unknown,
    }))
}

statement! {
    struct RemoveUpload<'a> {
        repository: &'a str => Text,
        id: &'a [u8] => Binary,
        now: Millis => BigInt,
        from: Option<i64> => Nullable<BigInt>,
    }
    "DELETE FROM upload \
     WHERE repository_id = (SELECT id FROM repository INDEXED BY repository_name WHERE name = +?1 AND state <> 2) AND id = +?2 \
     AND finished_digest IS NULL AND expires_ms > +?3 AND (+?4 IS NULL OR \"offset\" = +?4)"
}
