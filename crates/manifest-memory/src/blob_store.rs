use crate::chunks::{Chunks, Gathering};
use crate::page::{behind, page};
use async_trait::async_trait;
use futures_util::{StreamExt, stream};
use manifest_core::facts::{Location, StoreName};
use manifest_core::ports::{BlobStore, BodyStream, ByteStream, Capacity, Page, Part, Stored, UploadId, WriteError};
use manifest_core::{Millis, Port, PortError, PortErrorKind};
use oci_types::Digest;
use std::collections::BTreeMap;
use std::ops::{Bound, Range};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{SystemTime, UNIX_EPOCH};

/// The bytes of blobs, in memory, up to a cap. Clones share what they hold; it ends with the last of them.
///
/// Parts and sealed copies both count in full, although a sealed copy shares the memory of its parts: the cap is a promise
/// about the most that is used, and a part may be deleted first.
///
/// ```
/// # use manifest_memory::MemoryBlobs;
/// # use manifest_core::ports::BlobStore;
/// # futures_util::FutureExt::now_or_never(async {
/// let blobs = MemoryBlobs::new(1024);
/// assert_eq!(blobs.capacity().await?.free, Some(1024));
/// # Ok::<(), manifest_core::PortError>(())
/// # }).unwrap().unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct MemoryBlobs {
    held: Arc<Mutex<Held>>,
    name: StoreName,
    cap: u64,
}

#[derive(Debug, Default)]
struct Held {
    entries: BTreeMap<String, Entry>,
    /// Bytes of the entries, and of parts that are being written.
    used: u64,
    /// Keys end in this number, so none is used twice.
    next: u64,
}

#[derive(Debug)]
struct Entry {
    upload: UploadId,
    chunks: Chunks,
    modified: Millis,
}

#[derive(Clone, Copy)]
enum Kind {
    Part,
    Sealed,
}

impl MemoryBlobs {
    /// A store for at most `cap` bytes.
    #[must_use]
    pub fn new(cap: u64) -> Self {
        Self { held: Arc::default(), name: store_name(), cap }
    }

    /// A handle on the same bytes that answers writes beyond another cap with `Full`.
    #[must_use]
    pub fn with_cap(&self, cap: u64) -> Self {
        Self { cap, ..self.clone() }
    }

    fn lock(&self) -> Port<MutexGuard<'_, Held>> {
        self.held.lock().map_err(|_| {
            PortError::new(
                PortErrorKind::Internal,
                "a write to the memory blob store panicked, and what it left is not trusted",
            )
        })
    }

    /// The key, if it has the shape of those that this store makes.
    fn own<'a>(&self, at: &'a Location) -> Port<&'a str> {
        let key = at.key.strip_prefix("part-").or_else(|| at.key.strip_prefix("blob-"));
        let own = key.and_then(|rest| rest.split_once('.')).is_some_and(|(upload, nonce)| {
            let hex = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
            upload.parse::<UploadId>().is_ok() && nonce.len() == 16 && nonce.bytes().all(hex)
        });
        if own && at.store == self.name {
            Ok(&at.key)
        } else {
            Err(PortError::new(PortErrorKind::Internal, format!("{at} is no location of the memory blob store")))
        }
    }

    fn chunks(&self, at: &Location) -> Port<Chunks> {
        let key = self.own(at)?;
        let held = self.lock()?;
        match held.entries.get(key) {
            Some(entry) => Ok(entry.chunks.clone()),
            None => Err(PortError::new(PortErrorKind::NotFound, at.to_string())),
        }
    }

    /// Sets room aside, which is given back when the reservation is dropped.
    fn reserve(&self, bytes: u64) -> Port<Reservation<'_>> {
        let mut reservation = Reservation { store: self, bytes: 0 };
        reservation.grow(bytes)?;
        Ok(reservation)
    }

    /// Stores chunks for which room was set aside, under a fresh key.
    fn insert(&self, kind: Kind, upload: &UploadId, chunks: Chunks, room: Reservation<'_>) -> Port<Location> {
        let mut held = self.lock()?;
        let prefix = match kind {
            Kind::Part => "part",
            Kind::Sealed => "blob",
        };
        let key = format!("{prefix}-{upload}.{:016x}", held.next);
        held.next += 1;
        let entry = Entry { upload: *upload, chunks, modified: clock() };
        held.entries.insert(key.clone(), entry);
        drop(held);
        room.keep();
        Ok(self.location(key))
    }

    fn location(&self, key: String) -> Location {
        Location { store: self.name.clone(), key }
    }
}

