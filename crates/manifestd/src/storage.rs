//! Where rows and bytes are kept: the only place that names adapters.

use crate::config;
use crate::failure::Failure;
use crate::greeting::Home;
use crate::lock::{DirectoryLock, LockError};
use blobs_filesystem::FilesystemBlobs;
use manifest_core::facts::{ParseStoreNameError, StoreName};
use manifest_core::ports::{BlobStore, Ports, SigningKeys};
use manifest_core::{AllowAll, PortError};
use manifest_memory::{MemoryBlobs, MemorySigningKeys, MemoryStore};
use manifest_sqlite::{OpenError, Opened, SigningKeyFile, SqliteOptions, SqliteStore};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const DATABASE: &str = "manifestd.sqlite";
const BLOBS: &str = "blobs";
const SIGNING_KEY: &str = "signing-key.pem";

/// The name of the blob store in every location that the database holds.
const STORE: &str = "main";

/// Where data will be kept, claimed so that no other process takes it.
#[derive(Debug)]
pub(crate) enum Place {
    Memory { limit: u64 },
    Directory { path: PathBuf, _lock: DirectoryLock },
}

/// The stores, open for writing.
pub(crate) struct Storage {
    pub(crate) ports: Ports,
    place: Place,
    sqlite: Option<SqliteStore>,
}

impl Place {
    /// Claims what the configuration says. Makes the data directory if it is absent.
    pub(crate) fn claim(storage: &config::Storage) -> Result<Self, Failure> {
        if storage.ephemeral {
            return Ok(Self::Memory { limit: storage.ephemeral_limit.0 });
        }
        let path = absolute(&storage.data_dir);
        match DirectoryLock::acquire(&path) {
            Ok(lock) => Ok(Self::Directory { path, _lock: lock }),
            Err(LockError::Held { pid }) => Err(Failure::InUse { directory: path, pid }),
            Err(LockError::Io(source)) if is_refusal(&source) => Err(not_writable(&path, source)),
            Err(LockError::Io(source)) => Err(Failure::NoDirectory { directory: path, source }),
        }
    }

    /// Opens the stores there.
    pub(crate) fn open(self, storage: &config::Storage) -> Result<Storage, Failure> {
        match self {
            Self::Memory { limit } => {
                let ports = MemoryStore::new().ports(MemoryBlobs::new(limit), AllowAll);
                Ok(Storage { ports, place: self, sqlite: None })
            }
            Self::Directory { ref path, .. } => {
                let options = blobs_filesystem::Options { min_free: storage.min_free.0 };
                let blobs = FilesystemBlobs::open(&path.join(BLOBS), store_name()?, options)
                    .map_err(|error| no_blobs(path, error))?;
                let database = SqliteStore::open(&path.join(DATABASE), SqliteOptions::default());
                let sqlite = database.map_err(|error| no_database(path, error))?;
                Ok(Storage { ports: ports(&sqlite, Arc::new(blobs)), place: self, sqlite: Some(sqlite) })
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
                new: self.sqlite.as_ref().is_some_and(|sqlite| *sqlite.opened() == Opened::New),
                free: self.ports.bytes.capacity().await?.free,
                holds: self.ports.listings.totals().await?,
            }),
        }
    }

    /// The version that the database had before it was migrated by this start, and the copy that was made of it.
    pub(crate) fn migration(&self) -> Option<(&str, Option<&Path>)> {
        match self.sqlite.as_ref()?.opened() {
            Opened::Existing { migrated_from, backup } => Some((migrated_from.as_deref()?, backup.as_deref())),
            Opened::New => None,
        }
    }

    /// Ends the writes that wait and leaves the database as one file. Blocks the thread meanwhile.
    pub(crate) fn close(&self) {
        if let Some(sqlite) = &self.sqlite {
            sqlite.close();
        }
    }
}

/// The stores of a data directory to look at, also while another process writes there. Nothing is made and nothing changed.
pub(crate) fn open_read_only(storage: &config::Storage) -> Result<Ports, Failure> {
    if storage.ephemeral {
        return Err(Failure::Ephemeral);
    }
    let path = absolute(&storage.data_dir);
    let database = SqliteStore::open_read_only(&path.join(DATABASE), SqliteOptions::default());
    let sqlite = database.map_err(|error| no_database(&path, error))?;
    Ok(ports(&sqlite, blobs_to_read(&path)?))
}

/// The stores of a data directory to check: like [`open_read_only`], but with the blobs or not at all.
pub(crate) fn open_to_check(storage: &config::Storage) -> Result<Ports, Failure> {
    let mut ports = open_read_only(storage)?;
    let path = absolute(&storage.data_dir);
    let root = path.join(BLOBS);
    // Opening would make what is missing, and then find that everything is.
    if !root.join("store-id").is_file() {
        let source = io::Error::new(io::ErrorKind::NotFound, "there is no store-id in it");
        return Err(Failure::Open { what: "blob store", directory: root, source: source.into() });
    }
    let options = blobs_filesystem::Options::default();
    let blobs = FilesystemBlobs::open(&root, store_name()?, options).map_err(|error| no_blobs(&path, error))?;
    ports.bytes = Arc::new(blobs);
    Ok(ports)
}

/// Where the key is that signs, by configuration; without a data directory it ends with the process.
pub(crate) fn signing_keys(config: &config::Config) -> Arc<dyn SigningKeys> {
    match signing_key_path(config) {
        Some(path) => Arc::new(SigningKeyFile::at(&path)),
        None => Arc::new(MemorySigningKeys::new()),
    }
}

/// The file of that key, if it is in one.
pub(crate) fn signing_key_path(config: &config::Config) -> Option<PathBuf> {
    let configured = &config.legacy.signing_key;
    if !configured.as_os_str().is_empty() {
        return Some(absolute(configured));
    }
    (!config.storage.ephemeral).then(|| absolute(&config.storage.data_dir).join(SIGNING_KEY))
}

/// Fails where nothing was ever served, so that nothing is made there.
pub(crate) fn require_registry(storage: &config::Storage) -> Result<(), Failure> {
    if storage.ephemeral {
        return Err(Failure::Ephemeral);
    }
    let directory = absolute(&storage.data_dir);
    if directory.join(DATABASE).is_file() { Ok(()) } else { Err(Failure::NoRegistry { directory }) }
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

fn ports(sqlite: &SqliteStore, bytes: Arc<dyn BlobStore>) -> Ports {
    Ports {
        manifests: Arc::new(sqlite.clone()),
        listings: Arc::new(sqlite.clone()),
        repositories: Arc::new(sqlite.clone()),
        blobs: Arc::new(sqlite.clone()),
        uploads: Arc::new(sqlite.clone()),
        collection: Arc::new(sqlite.clone()),
        legacy_images: Arc::new(sqlite.clone()),
        records: Arc::new(sqlite.clone()),
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
