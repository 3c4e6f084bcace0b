use super::{WriteToken, once, only, outcome, unknown};
use crate::store::PostgresStore;
use diesel::sql_types::{BigInt, SmallInt, Text};
use manifest_core::error::{Port, PortError, PortErrorKind};
use manifest_core::facts::{RepositoryState, Visibility};
use manifest_core::stored::{OPEN, READ_ONLY, visibility_code};
use manifest_core::time::Millis;
use oci_types::RepositoryName;

/// Makes a repository. Whether there was none.
pub(crate) async fn create_repository(
    store: &PostgresStore,
    name: &RepositoryName,
    visibility: Visibility,
    now: Millis,
) -> Port<bool> {
    const WHAT: &str = "creating a repository";
    let (name, visibility) = (name.as_str(), small(visibility_code(visibility)));
    let write = async |token: WriteToken| {
        is_done(store.write(CreateRepository { name, visibility, now, token: token.bound() }, WHAT).await?, WHAT)
    };
    once(write, async |token| was_done(store, token).await).await
}

statement! {
    struct CreateRepository<'a> {
        name: &'a str => Text,
        visibility: i16 => SmallInt,
        now: Millis => BigInt,
        token: i64 => BigInt,
    }
    -> (SmallInt,);
    "SELECT repository_create_1($1, $2, $3, $4)"
}

/// Marks a repository for deletion. Whether there was one.
pub(crate) async fn delete_repository(store: &PostgresStore, name: &RepositoryName, now: Millis) -> Port<bool> {
    const WHAT: &str = "marking a repository for deletion";
    let name = name.as_str();
    let write = async |token: WriteToken| {
        is_done(store.write(DeleteRepository { name, now, token: token.bound() }, WHAT).await?, WHAT)
    };
    once(write, async |token| was_done(store, token).await).await
}

statement! {
    struct DeleteRepository<'a> { name: &'a str => Text, now: Millis => BigInt, token: i64 => BigInt }
    -> (SmallInt,);
    "SELECT repository_delete_1($1, $2, $3)"
}

/// Opens a repository for writes, or closes it. Whether there is one.
pub(crate) async fn set_state(store: &PostgresStore, name: &RepositoryName, state: RepositoryState) -> Port<bool> {
    const WHAT: &str = "changing the state of a repository";
    let code = match state {
        RepositoryState::Open => OPEN,
        RepositoryState::ReadOnly => READ_ONLY,
        RepositoryState::Absent => {
            return Err(PortError::new(
                PortErrorKind::Internal,
                "a repository cannot be set absent: deletion has its own way",
            ));
        }
    };
    let (name, state) = (name.as_str(), small(code));
    let write = async |token: WriteToken| {
        is_done(store.write(SetState { name, state, token: token.bound() }, WHAT).await?, WHAT)
    };
    once(write, async |token| was_done(store, token).await).await
}

statement! {
    struct SetState<'a> { name: &'a str => Text, state: i16 => SmallInt, token: i64 => BigInt }
    -> (SmallInt,);
    "SELECT repository_state_1($1, $2, $3)"
}

fn is_done(rows: Vec<(i16,)>, what: &'static str) -> Port<bool> {
    match only(rows, what)? {
        (0,) => Ok(true),
        (1,) => Ok(false),
        (other,) => Err(unknown(&other, what)),
    }
}

/// Only what was done leaves an answer.
async fn was_done(store: &PostgresStore, token: WriteToken) -> Port<Option<bool>> {
    Ok(outcome(store, token).await?.map(|outcome| outcome == 0))
}

/// A code as its column holds it: all of them have one digit.
pub(crate) fn small(code: i64) -> i16 {
    i16::try_from(code).unwrap_or(i16::MAX)
}
