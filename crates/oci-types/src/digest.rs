use crate::{Algorithm, Hasher, Quoted};
use std::{fmt, str::FromStr};

/// The digest of some bytes, such as `sha256:e3b0c442…`: an algorithm and a hash.
///
/// Held from construction on:
///
/// - the algorithm is one of [`Algorithm`],
/// - the hash has the length that the algorithm gives it,
/// - the text form is the algorithm, a colon, and lower-case hexadecimal digits: one text for each digest.
///
/// Digests compare as their texts do, and as their stored bytes do. Source: OCI image spec, "Descriptors: Digests".
///
/// ```
/// # use oci_types::{Algorithm, Digest};
/// let empty = Digest::of(Algorithm::Sha256, b"");
/// let text = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
/// assert_eq!(text.parse::<Digest>()?, empty);
/// assert_eq!(empty.to_string(), text);
/// assert_eq!(Digest::from_bytes(empty.as_bytes())?, empty);
///
/// assert_eq!("sha256:abc".parse::<Digest>().unwrap_err().to_string(), "digest `sha256:abc` has 3 characters after the colon, not 64");
/// assert!(text.to_uppercase().parse::<Digest>().is_err());
/// # Ok::<(), oci_types::ParseDigestError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest {
    /// The algorithm's byte, the hash, and zeros up to the longest hash.
    stored: [u8; 65],
}

/// Why a text or stored bytes are no [`Digest`]. Carries the text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseDigestError {
    /// There is no colon.
    #[error("digest {} has no colon after its algorithm", Quoted(input))]
    NoAlgorithm {
        /// What was given.
        input: Box<str>,
    },
    /// What stands before the colon is no algorithm that we know.
    #[error("the algorithm of digest {} is neither sha256 nor sha512", Quoted(input))]
    UnknownAlgorithm {
        /// What was given.
        input: Box<str>,
    },
    /// There are too many or too few characters for the algorithm.
    #[error("digest {} has {found} characters after the colon, not {expected}", Quoted(input))]
    Length {
        /// What was given.
        input: Box<str>,
        /// How many there must be.
        expected: usize,
        /// How many there are.
        found: usize,
    },
    /// A character is no lower-case hexadecimal digit.
    #[error("digest {} contains {found:?}, which is no lower-case hexadecimal digit", Quoted(input))]
    NotHex {
        /// What was given.
        input: Box<str>,
        /// The first such character.
        found: char,
    },
    /// Stored bytes do not begin with the byte of an algorithm, or have the wrong length for it.
    #[error("{length} stored bytes that begin with {first:?} are no digest")]
    Stored {
        /// How many bytes there are.
        length: usize,
        /// The first of them.
        first: Option<u8>,
    },
}

impl Digest {
    /// The digest of `bytes`.
    #[must_use]
    pub fn of(algorithm: Algorithm, bytes: &[u8]) -> Self {
        let mut hasher = Hasher::new(algorithm);
        hasher.update(bytes);
        hasher.finish()
    }

    /// How the hash was made.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        // No other code is ever stored.
        Algorithm::from_code(self.stored[0]).unwrap_or(Algorithm::Sha512)
    }

    /// The raw hash: 32 or 64 bytes.
    #[must_use]
    pub fn hash(&self) -> &[u8] {
        &self.as_bytes()[1..]
    }

    /// The stored form: one byte for the algorithm (1 is sha256, 2 is sha512) and the raw hash.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.stored[..=self.algorithm().hash_len()]
    }

    /// Reads the stored form.
    pub fn from_bytes(stored: &[u8]) -> Result<Self, ParseDigestError> {
        let wrong = || ParseDigestError::Stored { length: stored.len(), first: stored.first().copied() };
        let (&code, hash) = stored.split_first().ok_or_else(wrong)?;
        let algorithm = Algorithm::from_code(code).ok_or_else(wrong)?;
        if hash.len() == algorithm.hash_len() { Ok(Self::from_hash(algorithm, hash)) } else { Err(wrong()) }
    }

    /// The hash in hexadecimal digits, what follows the colon.
    #[must_use]
    pub fn hex(&self) -> String {
        let mut text = String::with_capacity(self.algorithm().hex_len());
        for byte in self.hash() {
            text.push(char::from(DIGITS[usize::from(byte >> 4)]));
            text.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
        text
    }

    /// A digest of a hash whose length the caller knows to fit.
    pub(crate) fn from_hash(algorithm: Algorithm, hash: &[u8]) -> Self {
        let mut stored = [0; 65];
        stored[0] = algorithm.code();
        stored[1..=algorithm.hash_len()].copy_from_slice(hash);
        Self { stored }
    }
}

