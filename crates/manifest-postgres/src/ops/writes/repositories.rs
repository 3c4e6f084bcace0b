use super::settled;
use crate::ops::repositories::find;
use crate::store::PostgresStore;
use diesel::sql_types::{BigInt, SmallInt, Text};
use manifest_core::error::{Port, PortError, PortErrorKind};
use manifest_core::facts::{RepositoryState, Visibility};
use manifest_core::ports::RepositoryRow;
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
    let statement = CreateRepository { name: name.as_str(), visibility: small(visibility_code(visibility)), now };
    let write = async || {
        let made: Vec<(i64,)> = store.write(statement, "creating a repository").await?;
        Ok(!made.is_empty())
    };
    // One that is there now, and is as it was to be made, was made by the call whose answer was lost.
    let read = async |made| {
        let is_ours = |row: RepositoryRow| row.created == now && row.visibility == visibility;
        Ok(made || find(store, name).await?.is_some_and(is_ours))
    };
    settled(write, read).await
}

statement! {
    struct CreateRepository<'a> { name: &'a str => Text, visibility: i16 => SmallInt, now: Millis => BigInt }
    -> (BigInt,);
    "INSERT INTO repository (name, visibility, state, created_ms) VALUES ($1, $2, 0, $3) \
     ON CONFLICT (name) WHERE state <> 2 DO NOTHING RETURNING id"
}

/// Marks a repository for deletion: every statement finds repositories by name, and passes over those that are marked. Whether
/// there was one.
pub(crate) async fn delete_repository(store: &PostgresStore, name: &RepositoryName, now: Millis) -> Port<bool> {
    let statement = DeleteRepository { now, name: name.as_str() };
    let write = async || {
        let marked: Vec<(i64,)> = store.write(statement, "marking a repository for deletion").await?;
        Ok(!marked.is_empty())
    };
    // Whoever asked is told that it is gone, which it is.
    settled(write, async |_| Ok(true)).await
}

statement! {
    struct DeleteRepository<'a> { now: Millis => BigInt, name: &'a str => Text }
    -> (BigInt,);
    "UPDATE repository SET state = 2, deleted_ms = $1 WHERE name = $2 AND state <> 2 RETURNING id"
}

/// Opens a repository for writes, or closes it. Whether there is one.
pub(crate) async fn set_state(store: &PostgresStore, name: &RepositoryName, state: RepositoryState) -> Port<bool> {
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
    let statement = SetState { state: small(code), name: name.as_str() };
    let write = async || {
        let changed: Vec<(i64,)> = store.write(statement, "changing the state of a repository").await?;
        Ok(!changed.is_empty())
    };
    settled(write, async |changed| Ok(changed)).await
}

statement! {
    struct SetState<'a> { state: i16 => SmallInt, name: &'a str => Text }
    -> (BigInt,);
    "UPDATE repository SET state = $1 WHERE name = $2 AND state <> 2 RETURNING id"
}

/// A code as its column holds it: all of them have one digit.
pub(crate) fn small(code: i64) -> i16 {
    i16::try_from(code).unwrap_or(i16::MAX)
}
