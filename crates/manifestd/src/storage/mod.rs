//! Where rows and bytes are kept: the only place that names adapters.

mod copy;
mod pool;
mod postgres;

use crate::config::Config;
use crate::failure::Failure;
use crate::greeting::Home;
use crate::lock::{DirectoryLock, LockError};
use blobs_filesystem::FilesystemBlobs;
use futures_util::future::BoxFuture;
use manifest_core::facts::{ParseStoreNameError, StoreName};
use manifest_core::ports::{
    BlobStore, Blobs, Collection, LegacyImages, Listings, Manifests, Ports, Records, Repositories, SigningKeys, Uploads,
};
use manifest_core::{AllowAll, Millis, PortError};
use manifest_memory::{MemoryBlobs, MemorySigningKeys, MemoryStore};
use manifest_postgres::PostgresStore;
use manifest_sqlite::{OpenError, Opened, SigningKeyFile, SqliteOptions, SqliteStore};
use registry_http::prometheus_client::registry::Registry as Metrics;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(crate) use copy::Move;
pub(crate) use postgres::migrations;

const DATABASE: &str = "manifestd.sqlite";
const BLOBS: &str = "blobs";
const SIGNING_KEY: &str = "signing-key.pem";

/// The name of the blob store in every location that the database holds.
const STORE: &str = "main";

/// Where data will be kept, claimed so that no other process takes it.
#[derive(Debug)]
pub(crate) enum Place {
    Memory {
        limit: u64,
    },
    Directory {
        path: PathBuf,
        _lock: DirectoryLock,
    },
    /// Rows in a database that many nodes use, and blobs in a directory that all of them see.
    Shared {
        path: PathBuf,
    },
}

/// What holds the rows.
enum Rows {
    Memory,
    Sqlite(SqliteStore),
    Postgres(PostgresStore),
}

/// What a database on another machine is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Condition {
    pub(crate) now: Millis,
    /// Why it takes no writes, if it takes none.
    pub(crate) read_only: Option<&'static str>,
}

/// What the database is like: asked anew each time.
pub(crate) type AskCondition = Arc<dyn Fn() -> BoxFuture<'static, Result<Condition, PortError>> + Send + Sync>;

/// The stores, open for writing.
pub(crate) struct Storage {
    pub(crate) ports: Ports,
    place: Place,
    rows: Rows,
}

impl Place {
    /// Claims what the configuration says. Makes the data directory if it is absent.
    pub(crate) fn claim(config: &Config) -> Result<Self, Failure> {
        let storage = &config.storage;
        if storage.ephemeral {
            return Ok(Self::Memory { limit: storage.ephemeral_limit.0 });
        }
        let path = absolute(&storage.data_dir);
        if config.metadata.url.is_postgres() {
            return Ok(Self::Shared { path });
        }
        match DirectoryLock::acquire(&path) {
            Ok(lock) => Ok(Self::Directory { path, _lock: lock }),
            Err(LockError::Held { pid }) => Err(Failure::InUse { directory: path, pid }),
            Err(LockError::Io(source)) if is_refusal(&source) => Err(not_writable(&path, source)),
            Err(LockError::Io(source)) => Err(Failure::NoDirectory { directory: path, source }),
        }
    }

    /// Opens the stores there, and brings them up to date.
    pub(crate) async fn open(self, config: &Config) -> Result<Storage, Failure> {
        self.open_with(config, config.metadata.migrate).await
    }

    /// Opens the stores there; a database that many nodes use is not migrated by the way.
    pub(crate) async fn open_as_it_is(self, config: &Config) -> Result<Storage, Failure> {
        self.open_with(config, false).await
    }

    async fn open_with(self, config: &Config, migrate: bool) -> Result<Storage, Failure> {
        let storage = &config.storage;
        match self {
            Self::Memory { limit } => {
                let ports = MemoryStore::new().ports(MemoryBlobs::new(limit), AllowAll);
                Ok(Storage { ports, place: self, rows: Rows::Memory })
            }
            Self::Directory { ref path, .. } => {
                let options = blobs_filesystem::Options { min_free: storage.min_free.0 };
                let blobs = FilesystemBlobs::open(&path.join(BLOBS), store_name()?, options)
                    .map_err(|error| no_blobs(path, error))?;
                let database = SqliteStore::open(&path.join(DATABASE), SqliteOptions::default());
                let sqlite = database.map_err(|error| no_database(path, error))?;
                Ok(Storage { ports: ports(&sqlite, Arc::new(blobs)), place: self, rows: Rows::Sqlite(sqlite) })
            }
            Self::Shared { ref path } => {
                let options = postgres::Options { migrate, ..postgres::options(&config.metadata)? };
                let store = postgres::connect(options).await?;
                let blobs = postgres::blobs(&store, &path.join(BLOBS), storage.min_free.0).await?;
                let ports = ports(&store, Arc::new(blobs));
                Ok(Storage { ports, place: self, rows: Rows::Postgres(store) })
            }
        }
    }
}

