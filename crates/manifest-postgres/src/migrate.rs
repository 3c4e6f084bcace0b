//! Which version the tables have, and how they get the one that this program knows.

use crate::connect::{ConnectError, explain};
use crate::connection::Opener;
use crate::look::{Blocking, Found, look};
use crate::store::PostgresOptions;
use diesel::Connection;
use diesel::connection::SimpleConnection;
use diesel::migration::{Migration, MigrationSource};
use diesel::pg::Pg;
use diesel_async::AsyncPgConnection;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

/// The migrations of this program.
pub(crate) const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations/postgres");

/// Which migrations a database has, and which it lacks. Each is named as its directory is: `0001_tables`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Migrations {
    /// Those that had run when the database was looked at, in order; none in a new database.
    pub applied: Vec<String>,
    /// Those that this program has beyond them, in order: what `migrate` runs, or has run.
    pub missing: Vec<String>,
}

impl Migrations {
    /// Looks at a database without changing it.
    ///
    /// # Errors
    ///
    /// [`ConnectError`], which says what is in the way.
    pub async fn status(options: &PostgresOptions) -> Result<Self, ConnectError> {
        within(options, compare).await
    }

    /// Runs the migrations that are missing, all in one transaction, and answers what was there before. Nodes that do so at the
    /// same time wait for each other: the first one runs them, the others find them done.
    ///
    /// # Errors
    ///
    /// [`ConnectError`], which says what is in the way.
    pub async fn up(options: &PostgresOptions) -> Result<Self, ConnectError> {
        within(options, |connection| {
            connection.transaction(|connection| {
                // Whoever waited for the lock must see what the one before did, whatever the default of the database is.
                connection.batch_execute("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")?;
                connection.batch_execute("SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0")?;
                // Held until the transaction ends, on whichever connection of the server it runs.
                connection.batch_execute(&format!("SELECT pg_advisory_xact_lock({LOCK})"))?;
                let found = compare(connection)?;
                if !found.missing.is_empty() {
                    // Makes the table of those that ran, where there is none.
                    connection.applied_migrations().map_err(ConnectError::Other)?;
                }
                for migration in known()?.iter().filter(|one| found.missing.contains(&name(one.as_ref()))) {
                    connection
                        .run_migration(migration.as_ref())
                        .map_err(|source| ConnectError::Migration { version: name(migration.as_ref()), source })?;
                }
                Ok(found)
            })
        })
        .await
    }
}

/// The advisory lock of those who migrate: the bytes of `migrated`.
const LOCK: i64 = i64::from_be_bytes(*b"migrated");

/// Looks at a database without changing it, on a connection that is not needed for anything else.
pub(crate) async fn status(connection: AsyncPgConnection) -> Result<Migrations, ConnectError> {
    on(connection, compare).await
}

async fn within<T: Send + 'static>(
    options: &PostgresOptions,
    work: impl FnOnce(&mut Blocking) -> Result<T, ConnectError> + Send + 'static,
) -> Result<T, ConnectError> {
    let connection = Opener::new(options)?.open().await.map_err(|error| explain(error, &options.url))?;
    on(connection, work).await
}

async fn on<T: Send + 'static>(
    connection: AsyncPgConnection,
    work: impl FnOnce(&mut Blocking) -> Result<T, ConnectError> + Send + 'static,
) -> Result<T, ConnectError> {
    tokio::task::spawn_blocking(move || work(&mut Blocking::from(connection)))
        .await
        .map_err(|error| ConnectError::Other(error.into()))?
}

fn compare(connection: &mut Blocking) -> Result<Migrations, ConnectError> {
    let applied = match look(connection)? {
        Found::Empty => Vec::new(),
        Found::Ours(applied) => applied,
    };
    let known = known()?;
    let version = |one: &dyn Migration<Pg>| one.name().version().to_string();
    let unknown = applied.iter().filter(|one| !known.iter().any(|known| version(known.as_ref()) == **one)).max();
    if let Some(database) = unknown {
        let program = known.last().map(|one| version(one.as_ref())).unwrap_or_default();
        return Err(ConnectError::Newer { database: database.clone(), program });
    }
    let (ran, missing): (Vec<_>, Vec<_>) = known.iter().partition(|known| applied.contains(&version(known.as_ref())));
    let names = |some: Vec<&Box<dyn Migration<Pg>>>| some.into_iter().map(|one| name(one.as_ref())).collect();
    Ok(Migrations { applied: names(ran), missing: names(missing) })
}

/// The migrations of this program, in order.
fn known() -> Result<Vec<Box<dyn Migration<Pg>>>, ConnectError> {
    let mut migrations = MIGRATIONS.migrations().map_err(ConnectError::Other)?;
    migrations.sort_by_key(|migration| name(migration.as_ref()));
    Ok(migrations)
}

fn name(migration: &dyn Migration<Pg>) -> String {
    migration.name().to_string()
}
