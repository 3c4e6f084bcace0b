use crate::Quoted;
use std::{fmt, str::FromStr, sync::Arc};

/// The name of a tag, such as `v1.2` or `latest`. Cheap to clone.
///
/// Held from construction on:
///
/// - 1 to 128 bytes,
/// - the first is a letter, a digit or `_`; the others may also be `.` or `-`. All are ASCII.
///
/// Names compare byte by byte, as tag lists are ordered. Source: OCI distribution spec, "Pulling manifests".
///
/// ```
/// # use oci_types::TagName;
/// assert_eq!("v1.2".parse::<TagName>()?.as_str(), "v1.2");
/// assert_eq!("-rc".parse::<TagName>().unwrap_err().to_string(), "tag `-rc` starts with '-'");
/// # Ok::<(), oci_types::ParseTagNameError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TagName(Arc<str>);

/// Why a text is no [`TagName`]. Carries the text, so that the answer can show it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseTagNameError {
    /// Nothing was given.
    #[error("a tag is empty")]
    Empty,
    /// There are more than [`TagName::MAX_LEN`] bytes.
    #[error("tag {} has {} bytes, more than {}", Quoted(name), name.len(), TagName::MAX_LEN)]
    TooLong {
        /// What was given.
        name: Box<str>,
    },
    /// The first character may not stand there.
    #[error("tag {} starts with {first:?}", Quoted(name))]
    First {
        /// What was given.
        name: Box<str>,
        /// Its first character.
        first: char,
    },
    /// A later character may not stand there.
    #[error("tag {} contains {found:?}", Quoted(name))]
    Other {
        /// What was given.
        name: Box<str>,
        /// The first such character.
        found: char,
    },
}

impl TagName {
    /// The most bytes that a name has.
    pub const MAX_LEN: usize = 128;

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TagName {
    type Err = ParseTagNameError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let first = name.chars().next().ok_or(ParseTagNameError::Empty)?;
        if name.len() > Self::MAX_LEN {
            return Err(ParseTagNameError::TooLong { name: name.into() });
        }
        if !(first.is_ascii_alphanumeric() || first == '_') {
            return Err(ParseTagNameError::First { name: name.into(), first });
        }
        match name.chars().find(|c| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'))) {
            Some(found) => Err(ParseTagNameError::Other { name: name.into(), found }),
            None => Ok(Self(name.into())),
        }
    }
}

impl fmt::Display for TagName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl AsRef<str> for TagName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grammar() {
        let check = |name: &str, accepted: bool| assert_eq!(name.parse::<TagName>().is_ok(), accepted, "{name:?}");
        check("a", true);
        check("_", true);
        check("9", true);
        check("V1.0_rc-2..", true);
        check(&"a".repeat(128), true);
        check(&"a".repeat(129), false);
        check("", false);
        check(".a", false);
        check("-a", false);
        check("a+b", false);
        check("a:b", false);
        check("a/b", false);
        check("a b", false);
        check("a\n", false);
        check("é", false);
        check("aé", false);
        check("$temp-1", false);
    }
}
