use oci_types::{Quoted, TagName};
use std::fmt;
use std::str::FromStr;

/// A pattern for names of tags: `*` stands for any run of bytes, also none, `?` for one byte, all else for itself.
///
/// Held from construction on: 1 to 128 bytes, each `*`, `?`, or one that a tag's name may have. A pattern is about the
/// whole name: `v*` fits `v1`, but not `dev1`.
///
/// ```
/// # use manifest_core::tags::TagPattern;
/// let pattern: TagPattern = "v?.*".parse()?;
/// assert!(pattern.fits(&"v1.2".parse().unwrap()));
/// assert!(!pattern.fits(&"v10.2".parse().unwrap()));
/// assert_eq!("a b".parse::<TagPattern>().unwrap_err().to_string(), "tag pattern `a b` contains ' ', which no tag has");
/// # Ok::<(), manifest_core::tags::ParseTagPatternError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TagPattern(Box<str>);

/// Why a text is no [`TagPattern`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseTagPatternError {
    /// Nothing was given.
    #[error("a tag pattern is empty")]
    Empty,
    /// There are more than 128 bytes.
    #[error("tag pattern {} has {} bytes, more than {}", Quoted(pattern), pattern.len(), TagName::MAX_LEN)]
    TooLong {
        /// What was given.
        pattern: Box<str>,
    },
    /// A character that no tag has, so that the pattern would never fit as it was meant.
    #[error("tag pattern {} contains {found:?}, which no tag has", Quoted(pattern))]
    Character {
        /// What was given.
        pattern: Box<str>,
        /// The first such character.
        found: char,
    },
}

impl TagPattern {
    /// The pattern as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the whole name is as the pattern says.
    #[must_use]
    pub fn fits(&self, name: &TagName) -> bool {
        fits(self.0.as_bytes(), name.as_str().as_bytes())
    }
}

impl FromStr for TagPattern {
    type Err = ParseTagPatternError;

    fn from_str(pattern: &str) -> Result<Self, Self::Err> {
        if pattern.is_empty() {
            return Err(ParseTagPatternError::Empty);
        }
        if pattern.len() > TagName::MAX_LEN {
            return Err(ParseTagPatternError::TooLong { pattern: pattern.into() });
        }
        match pattern.chars().find(|c| !(c.is_ascii_alphanumeric() || "_.-*?".contains(*c))) {
            Some(found) => Err(ParseTagPatternError::Character { pattern: pattern.into(), found }),
            None => Ok(Self(pattern.into())),
        }
    }
}

impl fmt::Display for TagPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Only the last `*` is ever gone back to: what an earlier one took can stay as it is, so that the time is at most
/// pattern times name.
fn fits(pattern: &[u8], name: &[u8]) -> bool {
    let (mut in_pattern, mut in_name) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while let Some(byte) = name.get(in_name) {
        match pattern.get(in_pattern) {
            Some(b'*') => {
                star = Some((in_pattern + 1, in_name));
                in_pattern += 1;
            }
            Some(wanted) if *wanted == b'?' || wanted == byte => {
                in_pattern += 1;
                in_name += 1;
            }
            Some(_) | None => {
                let Some((behind, taken)) = star else {
                    return false;
                };
                star = Some((behind, taken + 1));
                in_pattern = behind;
                in_name = taken + 1;
            }
        }
    }
    pattern.iter().skip(in_pattern).all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::{ParseTagPatternError, TagPattern};

    #[test]
    fn whole_names() {
        let check = |pattern: &str, name: &str, expected: bool| {
            let pattern: TagPattern = pattern.parse().unwrap();
            assert_eq!(pattern.fits(&name.parse().unwrap()), expected, "{pattern} {name}");
        };
        check("v1", "v1", true);
        check("v1", "v11", false);
        check("v1", "V1", false);
        check("*", "anything", true);
        check("?", "a", true);
        check("?", "ab", false);
        check("v*", "v", true);
        check("v*", "dev", false);
        check("*-rc", "1.0-rc", true);
        check("*-rc", "1.0-rc1", false);
        check("*a*b", "aab", true);
        check("*a*b", "aba", false);
        check("a*b*c", "abbc", true);
        check("v?.?", "v1.2", true);
        check("v?.?", "v1x2", false);
        check("**", "a", true);
        check("a?*", "a", false);
    }

    #[test]
    fn a_pattern_is_shown_as_it_was_written() {
        let pattern: TagPattern = "v?.*-rc".parse().unwrap();
        assert_eq!((pattern.as_str(), pattern.to_string().as_str()), ("v?.*-rc", "v?.*-rc"));
    }

    #[test]
    fn many_stars_end_soon() {
        let pattern: TagPattern = "*a".repeat(64).parse().unwrap();
        let name = format!("{}b", "a".repeat(127)).parse().unwrap();
        assert!(!pattern.fits(&name));
    }

    #[test]
    fn what_is_no_pattern() {
        assert_eq!("".parse::<TagPattern>(), Err(ParseTagPatternError::Empty));
        assert!("*".repeat(128).parse::<TagPattern>().is_ok());
        assert!(matches!("*".repeat(129).parse::<TagPattern>(), Err(ParseTagPatternError::TooLong { .. })));
        assert!(matches!("é".parse::<TagPattern>(), Err(ParseTagPatternError::Character { found: 'é', .. })));
        assert!(matches!("v[12]".parse::<TagPattern>(), Err(ParseTagPatternError::Character { found: '[', .. })));
    }
}
