use crate::driver::Doing;
use crate::rows::visibility_code;
use diesel::sql_types::{BigInt, Text};
use diesel::{OptionalExtension, RunQueryDsl, SqliteConnection};
use manifest_core::error::Port;
use manifest_core::facts::Visibility;
use manifest_core::time::Millis;
use oci_types::RepositoryName;

/// Makes the repository if there is none of that name. Its id if it was made.
pub(super) fn create_repository(
    connection: &mut SqliteConnection,
    name: &RepositoryName,
    visibility: Visibility,
    now: Millis,
) -> Port<Option<i64>> {
    let statement = CreateRepository { name: name.as_str(), visibility: visibility_code(visibility), now };
    let row: Option<(i64,)> = statement.get_result(connection).optional().doing("creating a repository")?;
    Ok(row.map(|(id,)| id))
}

statement! {
    /// Writes no page where the repository exists.
    struct CreateRepository<'a> { name: &'a str => Text, visibility: i64 => BigInt, now: Millis => BigInt }
    -> (BigInt,);
    "INSERT INTO repository (name, visibility, state, created_ms) SELECT +?1, +?2, 0, +?3 \
     WHERE NOT EXISTS (SELECT 1 FROM repository INDEXED BY repository_name WHERE name = +?1 AND state <> 2) RETURNING id"
}

/// The id and the state of a repository.
pub(super) fn state(connection: &mut SqliteConnection, name: &RepositoryName) -> Port<Option<(i64, i64)>> {
    let statement = RepositoryByName { name: name.as_str() };
    statement.get_result(connection).optional().doing("looking up a repository")
}

statement! {
    struct RepositoryByName<'a> { name: &'a str => Text }
    -> (BigInt, BigInt);
    "SELECT id, state FROM repository INDEXED BY repository_name WHERE name = +?1 AND state <> 2"
}