#[async_trait]
impl BlobStore for MemoryBlobs {
    async fn write_part(&self, upload: &UploadId, mut body: BodyStream) -> Result<Part, WriteError> {
        let mut room = self.reserve(0).map_err(WriteError::Store)?;
        let mut gathering = Gathering::default();
        while let Some(piece) = body.next().await {
            let piece = piece.map_err(WriteError::Body)?;
            room.grow(piece.len() as u64).map_err(WriteError::Store)?;
            gathering.push(&piece);
        }
        let chunks = gathering.finish();
        let size = chunks.size();
        let location = self.insert(Kind::Part, upload, chunks, room);
        let location = location.map_err(WriteError::Store)?;
        Ok(Part { location, size })
    }

    async fn write_last(&self, upload: &UploadId, body: BodyStream) -> Result<Part, WriteError> {
        self.write_part(upload, body).await
    }

    async fn seal(&self, upload: &UploadId, parts: &[Part], last: Option<Part>, _digest: &Digest) -> Port<Location> {
        let all = parts.iter().chain(&last);
        let all: Vec<Chunks> = all.map(|part| self.chunks(&part.location)).collect::<Port<_>>()?;
        let whole = Chunks::join(&all);
        let room = self.reserve(whole.size())?;
        let sealed = self.insert(Kind::Sealed, upload, whole, room)?;
        if let Some(last) = last {
            self.delete(&last.location).await?;
        }
        Ok(sealed)
    }

    async fn read(&self, at: &Location, range: Option<Range<u64>>) -> Port<ByteStream> {
        let chunks = self.chunks(at)?;
        let range = range.unwrap_or(0..chunks.size());
        if range.start > range.end || range.end > chunks.size() {
            return Err(PortError::new(
                PortErrorKind::Internal,
                format!("bytes {} to {} do not lie within {at}", range.start, range.end),
            ));
        }
        Ok(Box::pin(stream::iter(chunks.range(range).map(Ok))))
    }

    async fn delete(&self, at: &Location) -> Port<()> {
        let key = self.own(at)?;
        let mut held = self.lock()?;
        if let Some(entry) = held.entries.remove(key) {
            held.used -= entry.chunks.size();
        }
        Ok(())
    }

    async fn list(&self, after: Option<Location>, limit: u32) -> Port<Page<Stored>> {
        let after = after.as_ref().map(|at| self.own(at)).transpose()?;
        let held = self.lock()?;
        let entries = held.entries.range::<str, _>((behind(after), Bound::Unbounded));
        let stored = entries.map(|(key, entry)| Stored {
            location: self.location(key.clone()),
            upload: entry.upload,
            size: entry.chunks.size(),
            modified: entry.modified,
        });
        Ok(page(stored, limit))
    }

    async fn capacity(&self) -> Port<Capacity> {
        let free = self.cap.saturating_sub(self.lock()?.used);
        Ok(Capacity { free: Some(free), writable: free > 0 })
    }
}

/// Room for bytes that are on their way in.
struct Reservation<'a> {
    store: &'a MemoryBlobs,
    bytes: u64,
}

impl Reservation<'_> {
    fn grow(&mut self, bytes: u64) -> Port<()> {
        let mut held = self.store.lock()?;
        let used = held.used.saturating_add(bytes);
        if used > self.store.cap {
            let cap = self.store.cap;
            return Err(PortError::new(
                PortErrorKind::Full,
                format!("the memory blob store holds at most {cap} bytes"),
            ));
        }
        held.used = used;
        self.bytes += bytes;
        Ok(())
    }

    /// An entry has the room now, and gives it back when it is deleted.
    fn keep(mut self) {
        self.bytes = 0;
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        if let Ok(mut held) = self.store.held.lock() {
            held.used -= self.bytes;
        }
    }
}

#[expect(clippy::expect_used, reason = "a constant, which the crate's first doc-test parses")]
fn store_name() -> StoreName {
    "memory".parse().expect("a store name")
}

fn clock() -> Millis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Millis::try_from(since.as_millis()).unwrap_or(Millis::MAX)
}
