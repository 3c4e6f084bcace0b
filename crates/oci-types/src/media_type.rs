use crate::Quoted;
use std::{borrow::Cow, fmt, str::FromStr};

/// The media type of some content, such as `application/vnd.oci.image.manifest.v1+json`.
///
/// Held from construction on:
///
/// - 1 to 255 bytes, none of them a control character,
/// - there is a `/` with a letter, a digit or a `_` on both sides.
///
/// That is what Quay asks of a descriptor, and less than RFC 6838 does: the image spec forbids refusing unknown types.
/// Nothing is stripped or folded; [`MediaType::from_content_type`] reads a header. A type that has a constant here is
/// held without an allocation.
///
/// ```
/// # use oci_types::MediaType;
/// assert!("application/vnd.oci.image.index.v1+json".parse::<MediaType>()?.is_index());
/// assert_eq!("nonsense".parse::<MediaType>().unwrap_err().to_string(), "media type `nonsense` has no type and subtype around a `/`");
///
/// let header = "Application/vnd.OCI.image.index.v1+json; charset=utf-8";
/// assert_eq!(MediaType::from_content_type(header)?, MediaType::OCI_INDEX);
/// # Ok::<(), oci_types::ParseMediaTypeError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MediaType(Cow<'static, str>);

/// Why a text is no [`MediaType`]. Carries the text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseMediaTypeError {
    /// Nothing was given.
    #[error("a media type is empty")]
    Empty,
    /// There are more than [`MediaType::MAX_LEN`] bytes.
    #[error("media type {} has {} bytes, more than {}", Quoted(input), input.len(), MediaType::MAX_LEN)]
    TooLong {
        /// What was given.
        input: Box<str>,
    },
    /// There is a control character.
    #[error("media type {} contains {found:?}", Quoted(input))]
    Control {
        /// What was given.
        input: Box<str>,
        /// The first such character.
        found: char,
    },
    /// There is no `/` between two words.
    #[error("media type {} has no type and subtype around a `/`", Quoted(input))]
    NoSubtype {
        /// What was given.
        input: Box<str>,
    },
}

/// Types that manifests have.
impl MediaType {
    /// An OCI image manifest; with another config than an image's it is an artifact.
    pub const OCI_MANIFEST: &'static str = "application/vnd.oci.image.manifest.v1+json";
    /// An OCI image index.
    pub const OCI_INDEX: &'static str = "application/vnd.oci.image.index.v1+json";
    /// The artifact manifest of image spec 1.1's release candidates: `blobs`, and no config.
    pub const OCI_ARTIFACT: &'static str = "application/vnd.oci.artifact.manifest.v1+json";
    /// Docker image manifest, version 2, schema 2.
    pub const DOCKER_SCHEMA2: &'static str = "application/vnd.docker.distribution.manifest.v2+json";
    /// Docker manifest list.
    pub const DOCKER_LIST: &'static str = "application/vnd.docker.distribution.manifest.list.v2+json";
    /// Docker image manifest, version 2, schema 1, without signatures.
    pub const DOCKER_SCHEMA1: &'static str = "application/vnd.docker.distribution.manifest.v1+json";
    /// Docker image manifest, version 2, schema 1, with signatures.
    pub const DOCKER_SCHEMA1_SIGNED: &'static str = "application/vnd.docker.distribution.manifest.v1+prettyjws";
}

/// Types that configs and layers have, and others that the protocol names.
impl MediaType {
    /// The config of a docker image.
    pub const DOCKER_CONFIG: &'static str = "application/vnd.docker.container.image.v1+json";
    /// A layer of a docker image.
    pub const DOCKER_LAYER: &'static str = "application/vnd.docker.image.rootfs.diff.tar.gzip";
    /// A layer of a docker image that is fetched from somewhere else.
    pub const DOCKER_FOREIGN_LAYER: &'static str = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
    /// The config of an OCI image.
    pub const OCI_CONFIG: &'static str = "application/vnd.oci.image.config.v1+json";
    /// A layer of an OCI image.
    pub const OCI_LAYER: &'static str = "application/vnd.oci.image.layer.v1.tar";
    /// A layer of an OCI image, gzip.
    pub const OCI_LAYER_GZIP: &'static str = "application/vnd.oci.image.layer.v1.tar+gzip";
    /// A layer of an OCI image, zstd.
    pub const OCI_LAYER_ZSTD: &'static str = "application/vnd.oci.image.layer.v1.tar+zstd";
    /// The start of every type of a layer that may not be distributed by registries.
    pub const OCI_NONDISTRIBUTABLE_LAYER: &'static str = "application/vnd.oci.image.layer.nondistributable.v1.tar";
    /// [`Self::OCI_NONDISTRIBUTABLE_LAYER`], gzip.
    pub const OCI_NONDISTRIBUTABLE_LAYER_GZIP: &'static str =
        "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip";
    /// [`Self::OCI_NONDISTRIBUTABLE_LAYER`], zstd.
    pub const OCI_NONDISTRIBUTABLE_LAYER_ZSTD: &'static str =
        "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd";
    /// The empty object `{}`, where an artifact needs no config.
    pub const OCI_EMPTY: &'static str = "application/vnd.oci.empty.v1+json";
    /// JSON of no kind in particular.
    pub const JSON: &'static str = "application/json";
    /// Bytes of no kind in particular.
    pub const OCTET_STREAM: &'static str = "application/octet-stream";
    /// Text of no kind in particular.
    pub const TEXT: &'static str = "text/plain";
}

