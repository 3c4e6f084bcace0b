use crate::Quoted;
use std::{fmt, str::FromStr, sync::Arc};

/// The name of a repository, such as `library/nginx`. Cheap to clone.
///
/// Held from construction on:
///
/// - 1 to 255 bytes,
/// - one or more components with `/` between them,
/// - a component is runs of `a`–`z` and `0`–`9`, joined by one `.`, one or two `_`, or any number of `-`.
///
/// Names compare byte by byte, as the catalogue is ordered. Source: OCI distribution spec, "Pulling manifests";
/// the length is the spec's advice for clients that limit host and name together.
///
/// ```
/// # use oci_types::RepositoryName;
/// assert_eq!("team/app--x/base_1".parse::<RepositoryName>()?.as_str(), "team/app--x/base_1");
/// assert_eq!("team/App".parse::<RepositoryName>().unwrap_err().to_string(), "repository name `team/App` contains 'A'");
/// assert_eq!("team//app".parse::<RepositoryName>().unwrap_err().to_string(), "repository name `team//app` has an empty component");
/// # Ok::<(), oci_types::ParseRepositoryNameError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RepositoryName(Arc<str>);

/// Why a text is no [`RepositoryName`]. Carries the text, so that the answer can show it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseRepositoryNameError {
    /// Nothing was given.
    #[error("a repository name is empty")]
    Empty,
    /// There are more than [`RepositoryName::MAX_LEN`] bytes.
    #[error("repository name {} has {} bytes, more than {}", Quoted(name), name.len(), RepositoryName::MAX_LEN)]
    TooLong {
        /// What was given.
        name: Box<str>,
    },
    /// It begins or ends with `/`, or has two of them in a row.
    #[error("repository name {} has an empty component", Quoted(name))]
    EmptyComponent {
        /// What was given.
        name: Box<str>,
    },
    /// A character may stand nowhere in a name.
    #[error("repository name {} contains {found:?}", Quoted(name))]
    Character {
        /// What was given.
        name: Box<str>,
        /// The first such character.
        found: char,
    },
    /// A separator stands at an end of a component, or beside another one.
    #[error("component {} of repository name {} has a separator that joins nothing", Quoted(component), Quoted(name))]
    Separator {
        /// What was given.
        name: Box<str>,
        /// The first component that is wrong.
        component: Box<str>,
    },
}

impl RepositoryName {
    /// The most bytes that a name has.
    pub const MAX_LEN: usize = 255;

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RepositoryName {
    type Err = ParseRepositoryNameError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        if name.is_empty() {
            return Err(ParseRepositoryNameError::Empty);
        }
        if name.len() > Self::MAX_LEN {
            return Err(ParseRepositoryNameError::TooLong { name: name.into() });
        }
        if let Some(found) = name.chars().find(|c| !matches!(c, 'a'..='z' | '0'..='9' | '.' | '_' | '-' | '/')) {
            return Err(ParseRepositoryNameError::Character { name: name.into(), found });
        }
        for component in name.split('/') {
            if component.is_empty() {
                return Err(ParseRepositoryNameError::EmptyComponent { name: name.into() });
            }
            if !separators_join(component) {
                return Err(ParseRepositoryNameError::Separator { name: name.into(), component: component.into() });
            }
        }
        Ok(Self(name.into()))
    }
}

/// Whether every run of separators in a component stands between two alphanumeric runs and is a legal one.
fn separators_join(component: &str) -> bool {
    let inner = component.trim_matches(is_separator);
    inner.len() == component.len()
        && inner
            .split(|c| !is_separator(c))
            .all(|run| matches!(run, "" | "." | "_" | "__") || run.bytes().all(|b| b == b'-'))
}

fn is_separator(c: char) -> bool {
    matches!(c, '.' | '_' | '-')
}

impl fmt::Display for RepositoryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl AsRef<str> for RepositoryName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grammar() {
        let check =
            |name: &str, accepted: bool| assert_eq!(name.parse::<RepositoryName>().is_ok(), accepted, "{name:?}");
        check("a", true);
        check("0", true);
        check("a/b/c/d/e", true);
        check("a.b_c__d-e---f/g", true);
        check("blobs/uploads", true);
        check(&"a".repeat(255), true);
        check(&"a".repeat(256), false);
        check("", false);
        check("/", false);
        check("a/", false);
        check("/a", false);
        check("a//b", false);
        check("A", false);
        check("a..b", false);
        check("a___b", false);
        check("a._b", false);
        check("a-_b", false);
        check("a.", false);
        check("-a", false);
        check("a/_catalog", false);
        check("a/..", false);
        check("a b", false);
        check("a\n", false);
        check("é", false);
        check("a:b", false);
    }
}
