use super::opened::Opened;
use crate::key::PackId;
use std::sync::{Arc, Mutex, PoisonError};

/// Packs that are open for reading, the last used first: a blob that is in memory is then read by two calls, and no path is walked.
#[derive(Debug, Default)]
pub(crate) struct Cache(Mutex<Vec<Arc<Opened>>>);

/// How many packs stay open: the descriptors are few beside those of connections, and 4 GiB of small blobs are behind them.
const MOST: usize = 64;

impl Cache {
    pub(crate) fn get(&self, id: PackId) -> Option<Arc<Opened>> {
        let mut packs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = packs.iter().position(|pack| pack.head.id() == id)?;
        packs[..=at].rotate_right(1);
        packs.first().cloned()
    }

    pub(crate) fn put(&self, pack: &Arc<Opened>) {
        let mut packs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        packs.retain(|other| other.head.id() != pack.head.id());
        packs.insert(0, Arc::clone(pack));
        let last = (packs.len() > MOST).then(|| packs.pop());
        // Closing a file may wait for the disk.
        drop(packs);
        drop(last);
    }

    /// Closes a pack, once nobody reads in it.
    pub(crate) fn forget(&self, id: PackId) {
        let mut packs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = packs.iter().position(|pack| pack.head.id() == id);
        let gone = at.map(|at| packs.remove(at));
        drop(packs);
        drop(gone);
    }
}