impl FromStr for Digest {
    type Err = ParseDigestError;

    fn from_str(input: &str) -> Result<Self, Self::Err> {
        let (algorithm, hex) =
            input.split_once(':').ok_or_else(|| ParseDigestError::NoAlgorithm { input: input.into() })?;
        let algorithm: Algorithm =
            algorithm.parse().map_err(|_| ParseDigestError::UnknownAlgorithm { input: input.into() })?;
        // All at once first, which is faster than to stop early.
        let is_hex = hex.bytes().fold(true, |is_hex, c| is_hex & matches!(c, b'0'..=b'9' | b'a'..=b'f'));
        if !is_hex && let Some(found) = hex.chars().find(|c| !matches!(c, '0'..='9' | 'a'..='f')) {
            return Err(ParseDigestError::NotHex { input: input.into(), found });
        }
        if hex.len() != algorithm.hex_len() {
            let (expected, found) = (algorithm.hex_len(), hex.len());
            return Err(ParseDigestError::Length { input: input.into(), expected, found });
        }
        let mut hash = [0; 64];
        for (byte, pair) in hash.iter_mut().zip(hex.as_bytes().chunks_exact(2)) {
            *byte = nibble(pair[0]) << 4 | nibble(pair[1]);
        }
        Ok(Self::from_hash(algorithm, &hash[..algorithm.hash_len()]))
    }
}

/// Hexadecimal digits by their value.
const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// The value of one lower-case hexadecimal digit.
fn nibble(digit: u8) -> u8 {
    if digit.is_ascii_digit() { digit - b'0' } else { digit - b'a' + 10 }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // "sha512:" and 128 digits, written in one piece: this is on the path of every answer.
        let mut text = [0; 135];
        let (name, hash) = (self.algorithm().as_str(), self.hash());
        text[..name.len()].copy_from_slice(name.as_bytes());
        text[name.len()] = b':';
        let end = name.len() + 1 + hash.len() * 2;
        for (pair, byte) in text[name.len() + 1..end].chunks_exact_mut(2).zip(hash) {
            pair[0] = DIGITS[usize::from(byte >> 4)];
            pair[1] = DIGITS[usize::from(byte & 15)];
        }
        f.write_str(str::from_utf8(&text[..end]).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refused_texts() {
        let check = |input: &str, expected: &str| {
            let error = input.parse::<Digest>().unwrap_err().to_string();
            assert!(error.contains(expected), "{input:?} gave {error:?}");
        };
        let hex = "0".repeat(64);
        check("", "no colon");
        check(&hex, "no colon");
        check(&format!("md5:{hex}"), "neither");
        check(&format!("SHA256:{hex}"), "neither");
        check(&format!(" sha256:{hex}"), "neither");
        check(&format!("sha256:{hex}0"), "65 characters");
        check(&format!("sha512:{hex}"), "64 characters after the colon, not 128");
        check("sha256:", "0 characters");
        check(&format!("sha256:{hex}\n"), r"contains '\n'");
        check(&format!("sha256:{}A", &hex[1..]), "contains 'A'");
        check(&format!("sha256:{}é", &hex[2..]), "contains 'é'");
        check(&format!("sha256::{}", &hex[1..]), "contains ':'");
    }

    #[test]
    fn refused_bytes() {
        let check = |stored: &[u8]| assert!(Digest::from_bytes(stored).is_err(), "{stored:?}");
        check(&[]);
        check(&[1]);
        check(&[3; 33]);
        check(&[1; 32]);
        check(&[1; 34]);
        check(&[2; 33]);
    }

    #[test]
    fn texts_bytes_and_values_have_one_order() {
        let mut digests: Vec<Digest> = Algorithm::ALL
            .into_iter()
            .flat_map(|algorithm| (0..50_u8).map(move |n| Digest::of(algorithm, &[n])))
            .collect();
        digests.sort_unstable();
        assert!(digests.is_sorted_by_key(ToString::to_string));
        assert!(digests.is_sorted_by(|a, b| a.as_bytes() < b.as_bytes()));
        for digest in digests {
            assert_eq!(digest.to_string().parse(), Ok(digest));
            assert_eq!(Digest::from_bytes(digest.as_bytes()), Ok(digest));
            assert_eq!(format!("{}:{}", digest.algorithm(), digest.hex()), format!("{digest:?}"));
        }
    }
}
