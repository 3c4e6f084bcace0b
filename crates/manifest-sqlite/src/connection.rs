//! Connections: where the file is, and how each one is set up.

use crate::driver::Doing;
use diesel::connection::SimpleConnection;
use diesel::result::ConnectionError;
use diesel::sql_types::Text;
use diesel::{Connection as _, RunQueryDsl, SqliteConnection};
use manifest_core::error::{Port, PortError, PortErrorKind};
use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How a connection may use the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Make the file if there is none.
    Create,
    /// Write to a file that exists.
    Write,
    /// Only read, while others may write.
    Read,
}

/// A database file, in every form that is needed of its name.
#[derive(Clone, Debug)]
pub(crate) struct File {
    /// Absolute.
    pub(crate) path: PathBuf,
}

impl File {
    /// The file at that path, which need not exist.
    pub(crate) fn new(path: &Path) -> io::Result<Self> {
        Ok(Self { path: std::path::absolute(path)? })
    }

    /// Where its write-ahead log is.
    pub(crate) fn log(&self) -> PathBuf {
        let mut log = self.path.clone().into_os_string();
        log.push("-wal");
        log.into()
    }

    /// Opens a connection to it, without setting anything up.
    pub(crate) fn connect(&self, mode: Mode) -> Result<SqliteConnection, ConnectionError> {
        let mode = match mode {
            Mode::Create => "rwc",
            Mode::Write => "rw",
            Mode::Read => "ro",
        };
        // A URI, since a path alone could not say the mode.
        SqliteConnection::establish(&format!("{}?mode={mode}", uri(&self.path)))
    }

    /// A connection for reading.
    pub(crate) fn reader(&self, cache_kib: u32, busy: Duration) -> Port<SqliteConnection> {
        let mut connection = self.connect(Mode::Read).map_err(unconnected)?;
        // No mmap_size: it would turn the file into memory of the process.
        let setup = format!(
            "PRAGMA busy_timeout = {}; PRAGMA query_only = ON; PRAGMA cache_size = -{cache_kib}; PRAGMA temp_store = MEMORY;",
            busy.as_millis()
        );
        connection.batch_execute(&setup).doing("setting up a reader")?;
        Ok(connection)
    }

    /// The connection for writing.
    pub(crate) fn writer(&self, mode: Mode, cache_kib: u32, busy: Duration) -> Port<SqliteConnection> {
        let mut connection = self.connect(mode).map_err(unconnected)?;
        // The write-ahead log is cut back to 64 MiB after a burst. Synchronous FULL makes every commit durable.
        let setup = format!(
            "PRAGMA busy_timeout = {}; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA cache_size = -{cache_kib}; \
             PRAGMA temp_store = MEMORY; PRAGMA journal_size_limit = 67108864; PRAGMA wal_autocheckpoint = 4000;",
            busy.as_millis()
        );
        connection.batch_execute(&setup).doing("setting up the writer")?;
        let JournalMode { journal_mode } = diesel::sql_query("PRAGMA journal_mode = WAL")
            .get_result(&mut connection)
            .doing("switching to the write-ahead log")?;
        if journal_mode != "wal" {
            let context = format!("the file system takes no write-ahead log: the journal stays `{journal_mode}`");
            return Err(PortError::new(PortErrorKind::Unavailable, context));
        }
        Ok(connection)
    }
}

/// An absolute path as SQLite takes it, whatever its bytes.
pub(crate) fn uri(path: &Path) -> String {
    let mut uri = String::from("file://");
    for &byte in path.as_os_str().as_encoded_bytes() {
        if byte.is_ascii_alphanumeric() || b"/-_.".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(uri, "%{byte:02x}");
        }
    }
    uri
}

#[derive(diesel::QueryableByName)]
struct JournalMode {
    #[diesel(sql_type = Text)]
    journal_mode: String,
}

fn unconnected(error: ConnectionError) -> PortError {
    PortError::new(PortErrorKind::Unavailable, "opening the database").with_source(error)
}
