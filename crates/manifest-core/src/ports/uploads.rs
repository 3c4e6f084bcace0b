use super::Part;
use crate::access::Actor;
use crate::error::Port;
use crate::facts::{Blob, Location, Visibility};
use crate::time::Millis;
use async_trait::async_trait;
use bytes::Bytes;
use oci_types::{Digest, Quoted, RepositoryName};
use std::fmt;
use std::str::FromStr;

/// Uploads under way. Any node can continue any upload; nothing is locked while bytes move.
///
/// # What every adapter promises
///
/// - **U1.** `publish` and `finish` MUST be a compare-and-set on the offset: of several calls that start at one offset, at
///   most one succeeds; the others answer `WrongOffset` with the offset that is stored.
/// - **U2.** `publish`, `finish` and `cancel` MUST put every part and sealed copy that they are given or hold and do not keep
///   into the trash, in the same write, whatever they answer; and never a location that a blob row names.
/// - **U3.** After [`Finished::Done`] the repository grants access to the blob until `lease_until`. If the registry already
///   had the digest, the stored location is kept and answered, and the sealed copy goes to the trash.
/// - **U4.** `finish` of an upload that is already finished with the same digest MUST answer [`Finished::AlreadyDone`].
/// - **U5.** An upload belongs to its repository, and is unknown from any other one; an expired one is unknown.
/// - **U7.** A repository that is read-only MUST take no part and make no blob: `publish` and `finish` answer `ReadOnly` and the
///   upload stays as it was.
/// - **U8.** `cancel` with an offset MUST leave an upload alone that is not there any more.
/// - **U6.** `load` MUST answer parts in the order in which they were published, and the hash state of the last one.
///
/// Like every write, `finish`, `cancel` and `discard` outlast a crash of the machine once they are answered. `begin` and `publish` need
/// not: after a crash an upload may be unknown, or end where it ended before, and the client is told so.
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait Uploads: Send + Sync {
    /// Opens an upload.
    async fn begin(&self, upload: &NewUpload) -> Port<Begun>;

    /// The upload, finished or not.
    async fn load(&self, repository: &RepositoryName, id: &UploadId, now: Millis) -> Port<Option<Upload>>;

    /// Appends a part that the store holds.
    async fn publish(&self, part: &PublishPart) -> Port<Published>;

    /// Makes the blob.
    async fn finish(&self, upload: &FinishUpload) -> Port<Finished>;

    /// Drops an upload with its parts.
    async fn cancel(&self, upload: &CancelUpload) -> Port<Cancelled>;

    /// Puts parts into the trash that were stored and will not be published.
    async fn discard(&self, parts: &[Part], now: Millis) -> Port<()>;
}

/// The id of an upload: a UUID (any version), as the OCI spec wants the upload's URL to hold one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UploadId(u128);

/// A text that is no [`UploadId`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} is no upload id", Quoted(.0))]
pub struct ParseUploadIdError(pub String);

impl UploadId {
    /// From the 128 bits of a UUID, which whoever opens an upload draws at random.
    #[must_use]
    pub const fn from_bits(bits: u128) -> Self {
        Self(bits)
    }

    /// The 128 bits, big-endian: the stored form.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }

    /// From the stored form.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(u128::from_be_bytes(bytes))
    }
}

impl fmt::Display for UploadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bits = self.0;
        write!(
            f,
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            bits >> 96,
            (bits >> 80) & 0xffff,
            (bits >> 64) & 0xffff,
            (bits >> 48) & 0xffff,
            bits & 0xffff_ffff_ffff
        )
    }
}

impl fmt::Debug for UploadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl FromStr for UploadId {
    type Err = ParseUploadIdError;

    /// Only the form that [`Display`](fmt::Display) writes: lower-case hex with hyphens.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits: String = text.chars().filter(|c| *c != '-').collect();
        match u128::from_str_radix(&digits, 16).map(Self) {
            Ok(id) if id.to_string() == text => Ok(id),
            _ => Err(ParseUploadIdError(text.to_owned())),
        }
    }
}