/// Every type that is held without an allocation, the frequent ones first.
const KNOWN: [&str; 21] = [
    MediaType::OCI_MANIFEST,
    MediaType::OCI_INDEX,
    MediaType::DOCKER_SCHEMA2,
    MediaType::DOCKER_LIST,
    MediaType::OCI_LAYER_GZIP,
    MediaType::DOCKER_LAYER,
    MediaType::OCI_CONFIG,
    MediaType::DOCKER_CONFIG,
    MediaType::OCI_LAYER,
    MediaType::OCI_LAYER_ZSTD,
    MediaType::OCI_EMPTY,
    MediaType::OCI_ARTIFACT,
    MediaType::DOCKER_SCHEMA1,
    MediaType::DOCKER_SCHEMA1_SIGNED,
    MediaType::DOCKER_FOREIGN_LAYER,
    MediaType::OCI_NONDISTRIBUTABLE_LAYER,
    MediaType::OCI_NONDISTRIBUTABLE_LAYER_GZIP,
    MediaType::OCI_NONDISTRIBUTABLE_LAYER_ZSTD,
    MediaType::JSON,
    MediaType::OCTET_STREAM,
    MediaType::TEXT,
];

impl MediaType {
    /// The most bytes that a type has: 127 on each side of the `/`, as in RFC 6838.
    pub const MAX_LEN: usize = 255;

    /// A type that the program itself names, usually one of the constants here.
    ///
    /// # Panics
    ///
    /// If the text is not ASCII or is no media type. In a `const` that stops the build.
    #[must_use]
    pub const fn from_static(text: &'static str) -> Self {
        let bytes = text.as_bytes();
        assert!(bytes.len() <= Self::MAX_LEN, "a media type is too long");
        let (mut at, mut slash) = (0, false);
        while at < bytes.len() {
            assert!(bytes[at].is_ascii() && !bytes[at].is_ascii_control(), "a media type has an odd character");
            if bytes[at] == b'/' && at > 0 && at + 1 < bytes.len() {
                slash = slash || (is_word_byte(bytes[at - 1]) && is_word_byte(bytes[at + 1]));
            }
            at += 1;
        }
        assert!(slash, "a media type has no subtype");
        Self(Cow::Borrowed(text))
    }

    /// Reads the value of a `Content-Type` header, or one element of `Accept`: what stands before the first `;`,
    /// without blanks around it, in lower case, as RFC 9110 compares types.
    pub fn from_content_type(header: &str) -> Result<Self, ParseMediaTypeError> {
        let essence = header.split(';').next().unwrap_or(header).trim_matches([' ', '\t']);
        if essence.bytes().any(|b| b.is_ascii_uppercase()) {
            essence.to_ascii_lowercase().parse()
        } else {
            essence.parse()
        }
    }

    /// The type as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is one of the types that manifests have.
    #[must_use]
    pub fn is_manifest(&self) -> bool {
        self.is_image() || self.is_index() || self.is_schema1() || self.as_str() == Self::OCI_ARTIFACT
    }

    /// Whether this is an OCI index or a docker manifest list.
    #[must_use]
    pub fn is_index(&self) -> bool {
        matches!(self.as_str(), Self::OCI_INDEX | Self::DOCKER_LIST)
    }

    /// Whether this is a manifest with a config and layers: OCI, or docker schema 2.
    #[must_use]
    pub fn is_image(&self) -> bool {
        matches!(self.as_str(), Self::OCI_MANIFEST | Self::DOCKER_SCHEMA2)
    }

    /// Whether this is docker schema 1, signed or not.
    #[must_use]
    pub fn is_schema1(&self) -> bool {
        matches!(self.as_str(), Self::DOCKER_SCHEMA1 | Self::DOCKER_SCHEMA1_SIGNED)
    }

    /// Whether docker defined this type.
    #[must_use]
    pub fn is_docker(&self) -> bool {
        self.as_str().starts_with("application/vnd.docker.")
    }

