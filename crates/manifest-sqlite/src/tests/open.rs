//! Opening: what is made, what is migrated, and what is refused.

use super::world::World;
use crate::migrate::MIGRATIONS;
use crate::{OpenError, Opened, SqliteOptions, SqliteStore};
use diesel::connection::{BoxableConnection, SimpleConnection};
use diesel::migration::{Migration, MigrationMetadata, MigrationName, MigrationSource, MigrationVersion, Result};
use diesel::sqlite::Sqlite;
use manifest_core::facts::RepositoryState;
use manifest_core::ports::{Listings, PageAsk, Repositories};
use manifest_core::{PortErrorKind, ReadScope};
use std::fmt::{Display, Formatter};
use std::fs;
use std::fs::File;
use std::path::Path;

/// The migrations of this program and one more, as a later one will have.
struct Later(&'static str);

struct Extra(&'static str);

impl MigrationSource<Sqlite> for Later {
    fn migrations(&self) -> Result<Vec<Box<dyn Migration<Sqlite>>>> {
        let mut migrations = MIGRATIONS.migrations()?;
        migrations.push(Box::new(Extra(self.0)));
        Ok(migrations)
    }
}

impl Migration<Sqlite> for Extra {
    fn run(&self, connection: &mut dyn BoxableConnection<Sqlite>) -> Result<()> {
        Ok(connection.batch_execute(self.0)?)
    }

    fn revert(&self, _: &mut dyn BoxableConnection<Sqlite>) -> Result<()> {
        Ok(())
    }

    fn metadata(&self) -> &dyn MigrationMetadata {
        self
    }

    fn name(&self) -> &dyn MigrationName {
        self
    }
}

impl MigrationMetadata for Extra {}

impl MigrationName for Extra {
    fn version(&self) -> MigrationVersion<'_> {
        MigrationVersion::from("9000")
    }
}

impl Display for Extra {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.write_str("9000_later")
    }
}

const LATER: Later = Later("CREATE TABLE later (id INTEGER PRIMARY KEY) STRICT");

/// No database, but long enough to be looked at as one.
const TEXT: &[u8] = &[b'x'; 8192];

fn open(path: &Path) -> std::result::Result<SqliteStore, OpenError> {
    SqliteStore::open(path, SqliteOptions::default())
}

fn read_only(path: &Path) -> std::result::Result<SqliteStore, OpenError> {
    SqliteStore::open_read_only(path, SqliteOptions::default())
}

