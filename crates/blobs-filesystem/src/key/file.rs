use manifest_core::ports::UploadId;
use oci_types::{Algorithm, Digest};
use std::cmp::Ordering;
use std::fmt;
use uuid::Uuid;

/// Where a file of its own is: a part, or a sealed blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct FileKey {
    pub(super) digest: Option<Digest>,
    pub(super) upload: UploadId,
    pub(super) nonce: u64,
}

/// The directories directly below the root, in byte order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Room {
    Packs,
    Parts,
    Sha256,
    Sha512,
}

impl FileKey {
    /// Which upload wrote it.
    pub(crate) fn upload(&self) -> UploadId {
        self.upload
    }

    /// What a sealed blob hashes to; none for a part.
    pub(crate) fn digest(&self) -> Option<Digest> {
        self.digest
    }

    /// The key of a part that does not exist yet.
    pub(crate) fn fresh_part(upload: UploadId) -> Self {
        Self { digest: None, upload, nonce: nonce() }
    }

    /// The key of a sealed blob that does not exist yet.
    pub(crate) fn fresh_sealed(upload: UploadId, digest: Digest) -> Self {
        Self { digest: Some(digest), upload, nonce: nonce() }
    }

    /// The first component of the path.
    pub(crate) fn room(&self) -> Room {
        match self.digest.map(|digest| digest.algorithm()) {
            None => Room::Parts,
            Some(Algorithm::Sha256) => Room::Sha256,
            Some(Algorithm::Sha512) => Room::Sha512,
        }
    }

    /// The second component of the path, as a number.
    pub(crate) fn fan(&self) -> u8 {
        match &self.digest {
            None => self.upload.to_bytes()[15],
            Some(digest) => digest.hash()[0],
        }
    }

    /// The last component of the path: at most 182 bytes.
    pub(crate) fn file_name(&self) -> String {
        let Self { digest, upload, nonce } = self;
        match digest {
            None => format!("{upload}.{nonce:016x}"),
            Some(digest) => format!("{}.{upload}.{nonce:016x}", digest.hex()),
        }
    }
}

impl Room {
    pub(crate) const ALL: [Self; 4] = [Self::Packs, Self::Parts, Self::Sha256, Self::Sha512];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Packs => "packs",
            Self::Parts => "parts",
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }
}

impl Ord for FileKey {
    fn cmp(&self, other: &Self) -> Ordering {
        // Ids, hashes and nonces have fixed widths, so they compare as their digits do.
        let fields = |key: &Self| (key.room(), key.fan(), key.digest, key.upload, key.nonce);
        fields(self).cmp(&fields(other))
    }
}

impl PartialOrd for FileKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for FileKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{:02x}/{}", self.room().name(), self.fan(), self.file_name())
    }
}

/// The key of a text, read leniently.
pub(super) fn read_fields(text: &str) -> Option<FileKey> {
    let (room, below) = text.split_once('/')?;
    let (_fan, file) = below.split_once('/')?;
    let mut fields = file.rsplitn(3, '.');
    let nonce = u64::from_str_radix(fields.next()?, 16).ok()?;
    let upload = fields.next()?.parse().ok()?;
    let digest = match fields.next() {
        None => None,
        Some(hash) => Some(format!("{room}:{hash}").parse().ok()?),
    };
    Some(FileKey { digest, upload, nonce })
}

/// 64 random bits: with the upload's id, which is random as well, enough to never name two files alike.
fn nonce() -> u64 {
    // The few bits that every random UUID has in common are not at the same places in its halves.
    let (high, low) = Uuid::new_v4().as_u64_pair();
    high ^ low
}
