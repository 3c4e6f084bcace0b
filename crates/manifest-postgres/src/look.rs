//! What a database is, found without changing it.

use crate::connect::ConnectError;
use diesel::sql_types::{Array, Bool, Nullable, Text};
use diesel::{QueryableByName, RunQueryDsl};
use diesel_async::AsyncPgConnection;
use diesel_async::async_connection_wrapper::AsyncConnectionWrapper;

/// A connection for what diesel can only do on a thread of its own.
pub(crate) type Blocking = AsyncConnectionWrapper<AsyncPgConnection>;

/// What a database is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// One without tables.
    Empty,
    /// One of ours, with the migrations that ran, in order.
    Ours(Vec<String>),
}

/// The tables, but for those of migrations that may not have run.
const TABLES: [&str; 13] = [
    "repository",
    "manifest",
    "manifest_child",
    "manifest_blob",
    "legacy_image",
    "label",
    "tag",
    "tag_history",
    "blob",
    "trash",
    "repository_blob",
    "upload",
    "upload_part",
];

/// The tables of migrations that may not have run.
const LATER: [&str; 3] = ["blob_store", "signing_key", "write_token"];

/// Looks at the server and at the database.
pub(crate) fn look(connection: &mut Blocking) -> Result<Found, ConnectError> {
    let server: Server = diesel::sql_query(
        "SELECT current_user::text AS \"user\", current_schema()::text AS schema, \
             coalesce(has_schema_privilege(current_schema(), 'CREATE'), false) AS may_create, \
             ARRAY(SELECT c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
             WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p', 'f', 'v', 'm') \
             AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e') \
             ORDER BY c.relname) AS tables",
    )
    .get_result(connection)?;
    let Some(schema) = &server.schema else { return Err(ConnectError::NoSchema) };
    let has = |name: &str| server.tables.iter().any(|table| table == name);
    if !has(LEDGER) || !OURS.iter().any(|table| has(table)) {
        return match server.tables.into_iter().next() {
            Some(table) => Err(ConnectError::Foreign { table }),
            None if server.may_create => Ok(Found::Empty),
            None => Err(ConnectError::NoPrivilege {
                user: server.user,
                privilege: "CREATE".to_owned(),
                on: format!("schema {schema}"),
            }),
        };
    }
    refuse_without_privileges(connection, server.user)?;
    let versions: Vec<Version> =
        diesel::sql_query("SELECT version FROM __diesel_schema_migrations ORDER BY version").load(connection)?;
    if let Some(table) = TABLES.iter().find(|table| !has(table)) {
        return Err(ConnectError::Lacks { table });
    }
    Ok(Found::Ours(versions.into_iter().map(|row| row.version).collect()))
}

/// Tables that hardly any other program has.
const OURS: [&str; 3] = ["repository_blob", "manifest_blob", "manifest_child"];

/// Where diesel keeps which migrations ran.
const LEDGER: &str = "__diesel_schema_migrations";

/// Looks at our tables alone: others may keep theirs in the same schema.
fn refuse_without_privileges(connection: &mut Blocking, user: String) -> Result<(), ConnectError> {
    let lacking: Vec<Lacking> = diesel::sql_query(
        "SELECT c.relname::text AS \"table\", p.privilege FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
         CROSS JOIN unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) AS p(privilege) \
         WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p') AND NOT has_table_privilege(c.oid, p.privilege) \
         AND (c.relname = ANY($1) OR c.relname = $2 AND p.privilege = 'SELECT') \
         ORDER BY c.relname LIMIT 1",
    )
    .bind::<Array<Text>, _>([&TABLES[..], &LATER].concat())
    .bind::<Text, _>(LEDGER)
    .load(connection)?;
    lacking.into_iter().next().map_or(Ok(()), |Lacking { table, privilege }| {
        Err(ConnectError::NoPrivilege { user, privilege, on: format!("table {table}") })
    })
}

#[derive(QueryableByName)]
struct Server {
    #[diesel(sql_type = Text)]
    user: String,
    #[diesel(sql_type = Nullable<Text>)]
    schema: Option<String>,
    #[diesel(sql_type = Bool)]
    may_create: bool,
    #[diesel(sql_type = Array<Text>)]
    tables: Vec<String>,
}

#[derive(QueryableByName)]
struct Lacking {
    #[diesel(sql_type = Text)]
    table: String,
    #[diesel(sql_type = Text)]
    privilege: String,
}

#[derive(QueryableByName)]
struct Version {
    #[diesel(sql_type = Text)]
    version: String,
}

#[cfg(test)]
mod tests {
    use super::{LATER, LEDGER, TABLES};
    use postgres_fixture::Database;

    #[tokio::test]
    async fn every_table_of_ours_is_known() {
        let mut known = [&TABLES[..], &LATER, &[LEDGER]].concat();
        known.sort_unstable();
        let all = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename COLLATE \"C\"";
        let found = Database::fresh().await.psql(all).unwrap();
        assert_eq!(found.lines().collect::<Vec<_>>(), known);
    }
}
