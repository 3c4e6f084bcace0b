use crate::driver::Doing;
use crate::ops::create_repository::{create_repository, state};
use crate::writer::Verdict;
use diesel::sql_types::{BigInt, Binary, Nullable, Text};
use diesel::{RunQueryDsl, SqliteConnection};
use manifest_core::access::Actor;
use manifest_core::error::Port;
use manifest_core::ports::{Begun, NewUpload};
use manifest_core::time::Millis;

/// Opens an upload. Two statements at most: after the first, a repository that was to be created is there, so that the second
/// finds it closed or not at all.
pub(crate) fn begin(connection: &mut SqliteConnection, upload: &NewUpload) -> Port<Verdict<Begun>> {
    if let Some(visibility) = upload.create_repository {
        create_repository(connection, &upload.repository, visibility, upload.now)?;
    }
    let statement = InsertUpload {
        id: &upload.id.to_bytes(),
        hash_state: &upload.hash_state,
        now: upload.now,
        expires: upload.expires,
        actor: upload.actor.as_ref().map(Actor::as_str),
        repository: upload.repository.as_str(),
    };
    if statement.execute(connection).doing("opening an upload")? == 1 {
        return Ok(Verdict::Keep(Begun::Done));
    }
    let exists = upload.create_repository.is_some() || state(connection, &upload.repository)?.is_some();
    Ok(Verdict::Refuse(if exists { Begun::ReadOnly } else { Begun::RepositoryGone }))
}

statement! {
    struct InsertUpload<'a> {
        id: &'a [u8] => Binary,
        hash_state: &'a [u8] => Binary,
        now: Millis => BigInt,
        expires: Millis => BigInt,
        actor: Option<&'a str> => Nullable<Text>,
        repository: &'a str => Text,
    }
    "INSERT INTO upload (repository_id, id, \"offset\", hash_state, created_ms, expires_ms, actor) \
     SELECT id, +?1, 0, +?2, +?3, +?4, +?5 FROM repository INDEXED BY repository_name \
     WHERE name = +?6 AND state <> 2 AND state = 0"
}
