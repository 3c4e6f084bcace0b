use bytes::Bytes;
use futures_util::{StreamExt, stream};
use manifest_core::facts::Location;
use manifest_core::ports::{BlobStore, BodyError, BodyStream, PageAsk, Part, Stored, UploadId};
use manifest_core::{Port, Ports};
use oci_types::{Algorithm, Digest};
use std::any::Any;
use std::fmt;
use std::future::Future;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;

use crate::world::must;

type Reopen = Box<dyn FnOnce() -> Pin<Box<dyn Future<Output = Arc<dyn BlobStore>> + Send>> + Send>;

/// What a clause about bytes runs on: an empty store, and what only its adapter can do to it.
pub struct Fixture {
    pub(super) store: Arc<dyn BlobStore>,
    pub(super) full: Option<Arc<dyn BlobStore>>,
    reopen: Option<Reopen>,
    kept: Vec<Box<dyn Any + Send>>,
}

impl Fixture {
    /// An empty store.
    #[must_use]
    pub fn new(store: Arc<dyn BlobStore>) -> Self {
        Self { store, full: None, reopen: None, kept: Vec::new() }
    }

    /// The same; `guard` (a temporary directory) lives until the clause ends.
    #[must_use]
    pub fn keeping(mut self, guard: impl Any + Send) -> Self {
        self.kept.push(Box::new(guard));
        self
    }

    /// The same, with a second handle on the same bytes that has room for less than 1 MiB more, from whatever reason: a cap, a
    /// quota, a reserve. Without it nothing is known of how the store behaves when it is full.
    #[must_use]
    pub fn full(mut self, handle: Arc<dyn BlobStore>) -> Self {
        self.full = Some(handle);
        self
    }

    /// The same, for a store that outlives its handles: `reopen` opens it again after every handle was dropped.
    #[must_use]
    pub fn reopening<F>(mut self, reopen: impl FnOnce() -> F + Send + 'static) -> Self
    where
        F: Future<Output = Arc<dyn BlobStore>> + Send + 'static,
    {
        self.reopen = Some(Box::new(|| Box::pin(reopen())));
        self
    }

    /// The store after every handle was dropped, if it outlives them.
    pub(super) async fn reopened(self) -> Option<Self> {
        let Self { store, full, reopen, kept } = self;
        drop((store, full));
        let store = reopen?().await;
        Some(Self { kept, ..Self::new(store) })
    }

    /// A part with that content, which comes in pieces of at most 1,000 bytes.
    pub(super) async fn part(&self, upload: &str, content: &[u8]) -> Part {
        let pieces = content.chunks(1_000).map(Bytes::copy_from_slice).map(Ok);
        match self.store.write_part(&upload_id(upload), body(pieces.collect())).await {
            Ok(part) => part,
            Err(error) => panic!("a part was not stored: {error:?}"),
        }
    }

    pub(super) async fn seal(&self, upload: &str, parts: &[Part]) -> Location {
        must(self.store.seal(&upload_id(upload), parts, None, &digest_of(parts)).await)
    }

    /// A last part with that content, which comes in pieces of at most 1,000 bytes.
    pub(super) async fn last(&self, upload: &str, content: &[u8]) -> Part {
        let pieces = content.chunks(1_000).map(Bytes::copy_from_slice).map(Ok);
        match self.store.write_last(&upload_id(upload), body(pieces.collect())).await {
            Ok(part) => part,
            Err(error) => panic!("a last part was not stored: {error:?}"),
        }
    }

    pub(super) async fn seal_with(&self, upload: &str, parts: &[Part], last: &Part) -> Location {
        let all: Vec<Part> = parts.iter().chain([last]).cloned().collect();
        must(self.store.seal(&upload_id(upload), parts, Some(last.clone()), &digest_of(&all)).await)
    }

    /// A sealed blob with that content, and nothing else.
    pub(super) async fn blob(&self, upload: &str, content: &[u8]) -> Location {
        let part = self.part(upload, content).await;
        let sealed = self.seal(upload, std::slice::from_ref(&part)).await;
        must(self.store.delete(&part.location).await);
        sealed
    }

    /// The same of one body, as most blobs come.
    pub(super) async fn ended(&self, upload: &str, content: &[u8]) -> Location {
        let last = self.last(upload, content).await;
        self.seal_with(upload, &[], &last).await
    }

    pub(super) async fn read(&self, at: &Location, range: Option<Range<u64>>) -> Port<Vec<u8>> {
        let mut bytes = self.store.read(at, range).await?;
        let mut whole = Vec::new();
        while let Some(piece) = bytes.next().await {
            whole.extend_from_slice(&piece?);
        }
        Ok(whole)
    }

    /// Everything that the store lists.
    pub(super) async fn listed(&self) -> Vec<Stored> {
        let PageAsk { after, limit } = PageAsk::first(100_000);
        must(self.store.list(after, limit).await).items
    }
}

impl From<Arc<dyn BlobStore>> for Fixture {
    fn from(store: Arc<dyn BlobStore>) -> Self {
        Self::new(store)
    }
}

impl From<Ports> for Fixture {
    fn from(ports: Ports) -> Self {
        Self::new(ports.bytes)
    }
}

impl fmt::Debug for Fixture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fixture").finish_non_exhaustive()
    }
}

pub(super) fn body(pieces: Vec<Result<Bytes, BodyError>>) -> BodyStream {
    Box::pin(stream::iter(pieces))
}

/// The id of an upload with a symbolic name.
pub(super) fn upload_id(name: &str) -> UploadId {
    let hash = Digest::of(Algorithm::Sha256, name.as_bytes());
    UploadId::from_bits(hash.hash().iter().take(16).fold(0, |bits, byte| bits << 8 | u128::from(*byte)))
}

/// So many bytes that do not repeat soon, so that bytes in the wrong place are seen.
pub(super) fn content(seed: u8, count: usize) -> Vec<u8> {
    let mut state = u32::from(seed) + 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_le_bytes()[0]
    };
    (0..count).map(|_| next()).collect()
}

/// A digest that is the same for the same parts. Stores do not hash, so it need not be that of the bytes.
fn digest_of(parts: &[Part]) -> Digest {
    let keys: Vec<&str> = parts.iter().map(|part| part.location.key.as_str()).collect();
    Digest::of(Algorithm::Sha256, keys.join("\n").as_bytes())
}
