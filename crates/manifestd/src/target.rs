use oci_types::{
    Digest, ParseDigestError, ParseRepositoryNameError, ParseTagNameError, Reference, RepositoryName, TagName,
};
use std::str::FromStr;

/// What a command is about: a repository, and perhaps a tag or a manifest in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) repository: RepositoryName,
    pub(crate) reference: Option<Reference>,
}

/// Why a text is no [`Target`].
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ParseTargetError {
    #[error("leave out the address of the registry: {0}")]
    Address(String),
    #[error(transparent)]
    Name(#[from] ParseRepositoryNameError),
    #[error(transparent)]
    Tag(#[from] ParseTagNameError),
    #[error(transparent)]
    Digest(#[from] ParseDigestError),
}

impl FromStr for Target {
    type Err = ParseTargetError;

    /// `name`, `name:tag` or `name@digest`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // What clients are given begins with `host:port/`; a name never has a colon before a slash.
        if let Some((host, rest)) = text.split_once('/')
            && host.contains(':')
            && !host.contains('@')
        {
            return Err(ParseTargetError::Address(rest.to_owned()));
        }
        let (name, reference) = if let Some((name, digest)) = text.split_once('@') {
            // As clients write it, a tag may stand before the digest, which decides alone.
            let name = name.split_once(':').map_or(name, |(name, _)| name);
            (name, Some(Reference::Digest(digest.parse::<Digest>()?)))
        } else if let Some((name, tag)) = text.split_once(':') {
            (name, Some(Reference::Tag(tag.parse::<TagName>()?)))
        } else {
            (text, None)
        };
        Ok(Self { repository: name.parse()?, reference })
    }
}

#[cfg(test)]
mod tests {
    use super::Target;
    use oci_types::Reference;

    const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn targets() {
        let check = |text: &str, name: &str, reference: Option<Reference>| {
            let target: Target = text.parse().unwrap();
            assert_eq!((target.repository.as_str(), target.reference), (name, reference), "{text}");
        };
        check("a/b", "a/b", None);
        check("a/b:v1", "a/b", Some(Reference::Tag("v1".parse().unwrap())));
        check(&format!("a@{DIGEST}"), "a", Some(Reference::Digest(DIGEST.parse().unwrap())));
        check(&format!("a:v1@{DIGEST}"), "a", Some(Reference::Digest(DIGEST.parse().unwrap())));
    }

    #[test]
    fn what_is_none_says_why() {
        let check = |text: &str, expected: &str| {
            let error = text.parse::<Target>().unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        };
        check("localhost:5000/a:v1", "leave out the address of the registry: a:v1");
        check("A", "`A`");
        check("a:-", "`-`");
        check("a@sha256:00", "sha256:00");
        check("", "empty");
    }
}
