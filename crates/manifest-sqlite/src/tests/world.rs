//! A store in a directory of its own, and what tests put into it.

use crate::connection::{File, Mode};
use crate::{SqliteOptions, SqliteStore};
use diesel::SqliteConnection;
use diesel::connection::SimpleConnection;
use std::path::PathBuf;
use std::time::Duration;
use tempfile::TempDir;

/// A store and its directory, which goes with it.
pub(super) struct World {
    pub(super) store: SqliteStore,
    pub(super) directory: TempDir,
}

impl World {
    pub(super) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&directory.path().join("registry.sqlite"), SqliteOptions::default()).unwrap();
        Self { store, directory }
    }

    pub(super) fn path(&self) -> PathBuf {
        self.directory.path().join("registry.sqlite")
    }

    /// A connection that goes past the store, as another program would.
    pub(super) fn connection(&self) -> SqliteConnection {
        let mut connection = File::new(&self.path()).unwrap().connect(Mode::Write).unwrap();
        let wait = format!("PRAGMA busy_timeout = {}", Duration::from_secs(5).as_millis());
        connection.batch_execute(&wait).unwrap();
        connection
    }

    /// Runs SQL past the store.
    pub(super) fn sql(&self, sql: &str) {
        self.connection().batch_execute(sql).unwrap();
    }
}
