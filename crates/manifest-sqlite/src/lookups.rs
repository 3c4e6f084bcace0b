//! Answers to the lookups of pulls that are still true: until this store writes, and not beyond the time that an answer names.
//!
//! The store is the only one that writes to its file, so it knows when an answer may have changed: with any commit. A commit
//! makes the count odd while others may see what it did or not, and even again afterwards. An answer holds if the count is
//! even and what it was before the answer was read. So nobody gets an older answer than somebody got before.

use manifest_core::facts::Blob;
use manifest_core::ports::{FetchAsk, Fetched, Found, Liveness};
use manifest_core::time::Millis;
use oci_types::{Digest, Reference, RepositoryName};
use std::hash::{BuildHasher, Hash, Hasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// The largest manifest that is kept, in bytes. Images have a few KiB; one of 4 MiB would displace all others from memory.
const LARGEST: u64 = 8 * 1024;

/// The answers of one store.
#[derive(Debug)]
pub(crate) struct Lookups {
    /// How many commits began and ended.
    commits: AtomicU64,
    seed: RandomState,
    manifests: Table<Found>,
    blobs: Table<Blob>,
}

/// A state of the store. An answer is read after it was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct State(u64);

/// A commit under way, until this is dropped.
pub(crate) struct Changing<'a>(&'a AtomicU64);

impl Drop for Changing<'_> {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Lookups {
    /// Room for so many answers of each kind.
    pub(crate) fn new(room: usize) -> Self {
        let (manifests, blobs) = (Table::new(room), Table::new(room));
        Self { commits: AtomicU64::new(0), seed: RandomState::new(), manifests, blobs }
    }

    /// Says that a commit is about to be made. What is read meanwhile is not kept.
    pub(crate) fn changing(&self) -> Changing<'_> {
        self.commits.fetch_add(1, Ordering::SeqCst);
        Changing(&self.commits)
    }

    /// What the store is now, unless it is just changing.
    pub(crate) fn state(&self) -> Option<State> {
        let commits = self.commits.load(Ordering::SeqCst);
        commits.is_multiple_of(2).then_some(State(commits))
    }

    /// The manifest that a reference leads to, if that is known.
    pub(crate) fn manifest(&self, state: State, ask: &FetchAsk) -> Option<Fetched> {
        if !lasting(ask) {
            return None;
        }
        let kept = self.manifests.get(self.place(&ask.repository, &ask.reference))?;
        if !kept.answers(state, &ask.repository, &ask.reference, ask.now) {
            return None;
        }
        let mut found = kept.answer.clone();
        if ask.have == Some(found.digest) {
            found.bytes = None;
        }
        Some(Fetched::Found(found))
    }

    /// Keeps what a reference led to while the store was so, which holds before `until`.
    pub(crate) fn keep_manifest(&self, state: State, ask: &FetchAsk, fetched: &Fetched, until: Millis) {
        if let Fetched::Found(found) = fetched
            && found.bytes.is_some()
            && found.size <= LARGEST
            && ask.now < until
            && lasting(ask)
        {
            let place = self.place(&ask.repository, &ask.reference);
            self.manifests.put(place, Kept::new(state, &ask.repository, ask.reference.clone(), until, found.clone()));
        }
    }

    /// The blob of a digest in a repository, if it is known to be usable after then.
    pub(crate) fn blob(
        &self,
        state: State,
        repository: &RepositoryName,
        digest: Digest,
        after: Millis,
    ) -> Option<Blob> {
        let reference = Reference::Digest(digest);
        let kept = self.blobs.get(self.place(repository, &reference))?;
        kept.answers(state, repository, &reference, after).then(|| kept.answer.clone())
    }

    /// Keeps a blob that is usable before `until`.
    pub(crate) fn keep_blob(
        &self,
        state: State,
        repository: &RepositoryName,
        digest: Digest,
        blob: &Blob,
        until: Millis,
    ) {
        let reference = Reference::Digest(digest);
        let place = self.place(repository, &reference);
        self.blobs.put(place, Kept::new(state, repository, reference, until, blob.clone()));
    }

    fn place(&self, repository: &RepositoryName, reference: &Reference) -> u64 {
        let mut hasher = self.seed.build_hasher();
        repository.as_str().hash(&mut hasher);
        match reference {
            Reference::Tag(tag) => tag.as_str().hash(&mut hasher),
            Reference::Digest(digest) => digest.as_bytes().hash(&mut hasher),
        }
        hasher.finish()
    }
}

/// Whether the answer depends only on rows, and on the one time that is read with it.
fn lasting(ask: &FetchAsk) -> bool {
    ask.at.is_none() && ask.liveness == Liveness::Visible
}

/// Each answer has one place, and the newest takes it.
#[derive(Debug)]
struct Table<T>(Box<[Slot<T>]>);

type Slot<T> = Mutex<Option<Arc<Kept<T>>>>;

#[derive(Debug)]
struct Kept<T> {
    state: State,
    repository: RepositoryName,
    reference: Reference,
    until: Millis,
    answer: T,
}

impl<T> Kept<T> {
    fn new(state: State, repository: &RepositoryName, reference: Reference, until: Millis, answer: T) -> Self {
        Self { state, repository: repository.clone(), reference, until, answer }
    }

    fn answers(&self, state: State, repository: &RepositoryName, reference: &Reference, now: Millis) -> bool {
        self.state == state && now < self.until && self.reference == *reference && self.repository == *repository
    }
}

impl<T> Table<T> {
    fn new(room: usize) -> Self {
        Self((0..room).map(|_| Mutex::new(None)).collect())
    }

    fn get(&self, place: u64) -> Option<Arc<Kept<T>>> {
        self.slot(place)?.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn put(&self, place: u64, kept: Kept<T>) {
        if let Some(slot) = self.slot(place) {
            let kept = Some(Arc::new(kept));
            // What was there is dropped outside the lock.
            let _before = std::mem::replace(&mut *slot.lock().unwrap_or_else(PoisonError::into_inner), kept);
        }
    }

    fn slot(&self, place: u64) -> Option<&Slot<T>> {
        let room = u64::try_from(self.0.len()).ok()?;
        self.0.get(usize::try_from(place.checked_rem(room)?).ok()?)
    }
}
