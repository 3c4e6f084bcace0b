//! Parts: a body goes to a new file, batch by batch, and the file is on the disk before anybody hears of it.
//!
//! A thread that may block is used only while bytes are written, not while a slow client is waited for; one batch is written
//! while the next one comes in. A body of less than a batch costs one job in all.

use crate::batch::Batch;
use crate::blocking::{self, Aside, Job};
use crate::error::Doing as _;
use crate::fresh::Fresh;
use crate::key::Key;
use crate::store::Shared;
use futures_util::StreamExt as _;
use manifest_core::ports::{BodyStream, Part, UploadId, WriteError};
use manifest_core::{Port, PortError, PortErrorKind};
use std::fs::File;
use std::mem;
use std::sync::Arc;

/// Stores a body as a part.
pub(crate) async fn part(store: &Arc<Shared>, upload: UploadId, mut body: BodyStream) -> Result<Part, WriteError> {
    let mut writer = Writer::new(Arc::clone(store), upload);
    let mut batch = Batch::default();
    while let Some(piece) = body.next().await {
        match piece {
            Ok(piece) => batch.push(piece),
            Err(error) => {
                writer.discard().await;
                return Err(WriteError::Body(error));
            }
        }
        if batch.is_full() {
            writer.append(mem::take(&mut batch)).await.map_err(WriteError::Store)?;
        }
    }
    writer.finish(batch).await.map_err(WriteError::Store)
}

/// A file that is being written. Dropped, it is gone.
#[derive(Debug)]
pub(crate) struct NewFile {
    name: Fresh,
    file: File,
    size: u64,
}

/// How many bytes are copied between two looks at how much room is left.
const COPY_STEP: u64 = 16 * 1024 * 1024;

impl NewFile {
    pub(crate) fn create(store: &Shared, upload: UploadId) -> Port<Self> {
        let key = Key::fresh_part(upload);
        let dir = store.tree.prepare(&key)?;
        let disk = &store.tree.disk;
        let file = disk.create(&dir, &key.file_name()).doing(|| format!("creating {key}"))?;
        Ok(Self { name: Fresh::new(Arc::clone(disk), dir, key), file, size: 0 })
    }

    fn append(&mut self, store: &Shared, mut batch: Batch) -> Port<()> {
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

    /// The name, without which the file is gone.
    pub(crate) fn into_name(self) -> Fresh {
        self.name
    }

    fn finish(self, store: &Shared) -> Port<(Fresh, u64)> {
        self.sync(store)?;
        (store.tree.disk.sync(self.name.dir())).doing(|| format!("syncing the directory of {}", self.name.key()))?;
        Ok((self.name, self.size))
    }
}

/// The side of a part that lives in a task. Dropped, it removes what it wrote, when the job under way has ended.
struct Writer {
    store: Arc<Shared>,
    upload: UploadId,
    state: State,
}

enum State {
    /// No job is under way. There is no file before the first batch.
    Idle(Option<Aside<NewFile>>),
    Busy(Job<Aside<NewFile>>),
    /// A job failed, and its file is gone.
    Failed,
}

impl Writer {
    fn new(store: Arc<Shared>, upload: UploadId) -> Self {
        Self { store, upload, state: State::Idle(None) }
    }

    /// Starts to write a batch when the one before it is written.
    async fn append(&mut self, batch: Batch) -> Port<()> {
        let file = self.idle().await?;
        let (store, upload) = (Arc::clone(&self.store), self.upload);
        self.state = State::Busy(blocking::start(move || {
            let mut file = open(&store, upload, file)?;
            file.append(&store, batch)?;
            Ok(Aside::new(file))
        }));
        Ok(())
    }

    /// Writes the last batch and brings everything to the disk.
    async fn finish(mut self, batch: Batch) -> Port<Part> {
        let file = self.idle().await?;
        let (store, upload) = (Arc::clone(&self.store), self.upload);
        let written = blocking::run(move || {
            let mut file = open(&store, upload, file)?;
            if !batch.is_empty() {
                file.append(&store, batch)?;
            }
            file.finish(&store).map(Aside::new)
        });
        let (name, size) = written.await?.take();
        Ok(Part { location: self.store.location(&name.keep()), size })
    }

    /// Removes what was written.
    async fn discard(mut self) {
        if let Ok(Some(file)) = self.idle().await {
            let removed = blocking::run(move || {
                drop(file.take());
                Ok(())
            });
            if let Err(error) = removed.await {
                tracing::warn!(upload = %self.upload, %error, "an unfinished part was not seen to be removed");
            }
        }
    }

    /// Waits for the job under way, and takes the file.
    async fn idle(&mut self) -> Port<Option<Aside<NewFile>>> {
        match mem::replace(&mut self.state, State::Failed) {
            State::Idle(file) => Ok(file),
            State::Busy(job) => blocking::end(job).await.map(Some),
            State::Failed => Err(PortError::new(PortErrorKind::Internal, "writing on after a failure")),
        }
    }
}

fn open(store: &Shared, upload: UploadId, file: Option<Aside<NewFile>>) -> Port<NewFile> {
    match file {
        Some(file) => Ok(file.take()),
        None => NewFile::create(store, upload),
    }
}