/// An upload to open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewUpload {
    /// Where.
    pub repository: RepositoryName,
    /// A fresh random id.
    pub id: UploadId,
    /// The state of the hasher over nothing; it names the algorithm.
    pub hash_state: Bytes,
    /// Create the repository with this visibility if it is absent.
    pub create_repository: Option<Visibility>,
    /// When.
    pub now: Millis,
    /// Until when the upload may rest.
    pub expires: Millis,
    /// Who uploads.
    pub actor: Option<Actor>,
}

/// What opening an upload came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begun {
    /// It is open.
    Done,
    /// There is no such repository and the ask does not create it.
    RepositoryGone,
    /// The repository takes no writes.
    ReadOnly,
}

/// An upload as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// Its id.
    pub id: UploadId,
    /// How many bytes were published.
    pub offset: u64,
    /// The state of the hasher over them.
    pub hash_state: Bytes,
    /// Where they are, in order.
    pub parts: Vec<Part>,
    /// The blob it became, if it is finished. Parts are empty then.
    pub finished: Option<(Digest, Blob)>,
}

/// A part to append.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishPart {
    /// Where.
    pub repository: RepositoryName,
    /// To which upload.
    pub id: UploadId,
    /// The offset at which the part starts.
    pub from: u64,
    /// The part; the new offset is `from` plus its size.
    pub part: Part,
    /// The state of the hasher behind the part.
    pub hash_state: Bytes,
    /// When.
    pub now: Millis,
    /// Until when the upload may rest.
    pub expires: Millis,
}

/// What appending a part came to. The part is in the trash unless it is `Done`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Published {
    /// The upload ends behind the part now.
    Done,
    /// The upload ends there; nothing was appended.
    WrongOffset(u64),
    /// There is no such upload, or it is finished.
    Unknown,
    /// The repository takes no writes.
    ReadOnly,
}

/// An upload to drop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CancelUpload {
    /// Where.
    pub repository: RepositoryName,
    /// Which upload.
    pub id: UploadId,
    /// Drop it only if it ends there: somebody who found its bytes wrong has not seen those that came later.
    pub from: Option<u64>,
    /// Parts that it does not know of and that go into the trash whatever the answer is.
    pub unpublished: Vec<Part>,
    /// When.
    pub now: Millis,
}

/// What dropping an upload came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cancelled {
    /// It is gone, and its parts are in the trash.
    Done,
    /// It ends there, and goes on.
    WrongOffset(u64),
    /// There is no such upload, or it is finished.
    Unknown,
}

/// A blob to make of an upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FinishUpload {
    /// Where.
    pub repository: RepositoryName,
    /// Which upload.
    pub id: UploadId,
    /// The offset at which the upload must still be.
    pub from: u64,
    /// The sealed copy of all bytes.
    pub sealed: Location,
    /// What the bytes hash to: checked by the caller.
    pub digest: Digest,
    /// How many bytes.
    pub size: u64,
    /// Until when access lasts without a manifest.
    pub lease_until: Millis,
    /// When.
    pub now: Millis,
}

/// What finishing came to. What is not kept is in the trash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finished {
    /// The repository has the blob.
    Done(Blob),
    /// It was finished before, with the same digest.
    AlreadyDone(Blob),
    /// The upload ends there: somebody else appended or finished.
    WrongOffset(u64),
    /// There is no such upload, or it was finished with another digest.
    Unknown,
    /// The repository is gone.
    RepositoryGone,
    /// The repository takes no writes.
    ReadOnly,
}

#[cfg(test)]
mod tests {
    use super::UploadId;

    #[test]
    fn ids_read_what_they_write() {
        let id = UploadId::from_bits(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef);
        assert_eq!(id.to_string(), "01234567-89ab-cdef-0123-456789abcdef");
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(UploadId::from_bytes(id.to_bytes()), id);
        let refused = |text: &str| assert!(text.parse::<UploadId>().is_err(), "{text}");
        refused("");
        refused("0123456789abcdef0123456789abcdef");
        refused("01234567-89AB-cdef-0123-456789abcdef");
        refused("01234567-89ab-cdef-0123-456789abcdef0");
        refused("../../etc/passwd");
        refused("+1234567-89ab-cdef-0123-456789abcdef");
    }
}
