//! The stores that a case runs on: each fresh, each behind the same ports.

use manifest_core::AllowAll;
use manifest_core::ports::Ports;
use manifest_memory::{MemoryBlobs, MemoryStore};
use manifest_sqlite::{SqliteOptions, SqliteStore};
use std::fmt;
use std::sync::Arc;
use tempfile::TempDir;

/// Room for the blobs of one case, in bytes.
const BLOB_BYTES: u64 = 64 << 20;

/// Which adapter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Store {
    Memory,
    Sqlite,
}

/// An empty store, which ends with this.
pub(super) struct Opened {
    pub(super) ports: Ports,
    _directory: Option<TempDir>,
}

impl Store {
    pub(super) const ALL: [Self; 2] = [Self::Memory, Self::Sqlite];

    /// Opens a fresh one. The error says what the system has against it.
    pub(super) fn open(self) -> Result<Opened, String> {
        // Both hold the bytes of blobs in memory: the cases are about rows.
        let bytes = MemoryBlobs::new(BLOB_BYTES);
        match self {
            Self::Memory => Ok(Opened { ports: MemoryStore::new().ports(bytes, AllowAll), _directory: None }),
            Self::Sqlite => {
                let directory = tempfile::tempdir().map_err(|error| error.to_string())?;
                let store = SqliteStore::open(&directory.path().join("rows.db"), SqliteOptions::default());
                let store = Arc::new(store.map_err(|error| error.to_string())?);
                let ports = Ports {
                    manifests: Arc::<SqliteStore>::clone(&store),
                    listings: Arc::<SqliteStore>::clone(&store),
                    repositories: Arc::<SqliteStore>::clone(&store),
                    blobs: Arc::<SqliteStore>::clone(&store),
                    uploads: Arc::<SqliteStore>::clone(&store),
                    collection: Arc::<SqliteStore>::clone(&store),
                    legacy_images: Arc::<SqliteStore>::clone(&store),
                    records: store,
                    bytes: Arc::new(bytes),
                    access: Arc::new(AllowAll),
                };
                Ok(Opened { ports, _directory: Some(directory) })
            }
        }
    }
}

impl fmt::Display for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Memory => "memory",
            Self::Sqlite => "sqlite",
        })
    }
}