impl Storage {
    /// What was found, for the first lines.
    pub(crate) async fn home(&self) -> Result<Home, PortError> {
        match &self.place {
            Place::Memory { limit } => Ok(Home::Memory { limit: *limit }),
            Place::Directory { path, .. } => Ok(Home::Directory {
                path: path.clone(),
                new: matches!(&self.rows, Rows::Sqlite(sqlite) if *sqlite.opened() == Opened::New),
                free: self.ports.bytes.capacity().await?.free,
                holds: self.ports.listings.totals().await?,
            }),
            Place::Shared { path } => Ok(Home::Shared {
                path: path.clone(),
                database: match &self.rows {
                    Rows::Postgres(store) => store.url().to_string(),
                    Rows::Memory | Rows::Sqlite(_) => String::new(),
                },
                free: self.ports.bytes.capacity().await?.free,
                holds: self.ports.listings.totals().await?,
            }),
        }
    }

    /// The version that the database had before it was migrated by this start, and the copy that was made of it.
    pub(crate) fn migration(&self) -> Option<(&str, Option<&Path>)> {
        match &self.rows {
            Rows::Memory => None,
            Rows::Sqlite(sqlite) => match sqlite.opened() {
                Opened::Existing { migrated_from, backup } => Some((migrated_from.as_deref()?, backup.as_deref())),
                Opened::New => None,
            },
            Rows::Postgres(store) => {
                let opened = store.opened();
                (!opened.missing.is_empty()).then(|| (opened.applied.last().map_or("nothing", String::as_str), None))
            }
        }
    }

    /// Where the key is that signs: in a file, or with the rows that many nodes share; without either it ends with the process.
    pub(crate) fn signing_keys(&self, config: &Config) -> Arc<dyn SigningKeys> {
        match (signing_key_path(config), &self.rows) {
            (Some(path), _) => Arc::new(SigningKeyFile::at(&path)),
            (None, Rows::Postgres(store)) => Arc::new(store.clone()),
            (None, Rows::Memory | Rows::Sqlite(_)) => Arc::new(MemorySigningKeys::new()),
        }
    }

    /// Asks what the database is like, where it may be on another machine.
    pub(crate) fn condition(&self) -> Option<AskCondition> {
        let Rows::Postgres(store) = &self.rows else { return None };
        let store = store.clone();
        Some(Arc::new(move || {
            let store = store.clone();
            Box::pin(async move { postgres::condition(&store).await })
        }))
    }

    /// The locale of the database's messages, if errors are not told apart because of it.
    pub(crate) fn foreign_messages(&self) -> Option<&str> {
        match &self.rows {
            Rows::Postgres(store) => store.foreign_messages(),
            Rows::Memory | Rows::Sqlite(_) => None,
        }
    }

    /// Shows what the stores count.
    pub(crate) fn register(&self, metrics: &mut Metrics) {
        if let Rows::Postgres(store) = &self.rows {
            metrics.register_collector(Box::new(pool::Pool(store.clone())));
        }
    }

    /// Ends the writes that wait and leaves the database as one file. Blocks the thread meanwhile.
    pub(crate) fn close(&self) {
        if let Rows::Sqlite(sqlite) = &self.rows {
            sqlite.close();
        }
    }
}

/// The stores of a data directory to look at, also while another process writes there. Nothing is made and nothing changed.
pub(crate) async fn open_read_only(config: &Config) -> Result<Ports, Failure> {
    let storage = &config.storage;
    if storage.ephemeral {
        return Err(Failure::Ephemeral);
    }
    let path = absolute(&storage.data_dir);
    if config.metadata.url.is_postgres() {
        let store = postgres::connect_for_a_command(&config.metadata).await?;
        return Ok(ports(&store, blobs_to_read(&path)?));
    }
    let database = SqliteStore::open_read_only(&path.join(DATABASE), SqliteOptions::default());
    let sqlite = database.map_err(|error| no_database(&path, error))?;
    Ok(ports(&sqlite, blobs_to_read(&path)?))
}

/// The stores of a data directory to check: like [`open_read_only`], but with the blobs or not at all.
pub(crate) async fn open_to_check(config: &Config) -> Result<Ports, Failure> {
    let mut ports = open_read_only(config).await?;
    let path = absolute(&config.storage.data_dir);
    let root = path.join(BLOBS);
    // Opening would make what is missing, and then find that everything is.
    if !root.join("store-id").is_file() {
        let source = io::Error::new(io::ErrorKind::NotFound, "there is no store-id in it");
        return Err(Failure::Open { what: "blob store", directory: root, source: source.into() });
    }
    let options = blobs_filesystem::Options::default();
    let blobs = FilesystemBlobs::open(&root, store_name()?, options).map_err(|error| no_blobs(&path, error))?;
    if config.metadata.url.is_postgres() {
        postgres::require_same(&postgres::connect_for_a_command(&config.metadata).await?, &blobs, &root).await?;
    }
    ports.bytes = Arc::new(blobs);
    Ok(ports)
}

