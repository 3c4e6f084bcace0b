use crate::{Digest, ParseDigestError, ParseTagNameError, TagName};
use std::{fmt, str::FromStr};

/// What follows a repository's name in a manifest's path: a tag or a digest.
///
/// A text with a colon is a digest, any other a tag; no text can be both. Source: OCI distribution spec, "Pulling manifests".
///
/// ```
/// # use oci_types::Reference;
/// assert!(matches!("latest".parse::<Reference>()?, Reference::Tag(_)));
/// assert_eq!("sha256:0".parse::<Reference>().unwrap_err().to_string(), "digest `sha256:0` has 1 characters after the colon, not 64");
/// # Ok::<(), oci_types::ParseReferenceError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reference {
    /// By a name that may move.
    Tag(TagName),
    /// By what it is.
    Digest(Digest),
}

/// Why a text is no [`Reference`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseReferenceError {
    /// It has no colon and is no tag.
    #[error(transparent)]
    Tag(#[from] ParseTagNameError),
    /// It has a colon and is no digest.
    #[error(transparent)]
    Digest(#[from] ParseDigestError),
}

impl FromStr for Reference {
    type Err = ParseReferenceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.contains(':') { Ok(Self::Digest(text.parse()?)) } else { Ok(Self::Tag(text.parse()?)) }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => tag.fmt(f),
            Self::Digest(digest) => digest.fmt(f),
        }
    }
}

impl From<TagName> for Reference {
    fn from(tag: TagName) -> Self {
        Self::Tag(tag)
    }
}

impl From<Digest> for Reference {
    fn from(digest: Digest) -> Self {
        Self::Digest(digest)
    }
}
