use manifest_core::ports::UploadId;
use oci_types::{Algorithm, Digest, Quoted};
use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;
use uuid::Uuid;

/// Where a file of the store is: the `key` of a `Location`, and the file's path below the root.
///
/// Held from construction on: the path is one of
///
/// - `parts/<ii>/<upload>.<nonce>`, a part, where `<ii>` is the last two digits of the upload's id,
/// - `sha256/<hh>/<hash>.<upload>.<nonce>`, a sealed blob, where `<hh>` is the first two digits of the hash; `sha512` alike.
///
/// The upload's id is a UUID in lower-case hexadecimal digits with hyphens, the nonce 16 lower-case hexadecimal digits. A key has
/// one text, so no path leaves the store, and keys compare as their texts do, byte by byte.
///
/// ```
/// # use blobs_filesystem::Key;
/// let part = "parts/ef/01234567-89ab-cdef-0123-456789abcdef.00000000000000ff";
/// assert_eq!(part.parse::<Key>()?.to_string(), part);
/// assert_eq!("../etc/passwd".parse::<Key>().unwrap_err().to_string(), "`../etc/passwd` is no key of a blob directory");
/// # Ok::<(), blobs_filesystem::ParseKeyError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    digest: Option<Digest>,
    upload: UploadId,
    nonce: u64,
}

/// A text that is no [`Key`]. Carries the text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} is no key of a blob directory", Quoted(input))]
pub struct ParseKeyError {
    /// What was given.
    pub input: Box<str>,
}

/// The directories directly below the root, in byte order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Room {
    Parts,
    Sha256,
    Sha512,
}

impl Key {
    /// Which upload wrote it.
    #[must_use]
    pub fn upload(&self) -> UploadId {
        self.upload
    }

    /// What a sealed blob hashes to; none for a part.
    #[must_use]
    pub fn digest(&self) -> Option<Digest> {
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
    pub(crate) const ALL: [Self; 3] = [Self::Parts, Self::Sha256, Self::Sha512];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Parts => "parts",
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }
}

impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        // Ids, hashes and nonces have fixed widths, so they compare as their digits do.
        let fields = |key: &Self| (key.room(), key.fan(), key.digest, key.upload, key.nonce);
        fields(self).cmp(&fields(other))
    }
}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{:02x}/{}", self.room().name(), self.fan(), self.file_name())
    }
}

impl FromStr for Key {
    type Err = ParseKeyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match read_fields(text) {
            // The fields are read leniently; that the key writes the same text is what makes it strict.
            Some(key) if key.to_string() == text => Ok(key),
            _ => Err(ParseKeyError { input: text.into() }),
        }
    }
}

fn read_fields(text: &str) -> Option<Key> {
    let (room, below) = text.split_once('/')?;
    let (_fan, file) = below.split_once('/')?;
    let mut fields = file.rsplitn(3, '.');
    let nonce = u64::from_str_radix(fields.next()?, 16).ok()?;
    let upload = fields.next()?.parse().ok()?;
    let digest = match fields.next() {
        None => None,
        Some(hash) => Some(format!("{room}:{hash}").parse().ok()?),
    };
    Some(Key { digest, upload, nonce })
}

/// 64 random bits: with the upload's id, which is random as well, enough to never name two files alike.
fn nonce() -> u64 {
    // The few bits that every random UUID has in common are not at the same places in its halves.
    let (high, low) = Uuid::new_v4().as_u64_pair();
    high ^ low
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PART: &str = "parts/ef/01234567-89ab-cdef-0123-456789abcdef.00000000000000ff";

    fn any_key() -> impl Strategy<Value = Key> {
        let digest = (any::<[u8; 8]>(), proptest::sample::select(&Algorithm::ALL))
            .prop_map(|(seed, algorithm)| Digest::of(algorithm, &seed));
        (proptest::option::of(digest), any::<u128>(), any::<u64>()).prop_map(|(digest, upload, nonce)| Key {
            digest,
            upload: UploadId::from_bits(upload),
            nonce,
        })
    }

    #[test]
    fn refused_texts() {
        let sealed = Key::fresh_sealed(UploadId::from_bits(7), Digest::of(Algorithm::Sha256, b"")).to_string();
        assert!(PART.parse::<Key>().is_ok() && sealed.parse::<Key>().is_ok());
        let check = |text: &str| assert!(text.parse::<Key>().is_err(), "{text:?}");
        for key in [PART, &sealed] {
            check(&format!("/{key}"));
            check(&format!("./{key}"));
            check(&format!("../{key}"));
            check(&format!("{key}/"));
            check(&format!("{key}/."));
            check(&format!("{key}\0"));
            check(&format!("{key}\n"));
            check(&format!(" {key}"));
            check(&key.to_uppercase());
            check(&key.replace('/', "//"));
            check(&key.replace('/', "\\"));
            check(&key[1..]);
            check(&key[..key.len() - 1]);
            check(&format!("{key}0"));
        }
        check("");
        check("store-id");
        check("parts");
        check("parts/..");
        check("parts/../store-id");
        check("/etc/passwd");
        check(&PART.replace("/ef/", "/ee/"));
        check(&PART.replace("/ef/", "/../"));
        check(&PART.replace("parts", "sha256"));
        check(&PART.replace(".0", ".+"));
        check(&PART.replace("-cdef-", "-cdef-+"));
        check(&sealed.replace("sha256", "parts"));
        check(&sealed.replace("sha256", "sha512"));
        check(&sealed.replacen("e3/", "e4/", 1));
        check(&sealed.replacen("e3b0", "e3B0", 1));
    }

    #[test]
    fn nonces_differ() {
        let upload = UploadId::from_bits(1);
        assert_ne!(Key::fresh_part(upload), Key::fresh_part(upload));
    }

    proptest! {
        #[test]
        fn keys_read_what_they_write(key in any_key()) {
            prop_assert_eq!(key.to_string().parse(), Ok(key));
            prop_assert!(key.file_name().len() <= 182);
        }

        #[test]
        fn keys_compare_as_their_texts_do(one in any_key(), other in any_key()) {
            prop_assert_eq!(one.cmp(&other), one.to_string().cmp(&other.to_string()));
        }

        /// A damaged key is refused or is another key of ours: it never names anything outside.
        #[test]
        fn damaged_keys_stay_inside(key in any_key(), at in any::<proptest::sample::Index>(), put in "(?s).{0,3}|\\.\\./|/|\0") {
            let mut text = key.to_string();
            let at = at.index(text.len());
            text.replace_range(at..=at, &put);
            if let Ok(key) = text.parse::<Key>() {
                prop_assert_eq!(key.to_string(), text.clone());
                prop_assert_eq!(text.matches('/').count(), 2);
                prop_assert!(!text.contains("..") && !text.starts_with('/') && !text.contains('\0'));
            }
        }

        #[test]
        fn anything_is_read_without_a_panic(text in "(?s).{0,200}") {
            prop_assert!(text.parse::<Key>().is_err());
        }
    }
}
