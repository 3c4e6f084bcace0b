use crate::batch::Batch;
use crate::key::FileKey;
use manifest_core::ports::Stored;
use manifest_core::time::Millis;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Small last parts, in memory from `write_last` until the `seal` that follows packs them. They are found under the keys that their
/// files would have.
///
/// Whoever wrote one may never seal it: the client had another digest in mind, or is gone. So they are few, and one too many drives the
/// oldest out, to its file.
#[derive(Debug, Default)]
pub(crate) struct Held(Mutex<BTreeMap<FileKey, Small>>);

/// How many there may be, each of at most 64 KiB in buffers that may be larger. Between a write and its seal a task does not even wait, so
/// those that are about to be sealed are no more than there are threads.
const MOST: usize = 64;

#[derive(Debug)]
struct Small {
    batch: Batch,
    since: Millis,
    /// Whether somebody is about to write it to its file.
    leaving: bool,
}

impl Held {
    /// Keeps a part. If there are too many, the oldest, which is to be written to its file, and then taken.
    pub(crate) fn put(&self, key: FileKey, batch: Batch, now: Millis) -> Option<(FileKey, Batch)> {
        let mut parts = self.lock();
        let oldest = (parts.len() >= MOST).then(|| {
            let staying = parts.iter_mut().filter(|(_, small)| !small.leaving);
            staying.min_by_key(|(_, small)| small.since).map(|(key, small)| {
                small.leaving = true;
                (*key, small.batch.clone())
            })
        });
        parts.insert(key, Small { batch, since: now, leaving: false });
        oldest.flatten()
    }

    /// How many bytes the part has.
    pub(crate) fn size(&self, key: &FileKey) -> Option<u64> {
        self.lock().get(key).map(|small| small.batch.len() as u64)
    }

    /// The part, which stays.
    pub(crate) fn get(&self, key: &FileKey) -> Option<Batch> {
        self.lock().get(key).map(|small| small.batch.clone())
    }

    /// The part, which is not here any more.
    pub(crate) fn take(&self, key: &FileKey) -> Option<Batch> {
        self.lock().remove(key).map(|small| small.batch)
    }

    /// What becomes of a part that was to be written to its file: it stays after all, or is not here any more. Whether it still was.
    pub(crate) fn stay(&self, key: &FileKey, stays: bool) -> bool {
        let mut parts = self.lock();
        match parts.get_mut(key) {
            None => false,
            Some(small) if stays => {
                small.leaving = false;
                true
            }
            Some(_) => parts.remove(key).is_some(),
        }
    }

    /// All of them as the store lists them, in order.
    pub(crate) fn list(&self, stored: impl Fn(&FileKey, u64, Millis) -> Stored) -> Vec<(FileKey, Stored)> {
        let listed = |(key, small): (&FileKey, &Small)| (*key, stored(key, small.batch.len() as u64, small.since));
        self.lock().iter().map(listed).collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<FileKey, Small>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
