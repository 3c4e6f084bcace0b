//! A database with the registry's tables that others are copied from: a copy is quicker than the migrations.

use crate::{FixtureError, psql};
use std::{
    collections::hash_map::DefaultHasher,
    fs,
    hash::{Hash, Hasher},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};
use uuid::Uuid;

/// What diesel keeps about the migrations that have run, so that a node finds nothing left to do.
const BOOKKEEPING: &str = "CREATE TABLE __diesel_schema_migrations (
    version VARCHAR(50) PRIMARY KEY NOT NULL,
    run_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP
)";

/// Tests of one process that find no template wait for the one that makes it.
static MAKING: Mutex<()> = Mutex::new(());

/// The migrations of the registry, and the template's name, which changes with them.
#[derive(Debug)]
pub(crate) struct Template {
    migrations: Vec<Migration>,
    name: String,
}

#[derive(Debug, Hash)]
struct Migration {
    version: String,
    file: PathBuf,
    sql: String,
}

impl Template {
    /// Reads the migrations as they are in the checkout now.
    pub(crate) fn read() -> Result<Self, FixtureError> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations/postgres");
        let entries = fs::read_dir(&folder).map_err(FixtureError::file(&folder))?;
        let mut paths: Vec<PathBuf> = entries
            .map(|entry| entry.map(|entry| entry.path()).map_err(FixtureError::file(&folder)))
            .collect::<Result<_, _>>()?;
        paths.retain(|path| path.join("up.sql").is_file());
        paths.sort_unstable();
        let migrations: Vec<Migration> = paths.iter().map(|path| Migration::read(path)).collect::<Result<_, _>>()?;
        // Equal for equal migrations with one compiler, which is enough: another one makes another template.
        let mut hasher = DefaultHasher::new();
        migrations.hash(&mut hasher);
        Ok(Self { migrations, name: format!("manifest_template_{:016x}", hasher.finish()) })
    }

    /// Makes a new database of that name as a copy, after the template if there is none.
    pub(crate) fn copy(&self, admin: &str, database: &str) -> Result<(), FixtureError> {
        let copy = format!("CREATE DATABASE {database} TEMPLATE {}", self.name);
        if psql::run(admin, &[&copy]).is_ok() {
            return Ok(());
        }
        self.make(admin)?;
        psql::run(admin, &[&copy]).map(drop)
    }

    /// Makes the template unless somebody has.
    ///
    /// It is built under another name and renamed when it is whole: so processes that do this at once need no lock, and
    /// one that is killed leaves nothing that could be taken for a template.
    fn make(&self, admin: &str) -> Result<(), FixtureError> {
        let _one = MAKING.lock().unwrap_or_else(PoisonError::into_inner);
        if self.exists(admin)? {
            return Ok(());
        }
        let draft = format!("manifest_draft_{}", Uuid::new_v4().simple());
        psql::run(admin, &[&format!("CREATE DATABASE {draft} TEMPLATE template0")])?;
        let made = self.fill(&psql::with_database(admin, &draft)).and_then(|()| {
            // A database that somebody is connected to cannot be copied.
            let close = format!("ALTER DATABASE {draft} ALLOW_CONNECTIONS false");
            let rename = format!("ALTER DATABASE {draft} RENAME TO {}", self.name);
            psql::run(admin, &[&close, &rename]).map(drop)
        });
        if made.is_err() {
            psql::run(admin, &[&format!("DROP DATABASE IF EXISTS {draft} WITH (FORCE)")])?;
        }
        // Another process may have been quicker.
        if self.exists(admin)? { Ok(()) } else { made }
    }

    fn exists(&self, admin: &str) -> Result<bool, FixtureError> {
        let question = format!("SELECT count(*) FROM pg_database WHERE datname = '{}'", self.name);
        Ok(psql::run(admin, &[&question])? == "1")
    }

    fn fill(&self, url: &str) -> Result<(), FixtureError> {
        psql::run(url, &[BOOKKEEPING])?;
        for Migration { version, file, .. } in &self.migrations {
            let done = format!("INSERT INTO __diesel_schema_migrations (version) VALUES ('{version}')");
            psql::run_file(url, file, &done)?;
        }
        // What a long-lived database would have: plans that tests look at depend on it.
        psql::run(url, &["ANALYZE"]).map(drop)
    }
}

impl Migration {
    fn read(folder: &Path) -> Result<Self, FixtureError> {
        let file = folder.join("up.sql");
        let sql = fs::read_to_string(&file).map_err(FixtureError::file(&file))?;
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        // The number before the first underscore, without hyphens, as diesel has it.
        let version = name.split('_').next().unwrap_or_default().replace('-', "");
        Ok(Self { version, file, sql })
    }
}