    /// Whether this is a layer that clients fetch from somewhere else, so that a registry need not have it:
    /// docker's foreign layers and OCI's non-distributable ones, however they are compressed.
    #[must_use]
    pub fn is_remote_layer(&self) -> bool {
        let is_in = |family: &str, separator| {
            self.as_str().strip_prefix(family).is_some_and(|rest| rest.is_empty() || rest.starts_with(separator))
        };
        is_in("application/vnd.docker.image.rootfs.foreign.diff.tar", '.')
            || is_in(Self::OCI_NONDISTRIBUTABLE_LAYER, '+')
    }
}

const fn is_word_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Whether some `/` has a word character on both sides.
fn has_subtype(text: &str) -> bool {
    let is_word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    text.match_indices('/')
        .any(|(at, _)| is_word(text[..at].chars().next_back()) && is_word(text[at + 1..].chars().next()))
}

impl FromStr for MediaType {
    type Err = ParseMediaTypeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(known) = KNOWN.into_iter().find(|known| *known == text) {
            return Ok(Self(Cow::Borrowed(known)));
        }
        if text.is_empty() {
            return Err(ParseMediaTypeError::Empty);
        }
        if text.len() > Self::MAX_LEN {
            return Err(ParseMediaTypeError::TooLong { input: text.into() });
        }
        if let Some(found) = text.chars().find(|c| c.is_control()) {
            return Err(ParseMediaTypeError::Control { input: text.into(), found });
        }
        if !has_subtype(text) {
            return Err(ParseMediaTypeError::NoSubtype { input: text.into() });
        }
        Ok(Self(Cow::Owned(text.into())))
    }
}

impl fmt::Display for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl AsRef<str> for MediaType {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl PartialEq<str> for MediaType {
    fn eq(&self, other: &str) -> bool {
        self.0 == other
    }
}

impl PartialEq<&str> for MediaType {
    fn eq(&self, other: &&str) -> bool {
        self.0 == *other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grammar() {
        let check = |text: &str, accepted: bool| assert_eq!(text.parse::<MediaType>().is_ok(), accepted, "{text:?}");
        check("a/b", true);
        check("application/x-unknown", true);
        check("!! a/b !!", true);
        check("é/_", true);
        check("/a/b", true);
        check("application/json; charset=utf-8", true);
        check(&format!("a/{}", "b".repeat(253)), true);
        check(&format!("a/{}", "b".repeat(254)), false);
        check("", false);
        check("nonsense", false);
        check("a/", false);
        check("/b", false);
        check("a /b", false);
        check("*/*", false);
        check("a/b\n", false);
        check("a/b\0", false);
    }

    #[test]
    fn headers() {
        let check = |header: &str, expected: Option<&str>| {
            let parsed = MediaType::from_content_type(header).ok();
            assert_eq!(parsed.as_ref().map(MediaType::as_str), expected, "{header:?}");
        };
        check("application/json", Some("application/json"));
        check(" application/json ;charset=utf-8", Some("application/json"));
        check("APPLICATION/JSON", Some("application/json"));
        check("a/b;", Some("a/b"));
        check("", None);
        check(";a/b", None);
    }

    #[test]
    fn known_types_parse_to_themselves_and_classify() {
        for known in KNOWN {
            assert!(matches!(known.parse::<MediaType>(), Ok(MediaType(Cow::Borrowed(_)))));
            assert_eq!(MediaType::from_static(known), known);
            assert!(has_subtype(known));
        }
        let check = |text: &str, predicate: fn(&MediaType) -> bool, expected: bool| {
            assert_eq!(predicate(&text.parse().unwrap()), expected, "{text}");
        };
        check(MediaType::OCI_ARTIFACT, MediaType::is_manifest, true);
        check(MediaType::OCI_CONFIG, MediaType::is_manifest, false);
        check(MediaType::DOCKER_LIST, MediaType::is_index, true);
        check(MediaType::DOCKER_SCHEMA2, MediaType::is_image, true);
        check(MediaType::DOCKER_SCHEMA1_SIGNED, MediaType::is_schema1, true);
        check(MediaType::DOCKER_LAYER, MediaType::is_docker, true);
        check(MediaType::OCI_LAYER, MediaType::is_docker, false);
        check(MediaType::DOCKER_FOREIGN_LAYER, MediaType::is_remote_layer, true);
        check(MediaType::OCI_NONDISTRIBUTABLE_LAYER_ZSTD, MediaType::is_remote_layer, true);
        check("application/vnd.docker.image.rootfs.foreign.diff.tar", MediaType::is_remote_layer, true);
        check("application/vnd.docker.image.rootfs.foreign.diff.tart", MediaType::is_remote_layer, false);
        check(MediaType::OCI_LAYER_GZIP, MediaType::is_remote_layer, false);
    }
}
