//! The copy that is made of a database before it is migrated.

use crate::connection::{File, uri};
use crate::driver::Doing;
use diesel::sql_types::Text;
use diesel::{RunQueryDsl, SqliteConnection};
use manifest_core::error::{Port, PortError, PortErrorKind};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::{fs, io};

/// Copies the database beside itself, durably, under a name that holds its version and that nothing had before.
pub(crate) fn copy(connection: &mut SqliteConnection, file: &File, version: &str) -> Port<PathBuf> {
    let target = reserve(&file.path, version).map_err(|error| failed("reserving a name for the copy", error))?;
    diesel::sql_query("VACUUM INTO ?")
        .bind::<Text, _>(uri(&target))
        .execute(connection)
        .doing("copying the database before migrating it")?;
    // SQLite does not wait for this file to reach the disk.
    sync(&target).map_err(|error| failed("syncing the copy of the database", error))?;
    Ok(target)
}

/// Makes an entry of a directory durable, and the file with it.
pub(crate) fn sync(path: &Path) -> io::Result<()> {
    fs::File::open(path)?.sync_all()?;
    path.parent().map_or(Ok(()), |directory| fs::File::open(directory)?.sync_all())
}

/// Makes an empty file, which no other call got, beside the database.
fn reserve(database: &Path, version: &str) -> io::Result<PathBuf> {
    let mut attempt = 1;
    loop {
        let mut name = OsString::from(database);
        name.push(if attempt == 1 { format!(".{version}.bak") } else { format!(".{version}.{attempt}.bak") });
        match fs::File::create_new(&name) {
            Ok(_) => return Ok(name.into()),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => attempt += 1,
            Err(error) => return Err(error),
        }
    }
}

fn failed(what: &'static str, error: io::Error) -> PortError {
    let full = matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
    let kind = if full { PortErrorKind::Full } else { PortErrorKind::Unavailable };
    PortError::new(kind, what).with_source(error)
}
