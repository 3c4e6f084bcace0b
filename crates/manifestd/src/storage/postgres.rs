//! Rows in a Postgres database, and which bytes belong to them.

use super::{Condition, no_blobs, store_name};
use crate::config::Metadata;
use crate::failure::Failure;
use blobs_filesystem::FilesystemBlobs;
use manifest_core::PortError;
use manifest_postgres::{Migrations, PostgresOptions, PostgresStore, Writable};
use std::path::Path;
use std::{env, fs};

pub(super) use manifest_postgres::PostgresOptions as Options;

/// Where the database is and how it is used.
pub(super) fn options(metadata: &Metadata) -> Result<PostgresOptions, Failure> {
    let mut url = metadata.url.0.clone().ok_or(Failure::NoDatabaseUrl)?;
    if let Some(password) = password(metadata)? {
        url = url.with_password(&password);
    }
    Ok(PostgresOptions {
        migrate: metadata.migrate,
        pool_size: metadata.pool_size,
        acquire_timeout: metadata.acquire_timeout.as_duration(),
        statement_timeout: metadata.statement_timeout.as_duration(),
        idle_timeout: Some(metadata.idle_timeout.as_duration()),
        max_lifetime: Some(metadata.max_lifetime.as_duration()),
        application_name: Some(metadata.application_name.clone()).filter(|name| !name.is_empty()),
        ..PostgresOptions::new(url)
    })
}

/// The password that is given apart from the URL: the file's, or that of libpq's variable where the URL has none.
fn password(metadata: &Metadata) -> Result<Option<String>, Failure> {
    let path = &metadata.password_file;
    if !path.as_os_str().is_empty() {
        let text = fs::read_to_string(path).map_err(|source| Failure::File { path: path.clone(), source })?;
        // Files end in a line feed; passwords do not.
        return Ok(Some(text.trim_end_matches(['\r', '\n']).to_owned()));
    }
    let given = metadata.url.0.as_ref().is_some_and(manifest_postgres::DatabaseUrl::has_password);
    Ok(if given { None } else { env::var("PGPASSWORD").ok() })
}

pub(super) async fn connect(options: PostgresOptions) -> Result<PostgresStore, Failure> {
    PostgresStore::connect(options).await.map_err(Failure::Database)
}

/// A database as it is, for one command: it asks one thing after the other.
pub(super) async fn connect_for_a_command(metadata: &Metadata) -> Result<PostgresStore, Failure> {
    connect(PostgresOptions { migrate: false, pool_size: 2, ..options(metadata)? }).await
}

/// What the database is like now.
pub(super) async fn condition(store: &PostgresStore) -> Result<Condition, PortError> {
    let found = store.condition().await?;
    let read_only = match found.writable {
        Writable::Yes => None,
        Writable::Standby => Some("it is a standby"),
        Writable::ReadOnly => Some("its settings make transactions read-only (default_transaction_read_only)"),
    };
    Ok(Condition { now: found.now, read_only })
}

/// The migrations of the database, and those that are run if they are to be.
pub(crate) async fn migrations(metadata: &Metadata, run: bool) -> Result<Migrations, Failure> {
    let options = options(metadata)?;
    let migrations = if run { Migrations::up(&options).await } else { Migrations::status(&options).await };
    migrations.map_err(Failure::Database)
}

/// The blobs in that directory, if they are those of the rows. The first node says which those are.
pub(super) async fn blobs(store: &PostgresStore, root: &Path, min_free: u64) -> Result<FilesystemBlobs, Failure> {
    let name = store_name()?;
    let claimed = store.blob_store_id(&name).await.map_err(failed)?;
    // Opening makes a store where none is; where one should be, its directory is not mounted.
    if let Some(expected) = &claimed
        && !root.join("store-id").is_file()
    {
        require_finished(expected)?;
        return Err(Failure::OtherBlobs { directory: root.to_owned(), expected: expected.clone(), found: None });
    }
    let blobs = FilesystemBlobs::open(root, name.clone(), blobs_filesystem::Options { min_free })
        .map_err(|error| no_blobs(root, error))?;
    let found = blobs.store_id().to_string();
    let expected = match claimed {
        // Nothing is written, so that a node can start on a standby and answer pulls.
        Some(claimed) => claimed,
        None => store.claim_blob_store(&name, &found).await.map_err(failed)?,
    };
    agree(root, expected, found)?;
    Ok(blobs)
}

/// Fails if the rows are about the bytes of another store.
pub(super) async fn require_same(store: &PostgresStore, blobs: &FilesystemBlobs, root: &Path) -> Result<(), Failure> {
    let found = blobs.store_id().to_string();
    match store.blob_store_id(&store_name()?).await.map_err(failed)? {
        Some(expected) => agree(root, expected, found),
        None => Ok(()),
    }
}

/// What a database names while the rows about that store are copied into it.
pub(super) fn unfinished(store: &str) -> String {
    format!("{UNFINISHED}{store}")
}

const UNFINISHED: &str = "copying:";

fn require_finished(claimed: &str) -> Result<(), Failure> {
    if claimed.starts_with(UNFINISHED) { Err(Failure::UnfinishedCopy) } else { Ok(()) }
}

pub(super) fn agree(root: &Path, expected: String, found: String) -> Result<(), Failure> {
    require_finished(&expected)?;
    if expected == found {
        return Ok(());
    }
    Err(Failure::OtherBlobs { directory: root.to_owned(), expected, found: Some(found) })
}

fn failed(source: PortError) -> Failure {
    Failure::UseCase { doing: "comparing the database with the blobs", source: source.into() }
}
