//! Parts: a body goes to a new file, batch by batch, and the file is on the disk before anybody hears of it. The last part of an
//! upload is left to the seal, since nobody hears of it before; a small one stays in memory until then.
//!
//! A thread that may block is used only while bytes are written, not while a slow client is waited for; one batch is written
//! while the next one comes in. A body of less than a batch costs one job in all.

use crate::batch::Batch;
use crate::blocking::{self, Aside, Job};
use crate::clock::now;
use crate::error::Doing as _;
use crate::key::FileKey;
use crate::new_file::NewFile;
use crate::pack;
use crate::store::Shared;
use futures_util::StreamExt as _;
use manifest_core::Port;
use manifest_core::ports::{BodyStream, Part, UploadId, WriteError};
use std::mem;
use std::sync::Arc;

/// When a part has to be on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lasting {
    /// Before anybody is told where it is.
    Now,
    /// When it is sealed.
    OnceSealed,
}

/// Stores a body as a part.
pub(crate) async fn part(
    store: &Arc<Shared>,
    upload: UploadId,
    lasting: Lasting,
    mut body: BodyStream,
) -> Result<Part, WriteError> {
    let mut writer = Writer { store: Arc::clone(store), upload, writing: None, behind: None, unsynced: 0 };
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
            writer = writer.append(mem::take(&mut batch)).await.map_err(WriteError::Store)?;
        }
    }
    let part = if lasting == Lasting::OnceSealed && writer.may_hold(&batch) {
        hold(store, upload, batch).await
    } else {
        writer.finish(batch, lasting).await
    };
    part.map_err(WriteError::Store)
}

/// Keeps a small last part in memory, for the seal. If that is one too many, the oldest goes to its file.
async fn hold(store: &Arc<Shared>, upload: UploadId, batch: Batch) -> Port<Part> {
    let (key, size) = (FileKey::fresh_part(upload), batch.len() as u64);
    if let Some((oldest, batch)) = store.held.put(key, batch, now()) {
        let spilling = Arc::clone(store);
        if let Err(error) = blocking::run(move || spill(&spilling, oldest, batch)).await {
            store.held.take(&key);
            return Err(error);
        }
    }
    Ok(Part { location: store.location(key), size })
}

/// Writes a part that was held to its file.
fn spill(store: &Shared, key: FileKey, batch: Batch) -> Port<()> {
    let written = (|| {
        let mut file = NewFile::create_at(store, key)?;
        file.append(store, batch)?;
        Ok(file.close().0)
    })();
    match (store.held.stay(&key, written.is_err()), written) {
        (true, Ok(name)) => {
            name.keep();
            Ok(())
        }
        // Sealed or deleted meanwhile, so no file is left of it.
        (false, written) => written.map(drop),
        (true, Err(error)) => Err(error),
    }
}

/// How many bytes are written before they are sent to the disk, while more come in: what is left at the end is then little, and
/// no other writer waits behind gigabytes.
const WRITE_BEHIND: usize = 32 * 1024 * 1024;

/// The side of a part that lives in a task. Dropped, it removes what it wrote, when the jobs under way have ended.
struct Writer {
    store: Arc<Shared>,
    upload: UploadId,
    /// The last batch. There is no file before the first one.
    writing: Option<Job<Aside<NewFile>>>,
    /// The last sync of what was written so far.
    behind: Option<Job<()>>,
    /// How many bytes were written since that began.
    unsynced: usize,
}

impl Writer {
    /// Starts to write a batch when the one before it is written.
    async fn append(mut self, batch: Batch) -> Port<Self> {
        let file = self.written().await?;
        if self.unsynced >= WRITE_BEHIND {
            self.write_behind(file.as_ref()).await?;
        }
        self.unsynced += batch.len();
        let (store, upload) = (Arc::clone(&self.store), self.upload);
        self.writing = Some(blocking::start(move || {
            let mut file = open(&store, upload, file)?;
            file.append(&store, batch)?;
            Ok(Aside::new(file))
        }));
        Ok(self)
    }

    /// Writes the last batch, and brings everything to the disk if it has to be there.
    async fn finish(mut self, batch: Batch, lasting: Lasting) -> Port<Part> {
        let file = self.written().await?;
        self.synced().await?;
        let (store, upload) = (Arc::clone(&self.store), self.upload);
        let written = blocking::run(move || {
            let mut file = open(&store, upload, file)?;
            // Even of no bytes: a store under its reserve takes none.
            file.append(&store, batch)?;
            match lasting {
                Lasting::Now => file.finish(&store),
                Lasting::OnceSealed => Ok(file.close()),
            }
            .map(Aside::new)
        });
        let (name, size) = written.await?.take();
        Ok(Part { location: self.store.location(name.keep()), size })
    }

    /// Whether this is all of a body, and small enough for a pack.
    fn may_hold(&self, batch: &Batch) -> bool {
        self.writing.is_none() && batch.len() as u64 <= pack::LIMIT && self.store.packs.are_possible()
    }

    /// Removes what was written.
    async fn discard(mut self) {
        // A batch that failed has removed the file.
        if let Ok(Some(file)) = self.written().await {
            let remove = move || {
                drop(file.take());
                Ok(())
            };
            if let Err(error) = blocking::run(remove).await {
                tracing::warn!(upload = %self.upload, %error, "an unfinished part was not seen to be removed");
            }
        }
    }

    /// Waits for the batch under way, and takes the file.
    async fn written(&mut self) -> Port<Option<Aside<NewFile>>> {
        match self.writing.take() {
            Some(job) => blocking::end(job).await.map(Some),
            None => Ok(None),
        }
    }

    /// Starts to sync what is written, when the sync before it has ended: a disk that cannot keep up holds the client back.
    async fn write_behind(&mut self, file: Option<&Aside<NewFile>>) -> Port<()> {
        self.synced().await?;
        if let Some(file) = file.and_then(|file| file.peek(NewFile::handle)) {
            let store = Arc::clone(&self.store);
            self.behind = Some(blocking::start(move || {
                store.tree.disk.sync(&file).doing(|| "syncing what is written of a part".to_owned())
            }));
            self.unsynced = 0;
        }
        Ok(())
    }

    /// Waits for the sync under way. An error is told to the first who syncs a file, and only once, so it must be heard here.
    async fn synced(&mut self) -> Port<()> {
        match self.behind.take() {
            Some(job) => blocking::end(job).await,
            None => Ok(()),
        }
    }
}

fn open(store: &Shared, upload: UploadId, file: Option<Aside<NewFile>>) -> Port<NewFile> {
    match file {
        Some(file) => Ok(file.take()),
        None => NewFile::create(store, upload),
    }
}
