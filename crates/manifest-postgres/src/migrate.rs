//! Which version the tables have, and how they get the one that this program knows.

use crate::connect::ConnectError;
use crate::connection::Opener;
use diesel::connection::SimpleConnection;
use diesel::migration::{Migration, MigrationSource};
use diesel::pg::Pg;
use diesel::sql_types::{Array, Bool, Nullable, Text};
use diesel::{Connection, QueryableByName, RunQueryDsl};
use diesel_async::AsyncPgConnection;
use diesel_async::async_connection_wrapper::AsyncConnectionWrapper;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use std::error::Error;

/// The migrations of this program.
pub(crate) const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations/postgres");

/// What a database is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// One without tables.
    Empty,
    /// One with tables of somebody else: the name of one.
    Foreign(String),
    /// One of ours, with the migrations that ran, in order.
    Ours(Vec<String>),
}

/// What migrating came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Migrated {
    /// What was there.
    pub(crate) found: Found,
    /// The versions that were run.
    pub(crate) ran: Vec<String>,
}

/// Runs the migrations that are missing, all in one transaction. Nodes that do so at the same time wait for each other: the
/// first one runs them, the others find them done.
pub(crate) async fn up(opener: &Opener) -> Result<Migrated, ConnectError> {
    let connection = opener.open().await?;
    blocking(connection, |connection| {
        connection.transaction(|connection| {
            connection.batch_execute("SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0").map_err(fail)?;
            // Held until the transaction ends, on whichever connection of the server it runs.
            connection.batch_execute("SELECT pg_advisory_xact_lock(7237123447850394740)").map_err(fail)?;
            let found = look(connection)?;
            let applied = refuse(&found)?;
            let mut ran = Vec::new();
            for migration in known()? {
                let version = version(migration.as_ref());
                if !applied.contains(&version) {
                    connection
                        .run_migration(migration.as_ref())
                        .map_err(|source| ConnectError::Migration { version: version.clone(), source })?;
                    ran.push(version);
                }
            }
            Ok(Migrated { found, ran })
        })
    })
    .await
}

/// Checks that the tables are those of this program, and changes nothing. Answers the versions that are missing.
pub(crate) async fn check(opener: &Opener) -> Result<(Found, Vec<String>), ConnectError> {
    let connection = opener.open().await?;
    blocking(connection, |connection| {
        let found = look(connection)?;
        let applied = refuse(&found)?;
        let mut missing: Vec<String> = known()?.iter().map(|migration| version(migration.as_ref())).collect();
        missing.retain(|version| !applied.contains(version));
        Ok((found, missing))
    })
    .await
}

/// A connection for what diesel can only do on a thread of its own.
type Blocking = AsyncConnectionWrapper<AsyncPgConnection>;

async fn blocking<T: Send + 'static>(
    connection: AsyncPgConnection,
    work: impl FnOnce(&mut Blocking) -> Result<T, ConnectError> + Send + 'static,
) -> Result<T, ConnectError> {
    tokio::task::spawn_blocking(move || work(&mut Blocking::from(connection)))
        .await
        .map_err(|error| ConnectError::Other(error.into()))?
}

/// Looks at a database without changing it.
fn look(connection: &mut Blocking) -> Result<Found, ConnectError> {
    let schema: Schema = diesel::sql_query(
        "SELECT current_schema()::text AS name, \
             to_regclass('repository_blob') IS NOT NULL AND to_regclass('__diesel_schema_migrations') IS NOT NULL AS ours, \
             ARRAY(SELECT c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
                 WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p', 'f', 'v', 'm') \
                 ORDER BY c.relname LIMIT 1) AS tables",
    )
    .get_result(connection)
    .map_err(fail)?;
    if schema.name.is_none() {
        return Err(ConnectError::NoSchema);
    }
    if !schema.ours {
        return Ok(schema.tables.into_iter().next().map_or(Found::Empty, Found::Foreign));
    }
    let versions: Vec<Version> = diesel::sql_query("SELECT version FROM __diesel_schema_migrations ORDER BY version")
        .load(connection)
        .map_err(fail)?;
    Ok(Found::Ours(versions.into_iter().map(|row| row.version).collect()))
}

/// The versions that ran, if this program knows all of them.
fn refuse(found: &Found) -> Result<Vec<String>, ConnectError> {
    let applied = match found {
        Found::Empty => return Ok(Vec::new()),
        Found::Foreign(table) => return Err(ConnectError::Foreign { table: table.clone() }),
        Found::Ours(applied) => applied,
    };
    let program: Vec<String> = known()?.iter().map(|migration| version(migration.as_ref())).collect();
    match applied.iter().filter(|one| !program.contains(one)).max() {
        Some(database) => Err(ConnectError::Newer {
            database: database.clone(),
            program: program.into_iter().max().unwrap_or_default(),
        }),
        None => Ok(applied.clone()),
    }
}

/// The migrations of this program, in order.
fn known() -> Result<Vec<Box<dyn Migration<Pg>>>, ConnectError> {
    let mut migrations = MIGRATIONS.migrations().map_err(ConnectError::Other)?;
    migrations.sort_by_key(|migration| version(migration.as_ref()));
    Ok(migrations)
}

fn version(migration: &dyn Migration<Pg>) -> String {
    migration.name().version().to_string()
}

fn fail(error: diesel::result::Error) -> ConnectError {
    let error: Box<dyn Error + Send + Sync> = error.into();
    ConnectError::Other(error)
}

#[derive(QueryableByName)]
struct Schema {
    #[diesel(sql_type = Nullable<Text>)]
    name: Option<String>,
    #[diesel(sql_type = Bool)]
    ours: bool,
    #[diesel(sql_type = Array<Text>)]
    tables: Vec<String>,
}

#[derive(QueryableByName)]
struct Version {
    #[diesel(sql_type = Text)]
    version: String,
}
