//! Databases, one a test.

use crate::{Cluster, FixtureError, psql, template::Template};
use std::{env, sync::OnceLock, thread};
use tokio::sync::oneshot;
use uuid::Uuid;

/// The variable of the environment that names a server to use instead of starting one: an address that `psql` takes, of a
/// user who may create databases, without TLS.
pub const URL_VARIABLE: &str = "TEST_DATABASE_URL";

/// Removes all rows but those that the migrations wrote: the rows of the empty layer and of the store's id. A transaction of a superuser.
///
/// Rows are deleted, since truncating a table makes new files of it and of its indexes, which takes ten times as long; and without
/// triggers, which would write what is deleted elsewhere.
pub const CLEAR: &str = "
    DO $$
    DECLARE
        cleared name;
    BEGIN
        SET LOCAL session_replication_role = replica;
        FOR cleared IN SELECT tablename FROM pg_tables WHERE schemaname = current_schema()
            AND tablename NOT IN ('__diesel_schema_migrations', 'blob', 'blob_store')
        LOOP
            EXECUTE format('DELETE FROM %I', cleared);
        END LOOP;
        DELETE FROM blob WHERE location NOT LIKE 'builtin:%';
    END
    $$";

/// A database for one test. It is removed when this is dropped, whoever is still connected to it.
#[derive(Debug)]
pub struct Database {
    admin: String,
    name: String,
    url: String,
}

impl Database {
    /// A new database with the tables of the registry, and no rows but those that the migrations write.
    ///
    /// # Panics
    ///
    /// If there is no server, or it cannot make one; the message says why.
    pub async fn fresh() -> Self {
        in_background(|| Self::migrated(shared()?)).await
    }

    /// A new database without tables.
    ///
    /// # Panics
    ///
    /// If there is no server, or it cannot make one; the message says why.
    pub async fn empty() -> Self {
        in_background(|| Self::bare(shared()?)).await
    }

    /// Where it is: `postgres://user@host:port/name`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its name on the server.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs statements by `psql` and answers what the queries among them answered, a row a line, columns separated by `|`.
    ///
    /// # Errors
    ///
    /// What the server says.
    pub fn psql(&self, statements: &str) -> Result<String, FixtureError> {
        psql::run(&self.url, &[statements])
    }

    /// Makes it as [`Self::fresh`] made it, see [`CLEAR`].
    ///
    /// # Panics
    ///
    /// If the server refuses.
    pub async fn clear(&self) {
        let url = self.url.clone();
        in_background(move || psql::run(&url, &[CLEAR]).map(drop)).await;
    }

    /// Like [`Self::fresh`], on that server.
    pub(crate) fn migrated(admin: &str) -> Result<Self, FixtureError> {
        let database = Self::named(admin);
        Template::read()?.copy(admin, &database.name)?;
        Ok(database)
    }

    /// Like [`Self::empty`], on that server.
    pub(crate) fn bare(admin: &str) -> Result<Self, FixtureError> {
        let database = Self::named(admin);
        psql::run(admin, &[&format!("CREATE DATABASE {} TEMPLATE template0", database.name)])?;
        Ok(database)
    }

    /// A name that nobody else has, not even on a server that several machines test with.
    fn named(admin: &str) -> Self {
        let name = format!("test_{}", Uuid::new_v4().simple());
        Self { admin: admin.to_owned(), url: psql::with_database(admin, &name), name }
    }
}

impl Drop for Database {
    #[expect(clippy::print_stderr, reason = "a test that leaves something behind says so, and `drop` can only print")]
    fn drop(&mut self) {
        if let Err(error) = psql::run(&self.admin, &[&format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name)]) {
            eprintln!("the database {} is left behind: {error}", self.name);
        }
    }
}

/// The server of this process: the one that the environment names, or a cluster that ends with the process.
fn shared() -> Result<&'static str, FixtureError> {
    static GIVEN: OnceLock<Option<String>> = OnceLock::new();
    static STARTED: OnceLock<Result<Cluster, String>> = OnceLock::new();
    if let Some(url) = GIVEN.get_or_init(|| env::var(URL_VARIABLE).ok().filter(|url| !url.is_empty())) {
        return Ok(url);
    }
    let started = STARTED.get_or_init(|| Cluster::start().map_err(|error| error.chain()));
    started.as_ref().map(Cluster::url).map_err(|printed| FixtureError::Failed {
        command: "starting a cluster for this process".to_owned(),
        printed: printed.clone(),
    })
}

/// Runs what blocks on a thread of its own, so that a test's runtime goes on meanwhile.
async fn in_background<T: Send + 'static>(make: impl FnOnce() -> Result<T, FixtureError> + Send + 'static) -> T {
    let (answer, answered) = oneshot::channel();
    thread::spawn(move || answer.send(make()).is_ok());
    match answered.await {
        Ok(Ok(database)) => database,
        Ok(Err(error)) => panic!("no database for this test: {error:?}"),
        Err(gone) => panic!("no database for this test, the thread that makes it panicked: {gone}"),
    }
}
