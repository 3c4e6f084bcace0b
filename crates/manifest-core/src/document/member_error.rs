use crate::json::{Kind, SyntaxError};
use oci_types::{ParseDigestError, ParseMediaTypeError, Quoted};

/// What is wrong with one member of a document, such as `layers[3].size is missing`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path} {problem}")]
pub struct MemberError {
    /// The way to the member, such as `layers[3].size`; for a document as a whole what it is.
    pub path: Box<str>,
    /// What is wrong with it.
    pub problem: Problem,
}

/// What can be wrong with a member.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// It is required.
    #[error("is missing")]
    Missing,
    /// Its name occurs twice in one object.
    #[error("occurs twice")]
    Duplicate,
    /// It is of another kind than it must be.
    #[error("is {found}, not {expected}")]
    Type {
        /// What it must be.
        expected: &'static str,
        /// What it is.
        found: Kind,
    },
    /// It must be this one value, or one of a few.
    #[error("is {}, not {expected}", Quoted(found))]
    Value {
        /// What it must be.
        expected: &'static str,
        /// What it is.
        found: Box<str>,
    },
    /// A string with half of a surrogate pair.
    #[error("is no Unicode text: it has half of a surrogate pair")]
    NotText,
    /// A list or text that must hold something.
    #[error("is empty")]
    Empty,
    /// A text with too many bytes.
    #[error("has more than {limit} bytes")]
    Long {
        /// How many it may have.
        limit: usize,
    },
    /// A text that must be on one line.
    #[error("contains {found:?}")]
    Control {
        /// The first control character.
        found: char,
    },
    /// A size below zero.
    #[error("is negative")]
    Negative,
    /// A size that is no number of bytes.
    #[error("is {}, no whole number below 2^63", Quoted(found))]
    Size {
        /// The number as it is written.
        found: Box<str>,
    },
    /// No digest.
    #[error("is no digest: {0}")]
    Digest(ParseDigestError),
    /// No media type.
    #[error("is no media type: {0}")]
    MediaType(ParseMediaTypeError),
    /// The layer's type says that it is fetched from elsewhere, but there is no place.
    #[error("is missing or empty, but a layer of that type is fetched from there")]
    NoUrls,
    /// A text that must hold JSON.
    #[error("is not JSON: {0}")]
    NotJson(SyntaxError),
    /// A text that must hold base64url.
    #[error("is not base64url")]
    Base64,
    /// The signed text is said to begin with more bytes than there are.
    #[error("is {found}, but the manifest has {length} bytes")]
    FormatLength {
        /// As it is said.
        found: u64,
        /// As it is.
        length: usize,
    },
    /// A schema 1 layer's parent is none of the layers below it.
    #[error("is {}, which is no layer below this one", Quoted(parent))]
    UnknownParent {
        /// That parent.
        parent: Box<str>,
    },
}
