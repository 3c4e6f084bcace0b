//! The stores that a case runs on: each fresh, each behind the same ports.

use manifest_core::AllowAll;
use manifest_core::ports::{
    Blobs, Collection, LegacyImages, Listings, Manifests, Ports, Records, Repositories, Uploads,
};
use manifest_memory::{MemoryBlobs, MemoryStore};
use manifest_postgres::{PostgresOptions, PostgresStore};
use manifest_sqlite::{SqliteOptions, SqliteStore};
use postgres_fixture::Database;
use std::any::Any;
use std::cell::Cell;
use std::fmt;
use std::sync::Arc;

/// Room for the blobs of one case, in bytes.
const BLOB_BYTES: u64 = 64 << 20;

/// Which adapter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Store {
    Memory,
    Sqlite,
    Postgres,
}

/// An empty store, which ends with this.
pub(super) struct Opened {
    pub(super) ports: Ports,
    /// What must outlive the ports.
    _kept: Box<dyn Any>,
}

impl Store {
    pub(super) const ALL: [Self; 3] = [Self::Memory, Self::Sqlite, Self::Postgres];

    /// Opens a fresh one. The error says what the system has against it.
    pub(super) async fn open(self) -> Result<Opened, String> {
        match self {
            Self::Memory => {
                let ports = MemoryStore::new().ports(MemoryBlobs::new(BLOB_BYTES), AllowAll);
                Ok(Opened { ports, _kept: Box::new(()) })
            }
            Self::Sqlite => {
                let directory = tempfile::tempdir().map_err(|error| error.to_string())?;
                let store = SqliteStore::open(&directory.path().join("rows.db"), SqliteOptions::default());
                Ok(Opened::with(store.map_err(|error| error.to_string())?, directory))
            }
            Self::Postgres => {
                let lent = Lent::take().await;
                let options = PostgresOptions::new(lent.url().parse().map_err(|error| format!("{error}"))?);
                let store = PostgresStore::connect(options).await;
                Ok(Opened::with(store.map_err(|error| error.to_string())?, lent))
            }
        }
    }
}

thread_local! {
    /// The database that this thread's cases use, one after the other: making one takes longer than any case.
    static KEPT: Cell<Option<Database>> = const { Cell::new(None) };
}

/// A database without rows, which goes back to its thread.
struct Lent(Option<Database>);

impl Lent {
    async fn take() -> Self {
        let Some(kept) = KEPT.take() else { return Self(Some(Database::fresh().await)) };
        kept.clear().await;
        Self(Some(kept))
    }

    fn url(&self) -> &str {
        self.0.as_ref().map_or("", Database::url)
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        KEPT.set(self.0.take());
    }
}

impl Opened {
    /// Rows in that store. All stores have the bytes of blobs in memory: the cases are about rows.
    fn with<S>(rows: S, kept: impl Any) -> Self
    where
        S: Manifests + Listings + Repositories + Blobs + Uploads + Collection + LegacyImages + Records + 'static,
    {
        let rows = Arc::new(rows);
        let ports = Ports {
            manifests: Arc::<S>::clone(&rows),
            listings: Arc::<S>::clone(&rows),
            repositories: Arc::<S>::clone(&rows),
            blobs: Arc::<S>::clone(&rows),
            uploads: Arc::<S>::clone(&rows),
            collection: Arc::<S>::clone(&rows),
            legacy_images: Arc::<S>::clone(&rows),
            records: rows,
            bytes: Arc::new(MemoryBlobs::new(BLOB_BYTES)),
            access: Arc::new(AllowAll),
        };
        Self { ports, _kept: Box::new(kept) }
    }
}

impl fmt::Display for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Memory => "memory",
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        })
    }
}