/// Where the key is that signs, for a command: in a file, or with the rows that many nodes share.
pub(crate) async fn signing_keys(config: &Config) -> Result<Arc<dyn SigningKeys>, Failure> {
    Ok(match signing_key_path(config) {
        Some(path) => Arc::new(SigningKeyFile::at(&path)),
        None => Arc::new(postgres::connect_for_a_command(&config.metadata).await?),
    })
}

/// The file of that key, if it is in one.
pub(crate) fn signing_key_path(config: &Config) -> Option<PathBuf> {
    let configured = &config.legacy.signing_key;
    if !configured.as_os_str().is_empty() {
        return Some(absolute(configured));
    }
    let is_beside_rows = !config.storage.ephemeral && !config.metadata.url.is_postgres();
    is_beside_rows.then(|| absolute(&config.storage.data_dir).join(SIGNING_KEY))
}

/// Fails where nothing was ever served, so that nothing is made there.
pub(crate) fn require_registry(config: &Config) -> Result<(), Failure> {
    let storage = &config.storage;
    if storage.ephemeral {
        return Err(Failure::Ephemeral);
    }
    // Connecting says whether a database holds one.
    let directory = absolute(&storage.data_dir);
    if config.metadata.url.is_postgres() || directory.join(DATABASE).is_file() {
        Ok(())
    } else {
        Err(Failure::NoRegistry { directory })
    }
}

/// The blobs, where this user may use them; else none, so that what rows say can still be seen.
fn blobs_to_read(path: &Path) -> Result<Arc<dyn BlobStore>, Failure> {
    let root = path.join(BLOBS);
    // Opening would make what is missing.
    if root.join("store-id").is_file()
        && let Ok(blobs) = FilesystemBlobs::open(&root, store_name()?, blobs_filesystem::Options::default())
    {
        return Ok(Arc::new(blobs));
    }
    Ok(Arc::new(MemoryBlobs::new(0)))
}

/// One store behind every port that holds rows.
fn ports<S>(rows: &S, bytes: Arc<dyn BlobStore>) -> Ports
where
    S: Manifests + Listings + Repositories + Blobs + Uploads + Collection + LegacyImages + Records + Clone + 'static,
{
    Ports {
        manifests: Arc::new(rows.clone()),
        listings: Arc::new(rows.clone()),
        repositories: Arc::new(rows.clone()),
        blobs: Arc::new(rows.clone()),
        uploads: Arc::new(rows.clone()),
        collection: Arc::new(rows.clone()),
        legacy_images: Arc::new(rows.clone()),
        records: Arc::new(rows.clone()),
        bytes,
        access: Arc::new(AllowAll),
    }
}

fn absolute(path: &Path) -> PathBuf {
    // It fails only where there is no working directory; what follows will say so.
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

fn store_name() -> Result<StoreName, Failure> {
    let name = STORE.parse();
    name.map_err(|source: ParseStoreNameError| Failure::UseCase { doing: "naming the store", source: source.into() })
}

fn is_refusal(error: &io::Error) -> bool {
    [io::ErrorKind::PermissionDenied, io::ErrorKind::ReadOnlyFilesystem].contains(&error.kind())
}

fn not_writable(directory: &Path, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Failure {
    let uid = rustix::process::geteuid().as_raw();
    Failure::NotWritable { directory: directory.to_owned(), uid, source: source.into() }
}

fn no_blobs(path: &Path, error: blobs_filesystem::OpenError) -> Failure {
    if matches!(error, blobs_filesystem::OpenError::NotWritable { .. }) {
        return not_writable(path, error);
    }
    Failure::Open { what: "blob store", directory: path.to_owned(), source: error.into() }
}

fn no_database(path: &Path, error: OpenError) -> Failure {
    let directory = path.to_owned();
    if matches!(error, OpenError::Missing { .. } | OpenError::NoDirectory { .. }) {
        Failure::NoRegistry { directory }
    } else if matches!(error, OpenError::NotWritable { .. }) {
        not_writable(path, error)
    } else if matches!(error, OpenError::Newer { .. }) {
        Failure::NewerDatabase { directory, source: error.into() }
    } else if matches!(error, OpenError::Older { .. }) {
        Failure::OlderDatabase { directory, source: error.into() }
    } else if matches!(error, OpenError::Busy { .. }) {
        Failure::InUse { directory, pid: None }
    } else {
        Failure::Open { what: "database", directory, source: error.into() }
    }
}

#[cfg(test)]
mod tests {
    use crate::config::{Config, Size};

    #[test]
    fn the_reserve_is_the_blob_stores_own() {
        let own = blobs_filesystem::Options::default().min_free;
        assert_eq!(Config::default().storage.min_free, Size(own));
    }
}
