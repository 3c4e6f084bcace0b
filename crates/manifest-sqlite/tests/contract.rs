//! The SQLite adapter keeps every promise of the ports.

#![expect(clippy::expect_used, reason = "a test without its files cannot begin")]

use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};
use manifest_contract::keys;
use manifest_contract::rows::{Fixture, Rows};
use manifest_sqlite::{SigningKeyFile, SqliteOptions, SqliteStore};
use std::future::{Ready, ready};
use std::path::{Path, PathBuf};
use std::sync::Arc;

fn open(path: &Path) -> Rows {
    Rows::of(Arc::new(SqliteStore::open(path, SqliteOptions::default()).expect("a store")))
}

/// Overwrites the media type of every manifest, by another process as it were.
fn spoil(path: &Path) {
    let path = path.to_str().expect("a path of a test");
    let mut connection = SqliteConnection::establish(path).expect("a connection");
    connection.batch_execute("UPDATE manifest SET media_type = 'no type'").expect("an update");
}

fn fresh() -> Ready<Fixture> {
    let directory = tempfile::tempdir().expect("a directory");
    let path: PathBuf = directory.path().join("registry.sqlite");
    let (again, spoilt) = (path.clone(), path.clone());
    let fixture = Fixture::new(open(&path)).keeping(directory).reopening(move || async move { open(&again) }).spoiling(
        move |_, _| async move {
            spoil(&spoilt);
            ("manifest".to_owned(), "media_type".to_owned())
        },
    );
    ready(fixture)
}

manifest_contract::rows!(fresh);

fn signing_keys() -> Ready<keys::Fixture> {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("signing-key.pem");
    let keys = Arc::new(SigningKeyFile::at(&path));
    let again = move || -> Arc<dyn manifest_core::ports::SigningKeys> { Arc::new(SigningKeyFile::at(&path)) };
    ready(keys::Fixture::new(keys).keeping(directory).reopening(again))
}

manifest_contract::keys!(signing_keys);
