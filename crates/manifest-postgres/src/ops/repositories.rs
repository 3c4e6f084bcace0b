use crate::store::PostgresStore;
use diesel::sql_types::{BigInt, SmallInt, Text};
use manifest_core::error::Port;
use manifest_core::ports::RepositoryRow;
use manifest_core::stored::Column;
use oci_types::RepositoryName;

/// The repository of that name.
pub(crate) async fn find(store: &PostgresStore, name: &RepositoryName) -> Port<Option<RepositoryRow>> {
    let statement = RepositoryByName { name: name.as_str() };
    let row: Option<(i16, i16, i64)> = store.row(statement, "looking up a repository").await?;
    row.map(|(state, visibility, created)| {
        Ok(RepositoryRow {
            name: name.clone(),
            state: Column("repository", "state").repository_state(state.into())?,
            visibility: Column("repository", "visibility").visibility(visibility.into())?,
            created,
        })
    })
    .transpose()
}

statement! {
    struct RepositoryByName<'a> { name: &'a str => Text }
    -> (SmallInt, SmallInt, BigInt);
    "SELECT state, visibility, created_ms FROM repository WHERE name = $1 AND state <> 2"
}
