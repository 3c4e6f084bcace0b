mod file;
mod packed;
#[cfg(test)]
mod tests;

pub(crate) use file::{FileKey, Room};
pub(crate) use packed::{PackId, PackedKey, room};

use manifest_core::ports::UploadId;
use oci_types::{Digest, Quoted};
use std::fmt;
use std::str::FromStr;

/// Where bytes of the store are: the `key` of a `Location`.
///
/// Held from construction on: the key is one of
///
/// - `parts/<ii>/<upload>.<nonce>`, the path of a part below the root, where `<ii>` is the last two digits of the upload's id,
/// - `sha256/<hh>/<hash>.<upload>.<nonce>`, the path of a sealed blob, where `<hh>` is the first two digits of the hash; `sha512` alike,
/// - `packs/<pack>/<offset>.<size>.<upload>`, a small sealed blob: the path of a pack, 32 digits; and in it, in bytes, where the blob's
///   entry begins, 8 digits, and how long the blob is, 5 digits.
///
/// The upload's id is a UUID in lower-case hexadecimal digits with hyphens, the nonce 16 lower-case hexadecimal digits, and so are the other
/// numbers. A key has one text, so no path leaves the store, and keys compare as their texts do, byte by byte.
///
/// ```
/// # use blobs_filesystem::Key;
/// let part = "parts/ef/01234567-89ab-cdef-0123-456789abcdef.00000000000000ff";
/// assert_eq!(part.parse::<Key>()?.to_string(), part);
/// assert_eq!("../etc/passwd".parse::<Key>().unwrap_err().to_string(), "`../etc/passwd` is no key of a blob directory");
/// # Ok::<(), blobs_filesystem::ParseKeyError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(pub(crate) Place);

/// In the order of the texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Place {
    Packed(PackedKey),
    File(FileKey),
}

/// A text that is no [`Key`]. Carries the text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} is no key of a blob directory", Quoted(input))]
pub struct ParseKeyError {
    /// What was given.
    pub input: Box<str>,
}

impl Key {
    /// Which upload wrote it.
    #[must_use]
    pub fn upload(&self) -> UploadId {
        match &self.0 {
            Place::Packed(key) => key.upload(),
            Place::File(key) => key.upload(),
        }
    }

    /// What a sealed blob hashes to; none for a part, and for a blob in a pack, which says it itself.
    #[must_use]
    pub fn digest(&self) -> Option<Digest> {
        match &self.0 {
            Place::Packed(_) => None,
            Place::File(key) => key.digest(),
        }
    }
}

impl From<PackedKey> for Key {
    fn from(key: PackedKey) -> Self {
        Self(Place::Packed(key))
    }
}

impl From<FileKey> for Key {
    fn from(key: FileKey) -> Self {
        Self(Place::File(key))
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Place::Packed(key) => fmt::Display::fmt(key, f),
            Place::File(key) => fmt::Display::fmt(key, f),
        }
    }
}

impl FromStr for Key {
    type Err = ParseKeyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let key = packed::read_fields(text).map(Self::from).or_else(|| file::read_fields(text).map(Self::from));
        match key {
            // The fields are read leniently; that the key writes the same text is what makes it strict.
            Some(key) if key.to_string() == text => Ok(key),
            _ => Err(ParseKeyError { input: text.into() }),
        }
    }
}
