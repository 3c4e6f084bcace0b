//! What an adapter has to bring along to be compared, and the two that are there.

use async_trait::async_trait;
use manifest_core::ports::{Blobs, Collection, Listings, Manifests, Records, Repositories, Uploads};
use manifest_core::{AllowAll, Ports};
use manifest_memory::{MemoryBlobs, MemoryStore};
use manifest_sqlite::{SqliteOptions, SqliteStore};
use std::any::Any;
use std::error::Error;
use std::sync::Arc;

/// How many bytes of blobs a store takes: more than a sequence uploads.
const ROOM: u64 = 1 << 20;

/// An adapter to compare with others.
///
/// ```
/// # use async_trait::async_trait;
/// # use manifest_model::{Adapter, Memory, Sqlite, Store, check};
/// # use manifest_memory::MemoryStore;
/// # use std::{error::Error, sync::Arc};
/// struct Mine;
///
/// #[async_trait(?Send)]
/// impl Adapter for Mine {
///     fn name(&self) -> &str {
///         "mine"
///     }
///
///     async fn fresh(&self) -> Result<Store, Box<dyn Error>> {
///         Ok(Store::of(Arc::new(MemoryStore::new())))
///     }
/// }
///
/// let ran = check(&[&Memory, &Sqlite, &Mine], 1, 10, 7)?;
/// assert_eq!(ran.sequences, 1);
/// # Ok::<(), Box<dyn Error>>(())
/// ```
#[async_trait(?Send)]
pub trait Adapter {
    /// As a difference names it.
    fn name(&self) -> &str;

    /// An empty store. Asked for once a sequence, always in the same runtime, and only when the store before it is gone, so one
    /// database that is emptied serves as well as one for each sequence.
    async fn fresh(&self) -> Result<Store, Box<dyn Error>>;
}

/// An adapter's ports over a store of their own.
pub struct Store {
    pub(crate) ports: Ports,
    /// What must outlive the ports, and ends after them: fields are dropped in the order in which they stand here.
    kept: Vec<Box<dyn Any>>,
}

impl Store {
    /// Over any ports.
    #[must_use]
    pub fn new(ports: Ports) -> Self {
        Self { ports, kept: Vec::new() }
    }

    /// Over an adapter that has every port that holds rows; the bytes are in memory.
    #[must_use]
    pub fn of<S>(rows: Arc<S>) -> Self
    where
        S: Manifests + Listings + Repositories + Blobs + Uploads + Collection + Records + 'static,
    {
        Self::new(Ports {
            manifests: Arc::<S>::clone(&rows),
            listings: Arc::<S>::clone(&rows),
            repositories: Arc::<S>::clone(&rows),
            blobs: Arc::<S>::clone(&rows),
            uploads: Arc::<S>::clone(&rows),
            collection: Arc::<S>::clone(&rows),
            records: rows,
            bytes: Arc::new(MemoryBlobs::new(ROOM)),
            access: Arc::new(AllowAll),
        })
    }

    /// Keeps something for as long as the store is used: a directory, or what closes a database when it is dropped.
    #[must_use]
    pub fn keeping(mut self, something: impl Any) -> Self {
        self.kept.push(Box::new(something));
        self
    }
}

/// The memory adapter.
#[derive(Clone, Copy, Debug)]
pub struct Memory;

#[async_trait(?Send)]
impl Adapter for Memory {
    fn name(&self) -> &'static str {
        "memory"
    }

    async fn fresh(&self) -> Result<Store, Box<dyn Error>> {
        Ok(Store::of(Arc::new(MemoryStore::new())))
    }
}

/// The SQLite adapter, on a file in a directory of its own.
#[derive(Clone, Copy, Debug)]
pub struct Sqlite;

#[async_trait(?Send)]
impl Adapter for Sqlite {
    fn name(&self) -> &'static str {
        "SQLite"
    }

    async fn fresh(&self) -> Result<Store, Box<dyn Error>> {
        let directory = tempfile::tempdir()?;
        let store = SqliteStore::open(&directory.path().join("registry.sqlite"), SqliteOptions::default())?;
        Ok(Store::of(Arc::new(store)).keeping(directory))
    }
}