fn files(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_store_is_new_once() {
    let world = World::new();
    assert_eq!(world.store.opened(), &Opened::New);
    let path = world.path();
    let World { store, directory } = world;
    drop(store);
    // All is in the database itself when the store was closed.
    assert_eq!(files(directory.path()), ["registry.sqlite"]);
    let opened = Opened::Existing { migrated_from: None, backup: None };
    assert_eq!(open(&path).unwrap().opened(), &opened);
    // A file that somebody made for it is as good as none.
    let empty = directory.path().join("empty.sqlite");
    fs::write(&empty, "").unwrap();
    assert_eq!(open(&empty).unwrap().opened(), &Opened::New);
}

#[test]
fn odd_names_are_names() {
    let directory = tempfile::tempdir().unwrap();
    for name in ["a b?mode=ro#c.sqlite", "100%.sqlite", "é:x.sqlite", "?"] {
        let path = directory.path().join(name);
        drop(open(&path).unwrap());
        assert!(path.metadata().unwrap().len() > 0, "{name}");
        drop(read_only(&path).unwrap());
    }
}

#[cfg(unix)]
#[test]
fn a_name_need_not_be_text() {
    use std::os::unix::ffi::OsStrExt as _;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(std::ffi::OsStr::from_bytes(b"\xff\xfe.sqlite"));
    drop(open(&path).unwrap());
    assert!(path.metadata().unwrap().len() > 0);
}

#[test]
fn an_older_database_is_copied_and_migrated() {
    let World { store, directory } = World::new();
    let path = directory.path().join("registry.sqlite");
    drop(store);
    // Names that are taken are left alone.
    fs::write(directory.path().join("registry.sqlite.0001.bak"), "taken").unwrap();
    let store = SqliteStore::open_with(&path, SqliteOptions::default(), &LATER, File::sync_data).unwrap();
    let copy = directory.path().join("registry.sqlite.0001.2.bak");
    let opened = Opened::Existing { migrated_from: Some("0001".into()), backup: Some(copy.clone()) };
    assert_eq!(store.opened(), &opened);
    drop(store);
    assert_eq!(fs::read(directory.path().join("registry.sqlite.0001.bak")).unwrap(), b"taken");
    // The copy is a store of the old version, and the database one that an older program refuses.
    assert_eq!(read_only(&copy).unwrap().opened(), &Opened::Existing { migrated_from: None, backup: None });
    for error in [open(&path).unwrap_err(), read_only(&path).unwrap_err()] {
        let OpenError::Newer { database, program } = &error else { panic!("{error:?}") };
        assert_eq!((database.as_str(), program.as_str()), ("9000", "0001"));
        assert!(error.to_string().contains("9000") && error.to_string().contains("0001"), "{error}");
    }
    drop(SqliteStore::open_with(&path, SqliteOptions::default(), &LATER, File::sync_data).unwrap());
    let copies = files(directory.path()).into_iter().filter(|name| name.contains(".0001."));
    assert_eq!(copies.count(), 2, "nothing to migrate, nothing to copy");
}

#[test]
fn a_migration_that_fails_leaves_the_database_as_it_was() {
    let World { store, directory } = World::new();
    let path = directory.path().join("registry.sqlite");
    drop(store);
    let broken = Later("CREATE TABLE later (id INTEGER PRIMARY KEY) STRICT; INSERT INTO nowhere VALUES (1)");
    let error = SqliteStore::open_with(&path, SqliteOptions::default(), &broken, File::sync_data).unwrap_err();
    assert!(matches!(error, OpenError::Other { .. }), "{error:?}");
    assert!(directory.path().join("registry.sqlite.0001.bak").exists());
    open(&path).unwrap();
}

#[test]
fn reading_only_never_migrates() {
    let World { store, directory } = World::new();
    let path = directory.path().join("registry.sqlite");
    drop(store);
    let before = fs::read(&path).unwrap();
    let file = crate::connection::File::new(&path).unwrap();
    let error = crate::open::readable(&file, &LATER).unwrap_err();
    let OpenError::Older { database, program } = &error else { panic!("{error:?}") };
    assert_eq!((database.as_str(), program.as_str()), ("0001", "9000"));
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn what_is_in_the_way_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    let nowhere = at("nowhere").join("registry.sqlite");
    assert!(matches!(open(&nowhere).unwrap_err(), OpenError::NoDirectory { path } if path == at("nowhere")));
    assert!(matches!(read_only(&at("missing")).unwrap_err(), OpenError::Missing { path } if path == at("missing")));
    assert!(!at("missing").exists());

    fs::write(at("text"), TEXT).unwrap();
    for error in [open(&at("text")).unwrap_err(), read_only(&at("text")).unwrap_err()] {
        assert!(matches!(&error, OpenError::NotADatabase { path, .. } if *path == at("text")), "{error:?}");
    }
    let other = at("other").to_str().unwrap().to_owned();
    let mut connection = <diesel::SqliteConnection as diesel::Connection>::establish(&other).unwrap();
    connection.batch_execute("CREATE TABLE theirs (id INTEGER)").unwrap();
    let before = fs::read(at("other")).unwrap();
    for error in [open(&at("other")).unwrap_err(), read_only(&at("other")).unwrap_err()] {
        assert!(matches!(&error, OpenError::Foreign { path } if *path == at("other")), "{error:?}");
    }
    assert_eq!(fs::read(at("other")).unwrap(), before);

    fs::create_dir(at("directory")).unwrap();
    for error in [open(&at("directory")).unwrap_err(), read_only(&at("directory")).unwrap_err()] {
        assert!(matches!(&error, OpenError::NotWritable { .. }), "{error:?}");
    }
}

#[test]
fn the_cause_of_an_error_is_not_said_twice() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("text");
    fs::write(&path, TEXT).unwrap();
    let error: Box<dyn std::error::Error> = Box::new(open(&path).unwrap_err());
    let mut links = vec![error.to_string()];
    let mut link = error.source();
    while let Some(error) = link {
        links.push(error.to_string());
        link = error.source();
    }
    assert!(links.len() >= 3, "{links:?}");
    for (above, below) in links.iter().zip(&links[1..]) {
        assert!(!above.contains(below.as_str()), "{links:?}");
    }
}

#[tokio::test]
async fn a_reader_reads_while_another_store_writes() {
    let world = World::new();
    let reader = read_only(&world.path()).unwrap();
    let names = async |store: &SqliteStore| {
        let page = store.repositories(&ReadScope::All, &PageAsk::first(10)).await.unwrap();
        page.items.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(names(&reader).await, [""; 0]);
    for number in 0..20 {
        world.push(&format!("repository-{number:02}"), "image", &[]).await;
        assert_eq!(names(&reader).await.len().min(10), (number + 1).min(10), "every commit is seen at once");
    }
    let error = reader.set_state(&"repository-00".parse().unwrap(), RepositoryState::ReadOnly).await.unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::Internal);
    // It also reads when nobody serves the file any more.
    let World { store, directory } = world;
    drop((store, reader));
    let reader = read_only(&directory.path().join("registry.sqlite")).unwrap();
    assert_eq!(names(&reader).await.len(), 10);
}
