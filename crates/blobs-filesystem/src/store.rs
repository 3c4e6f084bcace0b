use crate::blocking;
use crate::disk::{Disk, Kernel, Space};
use crate::error::{Doing as _, kind};
use crate::held::Held;
use crate::key::{FileKey, Key, Place, Room};
use crate::open::{OpenError, Options};
use crate::pack::{self, Packs};
use crate::store_id::StoreId;
use crate::tree::Tree;
use crate::write::Lasting;
use crate::{list, open, read, seal, write};
use async_trait::async_trait;
use manifest_core::facts::{Location, StoreName};
use manifest_core::ports::{BlobStore, BodyStream, ByteStream, Capacity, Page, Part, Stored, UploadId, WriteError};
use manifest_core::{Port, PortError, PortErrorKind};
use oci_types::Digest;
use std::fs::File;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

/// Blobs in a local directory. Clones are the same store.
///
/// Calls must be made within a tokio runtime, whose threads for blocking work do what has to wait for the disk; one thread beside them
/// packs small blobs, from the first one on. Memory: at most 1 MiB for each body that is written and 256 KiB for each that is read, beside
/// the pieces that the caller holds; and at most 64 small bodies that were not sealed.
///
/// ```
/// # use blobs_filesystem::{FilesystemBlobs, Options};
/// # use manifest_core::ports::{BlobStore, UploadId};
/// # use oci_types::{Algorithm, Digest};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let root = tempfile::tempdir()?;
/// let blobs = FilesystemBlobs::open(root.path(), "main".parse()?, Options::default())?;
/// let upload = UploadId::from_bits(7);
/// let empty = blobs.seal(&upload, &[], None, &Digest::of(Algorithm::Sha256, b"")).await?;
/// assert!(empty.key.starts_with("sha256/e3/e3b0c442"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct FilesystemBlobs {
    shared: Arc<Shared>,
}

impl FilesystemBlobs {
    /// Opens a directory, and makes it (and those above it) if it is not there. Removes nothing. Blocks for some milliseconds.
    ///
    /// `name` is the store's name in every `Location` that it gives and takes.
    ///
    /// # Errors
    ///
    /// [`OpenError`] says what is wrong with the directory, and what to do.
    pub fn open(root: &Path, name: StoreName, options: Options) -> Result<Self, OpenError> {
        Self::open_on(Arc::new(Kernel), root, name, options)
    }

    /// Who the store is. It stays when the directory is moved or restored; another directory has another one.
    #[must_use]
    pub fn store_id(&self) -> StoreId {
        self.shared.id
    }

    pub(crate) fn open_on(
        disk: Arc<dyn Disk>,
        root: &Path,
        name: StoreName,
        options: Options,
    ) -> Result<Self, OpenError> {
        let shared = open::open(disk, root, name, options)?;
        Ok(Self { shared: Arc::new(shared) })
    }
}

/// What jobs share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) name: StoreName,
    pub(crate) id: StoreId,
    pub(crate) min_free: u64,
    pub(crate) tree: Tree,
    pub(crate) held: Held,
    pub(crate) packs: Packs,
}

impl Shared {
    pub(crate) fn new(name: StoreName, id: StoreId, min_free: u64, tree: Tree) -> Self {
        Self { name, id, min_free, tree, held: Held::default(), packs: Packs::default() }
    }

    /// The key of a location of this store.
    pub(crate) fn key(&self, at: &Location) -> Port<Key> {
        if at.store != self.name {
            let what = format!("the location is in store `{}`, not in `{}`", at.store, self.name);
            return Err(PortError::new(PortErrorKind::Internal, what));
        }
        at.key.parse().map_err(|error| {
            PortError::new(PortErrorKind::Corrupt, format!("a location in store `{}`", self.name)).with_source(error)
        })
    }

    pub(crate) fn location(&self, key: impl Into<Key>) -> Location {
        Location { store: self.name.clone(), key: key.into().to_string() }
    }

    /// Refuses to write so many bytes where that would leave less than the reserve.
    pub(crate) fn require_space(&self, dir: &File, bytes: u64) -> Port<()> {
        let space = self.tree.disk.space(dir).doing(|| "asking how much room is left".to_owned())?;
        if space.free >= self.min_free.saturating_add(bytes) {
            return Ok(());
        }
        Err(no_room(&space, bytes, self.min_free))
    }

    fn capacity(&self) -> Port<Capacity> {
        let space =
            (self.tree.disk.space(self.tree.room(Room::Parts))).doing(|| "asking how much room is left".to_owned())?;
        let free = space.free.saturating_sub(self.min_free);
        Ok(Capacity { free: Some(free), writable: free > 0 && !space.read_only })
    }

    /// Removes a file.
    pub(crate) fn delete(&self, key: &FileKey) -> Port<()> {
        let Some(dir) = self.tree.find(key.room(), key.fan())? else {
            return Ok(());
        };
        match self.tree.disk.unlink(&dir, &key.file_name()) {
            Err(error) if kind(&error) == PortErrorKind::NotFound => Ok(()),
            // Not synced: bytes that a crash brings back are named by no row, and go with the sweep.
            result => result.doing(|| format!("removing {key}")),
        }
    }
}

/// Why so many bytes are not written.
pub(crate) fn no_room(space: &Space, bytes: u64, min_free: u64) -> PortError {
    let what = format!("{} bytes are free, {bytes} are to be written, and {min_free} are kept free", space.free);
    PortError::new(PortErrorKind::Full, what)
}

#[async_trait]
impl BlobStore for FilesystemBlobs {
    async fn write_part(&self, upload: &UploadId, body: BodyStream) -> Result<Part, WriteError> {
        write::part(&self.shared, *upload, Lasting::Now, body).await
    }

    async fn write_last(&self, upload: &UploadId, body: BodyStream) -> Result<Part, WriteError> {
        write::part(&self.shared, *upload, Lasting::OnceSealed, body).await
    }

    async fn seal(&self, upload: &UploadId, parts: &[Part], last: Option<Part>, digest: &Digest) -> Port<Location> {
        let key = seal::seal(&self.shared, *upload, parts, last, *digest).await?;
        Ok(self.shared.location(key))
    }

    async fn read(&self, at: &Location, range: Option<Range<u64>>) -> Port<ByteStream> {
        read::range(&self.shared, self.shared.key(at)?, range).await
    }

    async fn delete(&self, at: &Location) -> Port<()> {
        let (shared, key) = (Arc::clone(&self.shared), self.shared.key(at)?);
        match key.0 {
            Place::File(key) if shared.held.take(&key).is_some() => Ok(()),
            Place::File(key) => blocking::run(move || shared.delete(&key)).await,
            Place::Packed(key) => blocking::run(move || pack::delete(&shared, &key)).await,
        }
    }

    async fn list(&self, after: Option<Location>, limit: u32) -> Port<Page<Stored>> {
        let shared = Arc::clone(&self.shared);
        let after = after.map(|at| shared.key(&at)).transpose()?;
        blocking::run(move || list::page(&shared, after, limit)).await
    }

    async fn capacity(&self) -> Port<Capacity> {
        let shared = Arc::clone(&self.shared);
        blocking::run(move || shared.capacity()).await
    }
}
