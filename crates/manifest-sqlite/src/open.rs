//! What can be in the way of opening a database, and what opening it came to.

use crate::connection::{File, Mode};
use crate::driver::{Doing, is_busy, source_message};
use crate::lookups::Lookups;
use crate::migrate::{self, Found};
use crate::store::SqliteOptions;
use crate::{backup, writer};
use diesel::migration::MigrationSource;
use diesel::sql_types::Text;
use diesel::sqlite::Sqlite;
use diesel::{QueryableByName, RunQueryDsl, SqliteConnection};
use manifest_core::error::{PortError, PortErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, io};

/// What opening a database came to, for whoever starts the program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opened {
    /// There was none; it was made.
    New,
    /// It was there.
    Existing {
        /// The version of its tables before they were migrated, if they were.
        migrated_from: Option<String>,
        /// The copy that was made before.
        backup: Option<PathBuf>,
    },
}

/// Why a database was not opened. Nothing was changed in it, but for a migration that failed half-way through several.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The directory that should hold the file does not exist.
    #[error("there is no directory {}", path.display())]
    NoDirectory {
        /// The directory.
        path: PathBuf,
    },
    /// The file does not exist, and it was to be read only.
    #[error("there is no database {}", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// The file, or its directory, may not be written to, or read.
    #[error("{} cannot be used by this user", path.display())]
    NotWritable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: PortError,
    },
    /// The file is no SQLite database.
    #[error("{} is no SQLite database", path.display())]
    NotADatabase {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        #[source]
        source: PortError,
    },
    /// The file is a SQLite database of some other program.
    #[error("{} is a database of another program", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// A newer program has migrated the database; this one does not know its tables.
    #[error(
        "the database has version {database}, and this program knows none newer than {program}: use a newer program"
    )]
    Newer {
        /// The newest migration that ran.
        database: String,
        /// The newest migration that this program has.
        program: String,
    },
    /// The database is of an older version, and it was to be read only.
    #[error(
        "the database has version {database}, and this program needs {program}: open it for writing once, which migrates it"
    )]
    Older {
        /// The newest migration that ran.
        database: String,
        /// The newest migration that this program has.
        program: String,
    },
    /// The linked SQLite is older than the one that this crate was built and measured with.
    #[error("SQLite {linked} is linked, and at least {needed} is needed")]
    OldSqlite {
        /// The version that is linked.
        linked: String,
        /// The version that was built against.
        needed: String,
    },
    /// Another process holds the database.
    #[error("{} is locked by another process", path.display())]
    Busy {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        #[source]
        source: PortError,
    },
    /// The thread that writes could not be started.
    #[error("the writer could not be started")]
    Writer(#[source] io::Error),
    /// Anything else.
    #[error("{} could not be opened", path.display())]
    Other {
        /// The file.
        path: PathBuf,
        /// What happened.
        #[source]
        source: PortError,
    },
}

/// Opens for writing: makes the file or brings it up to date, and starts the writer.
pub(crate) fn writable(
    file: &File,
    options: &SqliteOptions,
    migrations: &impl MigrationSource<Sqlite>,
    lookups: Arc<Lookups>,
    sync: writer::Sync,
) -> Result<(writer::Writer, Opened), OpenError> {
    let directory = file.path.parent().unwrap_or(&file.path);
    if !directory.is_dir() {
        let path = directory.to_owned();
        return Err(OpenError::NoDirectory { path });
    }
    let fail = |source| explain(&file.path, source);
    let known = migrate::known(migrations).map_err(fail)?;
    let program: Vec<String> = known.iter().map(|migration| migrate::version(migration.as_ref())).collect();

    let found = if is_empty(&file.path) { Found::Empty } else { look(file, Mode::Write)? };
    let applied = match found {
        Found::Empty => None,
        Found::Foreign => return Err(OpenError::Foreign { path: file.path.clone() }),
        Found::Ours(applied) => Some(applied),
    };
    refuse_newer(applied.as_deref().unwrap_or_default(), &program)?;

    let SqliteOptions { writer_cache_kib, busy_timeout, .. } = *options;
    let mut connection = file.writer(Mode::Create, writer_cache_kib, busy_timeout).map_err(fail)?;
    refuse_old_sqlite(&mut connection, &file.path)?;
    let pending = applied.as_ref().is_some_and(|applied| program.iter().any(|one| !applied.contains(one)));
    let migrated_from = applied.as_ref().filter(|_| pending).map(|applied| newest(applied));
    let copy = migrated_from
        .as_deref()
        .map(|version| backup::copy(&mut connection, file, version).map_err(fail))
        .transpose()?;
    migrate::run(&mut connection, &known).map_err(fail)?;
    let opened = if applied.is_some() {
        Opened::Existing { migrated_from, backup: copy }
    } else {
        // The file is durable with its first commit; its name is not, until now.
        backup::sync(&file.path).map_err(|error| {
            fail(PortError::new(PortErrorKind::Unavailable, "syncing the new database").with_source(error))
        })?;
        Opened::New
    };
    let (file, cache_kib, busy) = (file.clone(), writer_cache_kib, busy_timeout);
    let settings = writer::WriterSettings { file, cache_kib, busy, lookups, sync };
    let writer = writer::Writer::start(connection, settings).map_err(OpenError::Writer)?;
    Ok((writer, opened))
}

