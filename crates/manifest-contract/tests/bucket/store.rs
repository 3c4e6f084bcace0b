use crate::fake::{Bucket, LEAST_PART, Refusal};
use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt, stream};
use manifest_core::facts::Location;
use manifest_core::ports::{BlobStore, BodyStream, ByteStream, Capacity, Page, Part, Stored, UploadId, WriteError};
use manifest_core::{Port, PortError, PortErrorKind};
use oci_types::Digest;
use std::ops::Range;
use std::sync::Arc;

/// How many bytes are read at once.
const PIECE: u64 = 256 << 10;

/// Blobs in a bucket. Keys are `parts/<upload>.<id>` and `sealed/<upload>.<id>`, where the bucket drew the id.
pub(crate) struct BucketStore {
    bucket: Arc<Bucket>,
    quota: u64,
}

impl BucketStore {
    pub(crate) fn new(bucket: Arc<Bucket>, quota: u64) -> Self {
        Self { bucket, quota }
    }

    fn location(key: String) -> Port<Location> {
        let store =
            "bucket".parse().map_err(|error| PortError::new(PortErrorKind::Internal, "a name").with_source(error))?;
        Ok(Location { store, key })
    }

    /// The size of what is there, and the key if it is one that this store makes.
    fn find<'a>(&self, at: &'a Location) -> Port<(&'a str, Option<u64>)> {
        if at.store.as_str() == "bucket" && upload_of(&at.key).is_some() {
            Ok((&at.key, self.bucket.size(&at.key)))
        } else {
            Err(PortError::new(PortErrorKind::Internal, format!("{at} is no location of the bucket")))
        }
    }
}

/// The upload in a key, which is none of the store's own if there is none.
fn upload_of(key: &str) -> Option<UploadId> {
    let (upload, id) = key.strip_prefix("parts/").or_else(|| key.strip_prefix("sealed/"))?.split_once('.')?;
    let own = id.len() == 16 && id.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    upload.parse().ok().filter(|_| own)
}

fn missing(at: &Location) -> PortError {
    PortError::new(PortErrorKind::NotFound, at.to_string())
}

/// An object in the making, given up when it is dropped. Bytes wait here until the bucket takes them: at most 5 MiB.
struct Object<'a> {
    store: &'a BucketStore,
    id: u64,
    waiting: BytesMut,
    size: u64,
}

impl<'a> Object<'a> {
    fn begin(store: &'a BucketStore) -> Self {
        let id = store.bucket.begin();
        Self { store, id, waiting: BytesMut::new(), size: 0 }
    }

    fn push(&mut self, mut piece: &[u8]) -> Port<()> {
        self.size += piece.len() as u64;
        while !piece.is_empty() {
            let (now, later) = piece.split_at(piece.len().min(LEAST_PART - self.waiting.len()));
            self.waiting.extend_from_slice(now);
            piece = later;
            if self.waiting.len() == LEAST_PART {
                self.flush()?;
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> Port<()> {
        let part = std::mem::take(&mut self.waiting).freeze();
        self.store.bucket.upload_part(self.id, part, self.store.quota).map_err(|refusal| error(&refusal))
    }

    /// Makes the object. Where it is, and its size.
    fn complete(mut self, folder: &str, upload: &UploadId) -> Port<Part> {
        if !self.waiting.is_empty() {
            self.flush()?;
        }
        let key = format!("{folder}/{upload}.{:016x}", self.id);
        self.store.bucket.complete(self.id, key.clone()).map_err(|refusal| error(&refusal))?;
        let size = self.size;
        Ok(Part { location: BucketStore::location(key)?, size })
    }
}

impl Drop for Object<'_> {
    fn drop(&mut self) {
        self.store.bucket.abort(self.id);
    }
}

fn error(refusal: &Refusal) -> PortError {
    let kind = match refusal {
        Refusal::QuotaExceeded => PortErrorKind::Full,
        Refusal::EntityTooSmall | Refusal::NoSuchUpload => PortErrorKind::Internal,
    };
    PortError::new(kind, format!("{refusal:?}"))
}

#[async_trait]
impl BlobStore for BucketStore {
    async fn write_part(&self, upload: &UploadId, mut body: BodyStream) -> Result<Part, WriteError> {
        let mut object = Object::begin(self);
        while let Some(piece) = body.next().await {
            object.push(&piece.map_err(WriteError::Body)?).map_err(WriteError::Store)?;
        }
        object.complete("parts", upload).map_err(WriteError::Store)
    }

    async fn write_last(&self, upload: &UploadId, body: BodyStream) -> Result<Part, WriteError> {
        self.write_part(upload, body).await
    }

    async fn seal(&self, upload: &UploadId, parts: &[Part], last: Option<Part>, _digest: &Digest) -> Port<Location> {
        let mut object = Object::begin(self);
        for part in parts.iter().chain(&last) {
            let mut bytes = self.read(&part.location, None).await?;
            while let Some(piece) = bytes.next().await {
                object.push(&piece?)?;
            }
        }
        let sealed = object.complete("sealed", upload)?.location;
        if let Some(last) = last {
            self.delete(&last.location).await?;
        }
        Ok(sealed)
    }

    async fn read(&self, at: &Location, range: Option<Range<u64>>) -> Port<ByteStream> {
        let (key, size) = self.find(at)?;
        let range = range.unwrap_or(0..size.ok_or_else(|| missing(at))?);
        if size.is_none_or(|size| range.end > size) {
            return Err(missing(at));
        }
        let (bucket, key, at) = (Arc::clone(&self.bucket), key.to_owned(), at.clone());
        let starts = (range.start..range.end).step_by(usize::try_from(PIECE).unwrap_or(usize::MAX));
        let pieces = starts.map(move |start| -> Port<Bytes> {
            let piece = start..range.end.min(start + PIECE);
            bucket.get(&key, piece).ok_or_else(|| missing(&at))
        });
        Ok(Box::pin(stream::iter(pieces)))
    }

    async fn delete(&self, at: &Location) -> Port<()> {
        let (key, _) = self.find(at)?;
        self.bucket.delete(key);
        Ok(())
    }

    async fn list(&self, after: Option<Location>, limit: u32) -> Port<Page<Stored>> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let after = after.map_or_else(String::new, |at| at.key);
        let mut items = Vec::new();
        for (key, size, modified) in self.bucket.list(&after, limit.saturating_add(1)) {
            if let Some(upload) = upload_of(&key) {
                items.push(Stored { location: Self::location(key)?, upload, size, modified });
            }
        }
        let more = limit > 0 && items.len() > limit;
        items.truncate(limit);
        Ok(Page { items, more })
    }

    async fn capacity(&self) -> Port<Capacity> {
        let free = self.quota.saturating_sub(self.bucket.used());
        Ok(Capacity { free: Some(free), writable: free > 0 })
    }
}
