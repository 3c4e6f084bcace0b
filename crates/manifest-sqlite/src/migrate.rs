//! Which version the tables have, and how they get the one that this program knows.

use crate::driver::Doing;
use diesel::migration::{Migration, MigrationSource};
use diesel::sql_types::{BigInt, Text};
use diesel::sqlite::Sqlite;
use diesel::{QueryableByName, RunQueryDsl, SqliteConnection};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use manifest_core::error::{Port, PortError, PortErrorKind};

/// The migrations of this program.
pub(crate) const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations/sqlite");

/// What marks a database as one of ours: `PRAGMA application_id`, set by the first migration.
const APPLICATION: i64 = 0x6d66_7374;

/// What an existing file is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// A database without tables, or no bytes at all.
    Empty,
    /// Somebody else's database.
    Foreign,
    /// One of ours, with the migrations that ran, in order.
    Ours(Vec<String>),
}

/// Looks at a database without changing it.
pub(crate) fn look(connection: &mut SqliteConnection) -> Port<Found> {
    let Number { number: tables } = diesel::sql_query("SELECT count(*) AS number FROM sqlite_schema")
        .get_result(connection)
        .doing("reading the schema")?;
    if tables == 0 {
        return Ok(Found::Empty);
    }
    let Number { number: application } =
        diesel::sql_query("SELECT application_id AS number FROM pragma_application_id")
            .get_result(connection)
            .doing("reading whose database it is")?;
    if application != APPLICATION {
        return Ok(Found::Foreign);
    }
    let versions: Vec<Version> = diesel::sql_query("SELECT version FROM __diesel_schema_migrations ORDER BY version")
        .load(connection)
        .doing("reading the version of the tables")?;
    Ok(Found::Ours(versions.into_iter().map(|row| row.version).collect()))
}

/// The migrations of a source, in order.
pub(crate) fn known(source: &impl MigrationSource<Sqlite>) -> Port<Vec<Box<dyn Migration<Sqlite>>>> {
    let mut migrations = source.migrations().map_err(|error| failed("reading the migrations", error))?;
    migrations.sort_by_key(|migration| version(migration.as_ref()));
    Ok(migrations)
}

/// The version that a migration leads to.
pub(crate) fn version(migration: &dyn Migration<Sqlite>) -> String {
    migration.name().version().to_string()
}

/// Runs those migrations that did not run yet, each in a transaction.
pub(crate) fn run(connection: &mut SqliteConnection, migrations: &[Box<dyn Migration<Sqlite>>]) -> Port<()> {
    let applied = connection.applied_migrations().map_err(|error| failed("reading what ran", error))?;
    for migration in migrations {
        if !applied.contains(&migration.name().version().as_owned()) {
            connection.run_migration(migration.as_ref()).map_err(|error| failed("migrating", error))?;
        }
    }
    Ok(())
}

fn failed(what: &'static str, source: Box<dyn std::error::Error + Send + Sync>) -> PortError {
    let kind = source.downcast_ref::<diesel::result::Error>().map_or(PortErrorKind::Internal, crate::driver::kind);
    PortError::new(kind, what).with_source(source)
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

#[derive(QueryableByName)]
struct Version {
    #[diesel(sql_type = Text)]
    version: String,
}
