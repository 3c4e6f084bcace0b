use crate::Quoted;
use std::{fmt, str::FromStr};

/// A hash algorithm that a digest may name.
///
/// Both are registered by the OCI image spec ("Descriptors: Registered algorithms"); sha256 is what everybody uses.
///
/// ```
/// # use oci_types::Algorithm;
/// assert_eq!("sha512".parse::<Algorithm>()?, Algorithm::Sha512);
/// assert_eq!("SHA256".parse::<Algorithm>().unwrap_err().to_string(), "digest algorithm `SHA256` is neither sha256 nor sha512");
/// # Ok::<(), oci_types::ParseAlgorithmError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// SHA-256: 32 bytes, 64 hex digits.
    Sha256,
    /// SHA-512: 64 bytes, 128 hex digits.
    Sha512,
}

/// Why a text names no [`Algorithm`]. Carries the text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("digest algorithm {} is neither sha256 nor sha512", Quoted(input))]
pub struct ParseAlgorithmError {
    /// What was given.
    pub input: Box<str>,
}

impl Algorithm {
    /// Every algorithm, in the order in which digests compare.
    pub const ALL: [Self; 2] = [Self::Sha256, Self::Sha512];

    /// The name before the colon of a digest.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }

    /// How many bytes a hash has.
    #[must_use]
    pub const fn hash_len(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }

    /// How many hexadecimal digits a hash has.
    #[must_use]
    pub const fn hex_len(self) -> usize {
        self.hash_len() * 2
    }

    /// The byte that stands for the algorithm in stored digests and hash states.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Sha256 => 1,
            Self::Sha512 => 2,
        }
    }

    /// The algorithm that [`Self::code`] stands for.
    pub(crate) const fn from_code(code: u8) -> Option<Self> {
        match code {
            1 => Some(Self::Sha256),
            2 => Some(Self::Sha512),
            _ => None,
        }
    }
}

impl FromStr for Algorithm {
    type Err = ParseAlgorithmError;

    fn from_str(input: &str) -> Result<Self, Self::Err> {
        match input {
            "sha256" => Ok(Self::Sha256),
            "sha512" => Ok(Self::Sha512),
            _ => Err(ParseAlgorithmError { input: input.into() }),
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
