use crate::disk::Disk;
use crate::key::FileKey;
use std::fs::File;
use std::sync::Arc;

/// A name in the directory tree that nobody was told of: taken away when this is dropped, unless it is kept.
#[derive(Debug)]
pub(crate) struct Fresh {
    disk: Arc<dyn Disk>,
    dir: File,
    key: FileKey,
    kept: bool,
}

impl Fresh {
    /// Watches over a name that was just made in its directory.
    pub(crate) fn new(disk: Arc<dyn Disk>, dir: File, key: FileKey) -> Self {
        Self { disk, dir, key, kept: false }
    }

    pub(crate) fn key(&self) -> FileKey {
        self.key
    }

    /// The directory that holds the name.
    pub(crate) fn dir(&self) -> &File {
        &self.dir
    }

    /// The name stays, and somebody knows it now.
    pub(crate) fn keep(mut self) -> FileKey {
        self.kept = true;
        self.key
    }
}

impl Drop for Fresh {
    fn drop(&mut self) {
        if self.kept {
            return;
        }
        if let Err(error) = self.disk.unlink(&self.dir, &self.key.file_name()) {
            // The sweep of unnamed bytes finds it later.
            tracing::warn!(key = %self.key, %error, "an unfinished file could not be removed");
        }
    }
}
