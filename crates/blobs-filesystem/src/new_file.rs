use crate::batch::Batch;
use crate::error::Doing as _;
use crate::fresh::Fresh;
use crate::key::FileKey;
use crate::store::Shared;
use manifest_core::Port;
use manifest_core::ports::UploadId;
use std::fs::File;
use std::sync::Arc;

/// A file that is being written. Dropped, it is gone.
#[derive(Debug)]
pub(crate) struct NewFile {
    name: Fresh,
    /// Shared with the job that writes behind.
    file: Arc<File>,
    size: u64,
}

/// How many bytes are copied between two looks at how much room is left.
const COPY_STEP: u64 = 16 * 1024 * 1024;

impl NewFile {
    /// Under a name that nobody has seen.
    pub(crate) fn create(store: &Shared, upload: UploadId) -> Port<Self> {
        Self::create_at(store, FileKey::fresh_part(upload))
    }

    /// Under a name that has no file yet.
    pub(crate) fn create_at(store: &Shared, key: FileKey) -> Port<Self> {
        let dir = store.tree.prepare(&key)?;
        let disk = &store.tree.disk;
        let file = disk.create(&dir, &key.file_name()).doing(|| format!("creating {key}"))?;
        Ok(Self { name: Fresh::new(Arc::clone(disk), dir, key), file: Arc::new(file), size: 0 })
    }

    pub(crate) fn append(&mut self, store: &Shared, mut batch: Batch) -> Port<()> {
        let len = batch.len() as u64;
        store.require_space(self.name.dir(), len)?;
        store.tree.disk.write(&self.file, &mut batch.slices()).doing(|| format!("writing {}", self.name.key()))?;
        self.size += len;
        Ok(())
    }

    /// Appends the bytes of another file, of which there are at most so many. How many there were.
    pub(crate) fn append_file(&mut self, store: &Shared, from: &File, size: u64) -> Port<u64> {
        let mut copied = 0;
        while copied < size {
            let step = COPY_STEP.min(size - copied);
            store.require_space(self.name.dir(), step)?;
            let key = self.name.key();
            let count = (store.tree.disk.copy(from, &self.file, step)).doing(|| format!("writing {key}"))?;
            self.size += count;
            copied += count;
            if count < step {
                break;
            }
        }
        Ok(copied)
    }

    /// Brings the bytes to the disk. The name may not be there yet.
    pub(crate) fn sync(&self, store: &Shared) -> Port<()> {
        (store.tree.disk.sync(&self.file)).doing(|| format!("syncing {}", self.name.key()))
    }

    /// The file, for a job that writes behind.
    pub(crate) fn handle(&self) -> Arc<File> {
        Arc::clone(&self.file)
    }

    /// The name, without which the file is gone.
    pub(crate) fn into_name(self) -> Fresh {
        self.name
    }

    /// The name, and how many bytes it has, none of which need be on the disk.
    pub(crate) fn close(self) -> (Fresh, u64) {
        (self.name, self.size)
    }

    /// Brings bytes and name to the disk. The name, and how many bytes it has.
    pub(crate) fn finish(self, store: &Shared) -> Port<(Fresh, u64)> {
        self.sync(store)?;
        (store.tree.disk.sync(self.name.dir())).doing(|| format!("syncing the directory of {}", self.name.key()))?;
        Ok((self.name, self.size))
    }
}
