//! Small blobs: many in one file, so that one does not cost a file, two syncs and a rename.
//!
//! A pack is a file to which the process that made it appends, and nobody else, ever. Its first block is its [`head`], and every other
//! block is a part of an [`entry`], or was left by a crash, or is a hole where an entry was. What is appended together is brought to the
//! disk by one sync, and only then is anybody told where it is.

mod cache;
mod delete;
mod entry;
mod group;
mod growing;
mod head;
mod list;
mod opened;
mod read;
mod walk;
mod writer;

pub(crate) use delete::delete;
pub(crate) use entry::HEADER;
pub(crate) use list::list;
pub(crate) use read::range;
pub(crate) use writer::Refusal;

use crate::batch::Batch;
use crate::key::{PackedKey, Room};
use crate::store::Shared;
use crate::tree::Tree;
use cache::Cache;
use group::Append;
use manifest_core::ports::UploadId;
use manifest_core::{PortError, PortErrorKind};
use oci_types::Digest;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, OnceLock};
use tokio::sync::oneshot;

/// What entries are made of, in bytes: the least of which usual filesystems make a hole.
pub(crate) const BLOCK: u64 = 4096;

/// The largest blob that is packed, in bytes. From here on the bytes cost more than the file around them; and what is held in memory before
/// it is packed stays little.
pub(crate) const LIMIT: u64 = 64 * 1024;

/// A pack of so many bytes is not appended to: a backup copies again no more than this of what it has.
const FULL: u64 = 64 * 1024 * 1024;

/// The packs of a store.
#[derive(Debug, Default)]
pub(crate) struct Packs {
    cache: Cache,
    /// Where what is to be appended goes; none if no thread could be started for it.
    queue: OnceLock<Option<Sender<Append>>>,
    /// Whether the filesystem turned out not to be one that can have packs.
    impossible: Arc<AtomicBool>,
}

impl Packs {
    /// Whether a small blob should be held for a pack.
    pub(crate) fn are_possible(&self) -> bool {
        !self.impossible.load(Ordering::Relaxed)
    }

    /// Appends a small blob to a pack, which is on the disk with it when this returns.
    pub(crate) async fn append(
        &self,
        store: &Shared,
        upload: UploadId,
        digest: Digest,
        batch: Batch,
    ) -> Result<PackedKey, Refusal> {
        if batch.len() as u64 > LIMIT {
            return Err(Refusal::NoPacks(batch));
        }
        let queue = self.queue.get_or_init(|| writer::start(&store.tree, store.min_free, &self.impossible));
        let Some(queue) = queue.as_ref().filter(|_| self.are_possible()) else {
            return Err(Refusal::NoPacks(batch));
        };
        let (answer, answered) = oneshot::channel();
        if let Err(unsent) = queue.send(Append { upload, digest, batch, answer }) {
            return Err(Refusal::NoPacks(unsent.0.batch));
        }
        answered.await.unwrap_or_else(|_| {
            let what = "the thread that writes packs has ended";
            Err(Refusal::Failed(PortError::new(PortErrorKind::Internal, what)))
        })
    }
}

/// The directory of the packs.
fn dir(tree: &Tree) -> &std::fs::File {
    tree.room(Room::Packs)
}
