use oci_types::Quoted;
use std::fmt;
use std::str::FromStr;
use uuid::Uuid;

/// Who a store is: a random UUID, drawn when its directory was created and kept in it as `store-id`.
///
/// A database that names bytes in this store remembers it, so that a wrong directory is noticed before anything is missed.
///
/// ```
/// # use blobs_filesystem::StoreId;
/// let text = "c0ffee00-1111-4222-8333-444455556666";
/// assert_eq!(text.parse::<StoreId>()?.to_string(), text);
/// assert_eq!("c0ffee".parse::<StoreId>().unwrap_err().to_string(), "`c0ffee` is no store id");
/// # Ok::<(), blobs_filesystem::ParseStoreIdError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct StoreId(Uuid);

/// A text that is no [`StoreId`]. Carries the text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} is no store id", Quoted(input))]
pub struct ParseStoreIdError {
    /// What was given.
    pub input: Box<str>,
}

impl StoreId {
    /// A new one, at random.
    pub(crate) fn draw() -> Self {
        Self(Uuid::new_v4())
    }
}

impl fmt::Display for StoreId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl FromStr for StoreId {
    type Err = ParseStoreIdError;

    /// Only the form that [`Display`](fmt::Display) writes: lower-case hex with hyphens.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.parse().map(Self) {
            Ok(id) if id.to_string() == text => Ok(id),
            _ => Err(ParseStoreIdError { input: text.into() }),
        }
    }
}
