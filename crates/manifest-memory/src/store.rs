use crate::blob_store::MemoryBlobs;
use crate::state::State;
use manifest_core::access::Authorizer;
use manifest_core::ports::BlobStore;
use manifest_core::{Port, PortError, PortErrorKind, Ports};
use std::fmt;
use std::sync::{Arc, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// How many bytes of blobs the store of [`ports`] holds at most: 1 GiB.
const DEFAULT_BLOB_BYTES: u64 = 1 << 30;

/// Every port that holds rows, in memory. Clones share what they hold; it ends with the last of them.
///
/// A write looks at everything under one lock before it changes anything, so it happens whole or not at all.
///
/// ```
/// # use manifest_memory::{MemoryBlobs, MemoryStore};
/// # use manifest_core::AllowAll;
/// let store = MemoryStore::new();
/// let ports = store.ports(MemoryBlobs::new(64 << 20), AllowAll);
/// # let _ = ports;
/// ```
#[derive(Clone, Default)]
pub struct MemoryStore {
    state: Arc<RwLock<State>>,
}

impl MemoryStore {
    /// A store that holds nothing but the shared empty layer's row.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// All ports: this store for the rows, and the two that it is not.
    #[must_use]
    pub fn ports(&self, bytes: impl BlobStore + 'static, access: impl Authorizer + 'static) -> Ports {
        let store = Arc::new(self.clone());
        Ports {
            manifests: Arc::<Self>::clone(&store),
            listings: Arc::<Self>::clone(&store),
            repositories: Arc::<Self>::clone(&store),
            blobs: Arc::<Self>::clone(&store),
            uploads: Arc::<Self>::clone(&store),
            collection: Arc::<Self>::clone(&store),
            legacy_images: Arc::<Self>::clone(&store),
            records: store,
            bytes: Arc::new(bytes),
            access: Arc::new(access),
        }
    }

    pub(crate) fn read(&self) -> Port<RwLockReadGuard<'_, State>> {
        self.state.read().map_err(|_| half_written())
    }

    pub(crate) fn write(&self) -> Port<RwLockWriteGuard<'_, State>> {
        self.state.write().map_err(|_| half_written())
    }
}

/// A registry's ports over a fresh store, with room for 1 GiB of blobs. What is in them ends with the last clone.
#[must_use]
pub fn ports(access: impl Authorizer + 'static) -> Ports {
    MemoryStore::new().ports(MemoryBlobs::new(DEFAULT_BLOB_BYTES), access)
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").finish_non_exhaustive()
    }
}

/// A writer that panicked may have written half of something. Nobody is shown that, as no crash of a database shows it.
fn half_written() -> PortError {
    PortError::new(PortErrorKind::Internal, "a write to the memory store panicked, and what it left is not trusted")
}
