use super::{Page, UploadId};
use crate::error::{Port, PortError};
use crate::facts::Location;
use crate::time::Millis;
use async_trait::async_trait;
use bytes::Bytes;
use futures_core::Stream;
use oci_types::Digest;
use std::error::Error;
use std::ops::Range;
use std::pin::Pin;

/// Bytes on their way out of a store.
pub type ByteStream = Pin<Box<dyn Stream<Item = Port<Bytes>> + Send>>;

/// Bytes on their way in, from a client that may fail at any point.
pub type BodyStream = Pin<Box<dyn Stream<Item = Result<Bytes, BodyError>> + Send>>;

/// Bytes only: hashing, and who may read what, is the business of others. Locations are never reused, so reads and deletes go
/// by location, and no lock is needed between them.
///
/// # What every adapter promises
///
/// - **S1.** A part MUST be durable when `write_part` returns it; when `write_part` fails, or its future is dropped, the bytes
///   are gone, or are left to the sweep of unnamed bytes.
/// - **S2.** `seal` MUST make a fresh location on each call, by link or copy, never by moving a part, holding the bytes of all
///   parts in order, and then those of the last; it is durable on return. The upload's id MUST be readable from the key.
/// - **S3.** `read` MUST give exactly the bytes of the range, in constant memory, and fail with `NotFound` where there are none.
/// - **S4.** `delete` MUST succeed where there is nothing to delete.
/// - **S5.** `list` MUST list every sealed location and part in byte order of the keys, with size and age.
/// - **S6.** A store that is full, or under its reserve, MUST answer `Full` and leave no torn bytes; reads and deletes go on.
/// - **S7.** A key that is not one of the store's own MUST be refused, whatever it looks like.
/// - **S8.** What `write_last` stored need not be durable before it is sealed, and a `seal` that succeeds MUST use it up: nothing is
///   left at its location. One that fails may leave it.
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait BlobStore: Send + Sync {
    /// Stores a body as a part of an upload.
    async fn write_part(&self, upload: &UploadId, body: BodyStream) -> Result<Part, WriteError>;

    /// Stores the body that ends an upload as a part that nobody hears of but the `seal` that follows. Where a blob comes in one
    /// body, this is all of it, and no more is written to the disk than it needs.
    async fn write_last(&self, upload: &UploadId, body: BodyStream) -> Result<Part, WriteError>;

    /// Joins parts (none: the empty blob) and what `write_last` stored under a fresh location.
    async fn seal(&self, upload: &UploadId, parts: &[Part], last: Option<Part>, digest: &Digest) -> Port<Location>;

    /// The bytes at a location, or a range of them that lies within.
    async fn read(&self, at: &Location, range: Option<Range<u64>>) -> Port<ByteStream>;

    /// Removes the bytes.
    async fn delete(&self, at: &Location) -> Port<()>;

    /// What the store holds, for fsck and the sweep of unnamed bytes.
    async fn list(&self, after: Option<Location>, limit: u32) -> Port<Page<Stored>>;

    /// How much room there is.
    async fn capacity(&self) -> Port<Capacity>;
}

/// A part of an upload, as the store holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Where.
    pub location: Location,
    /// In bytes.
    pub size: u64,
}

/// Why no part was stored.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The body broke off or was refused.
    #[error("the body could not be read")]
    Body(#[source] BodyError),
    /// The store failed.
    #[error("the part could not be stored")]
    Store(#[source] PortError),
}

/// Why a body ended early.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// It ended before the length it announced, or in the middle of a chunk.
    #[error("the body ended before its announced end")]
    Incomplete(#[source] Option<Box<dyn Error + Send + Sync>>),
    /// Nothing came for too long.
    #[error("the body stalled")]
    Stalled,
    /// More came than is taken.
    #[error("the body is larger than {limit} bytes")]
    TooLarge {
        /// The most that is taken, in bytes.
        limit: u64,
    },
}

/// Something a store holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Where.
    pub location: Location,
    /// The upload that wrote it, read from the key: an unfinished upload protects what it wrote.
    pub upload: UploadId,
    /// In bytes.
    pub size: u64,
    /// When it was written.
    pub modified: Millis,
}

/// How much room a store has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capacity {
    /// Bytes that can still be written; `None` where nobody knows.
    pub free: Option<u64>,
    /// Whether writes are taken.
    pub writable: bool,
}