/// Checks that a file can be read as it is.
pub(crate) fn readable(file: &File, migrations: &impl MigrationSource<Sqlite>) -> Result<(), OpenError> {
    let known = migrate::known(migrations).map_err(|source| explain(&file.path, source))?;
    let program: Vec<String> = known.iter().map(|migration| migrate::version(migration.as_ref())).collect();
    if is_empty(&file.path) {
        return Err(OpenError::Missing { path: file.path.clone() });
    }
    match look(file, Mode::Read)? {
        Found::Empty => Err(OpenError::Missing { path: file.path.clone() }),
        Found::Foreign => Err(OpenError::Foreign { path: file.path.clone() }),
        Found::Ours(applied) => {
            refuse_newer(&applied, &program)?;
            if program.iter().any(|one| !applied.contains(one)) {
                let (database, program) = (newest(&applied), newest(&program));
                return Err(OpenError::Older { database, program });
            }
            Ok(())
        }
    }
}

/// Looks at an existing file with a connection that changes nothing in it.
fn look(file: &File, mode: Mode) -> Result<Found, OpenError> {
    let fail = |source| explain(&file.path, source);
    // What the system would refuse later, SQLite would first open for reading only.
    if let Err(error) = fs::OpenOptions::new().read(true).write(mode != Mode::Read).open(&file.path) {
        return Err(OpenError::NotWritable {
            path: file.path.clone(),
            source: PortError::new(PortErrorKind::Unavailable, "opening the file").with_source(error),
        });
    }
    let mut connection = file
        .connect(mode)
        .map_err(|error| fail(PortError::new(PortErrorKind::Unavailable, "opening the database").with_source(error)))?;
    refuse_old_sqlite(&mut connection, &file.path)?;
    migrate::look(&mut connection).map_err(fail)
}

fn is_empty(path: &Path) -> bool {
    fs::metadata(path).map_or(true, |file| file.len() == 0)
}

fn newest(versions: &[String]) -> String {
    versions.iter().max().cloned().unwrap_or_default()
}

fn refuse_newer(applied: &[String], program: &[String]) -> Result<(), OpenError> {
    let unknown = applied.iter().filter(|one| !program.contains(one)).max();
    unknown.map_or(Ok(()), |database| Err(OpenError::Newer { database: database.clone(), program: newest(program) }))
}

fn refuse_old_sqlite(connection: &mut SqliteConnection, path: &Path) -> Result<(), OpenError> {
    #[derive(QueryableByName)]
    struct Linked {
        #[diesel(sql_type = Text)]
        version: String,
    }
    let linked: Linked = diesel::sql_query("SELECT sqlite_version() AS version")
        .get_result(connection)
        .doing("asking for SQLite's version")
        .map_err(|source| explain(path, source))?;
    let needed = libsqlite3_sys::SQLITE_VERSION;
    if number(&linked.version) < number(&needed.to_string_lossy()) {
        let (linked, needed) = (linked.version, needed.to_string_lossy().into_owned());
        return Err(OpenError::OldSqlite { linked, needed });
    }
    Ok(())
}

/// `3.53.2` as numbers that compare.
fn number(version: &str) -> Vec<u32> {
    version.split('.').map(|part| part.parse().unwrap_or(0)).collect()
}

fn explain(path: &Path, source: PortError) -> OpenError {
    let path = path.to_owned();
    let message = source_message(&source).unwrap_or_default();
    if message.starts_with("file is not a database") {
        OpenError::NotADatabase { path, source }
    } else if is_busy(&source) {
        OpenError::Busy { path, source }
    } else if message.starts_with("attempt to write a readonly database")
        || message.starts_with("unable to open database file")
        || is_unopened(&source)
    {
        OpenError::NotWritable { path, source }
    } else {
        OpenError::Other { path, source }
    }
}

/// Whether not even a handle could be had, which SQLite leaves to the system's permissions.
fn is_unopened(source: &PortError) -> bool {
    std::error::Error::source(source).is_some_and(<dyn std::error::Error>::is::<diesel::result::ConnectionError>)
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn versions_compare_as_numbers() {
        assert!(number("3.9.2") < number("3.53.0"));
        assert!(number("3.53.2") < number("3.53.10"));
        assert!(number("3.53.2") >= number("3.53.2"));
    }
}
