use super::member_error::{MemberError, Problem};
use crate::json::SyntaxError;
use oci_types::{MediaType, Quoted};
use std::fmt;

/// Why some bytes are no manifest. Says it to the one who sent them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DocumentError {
    /// The bytes are no strict JSON.
    #[error("the manifest is not JSON: {0}")]
    Json(SyntaxError),
    /// A member is missing, or is not what it must be.
    #[error("{0}")]
    Member(MemberError),
    /// Neither header nor body name a type of manifest, and the members do not tell.
    #[error("neither the content type nor the manifest says what kind of manifest this is")]
    NoMediaType,
    /// The header, or the body where the header says nothing, names a type that is none of a manifest.
    #[error("{} is no media type of a manifest", Quoted(found))]
    UnknownMediaType {
        /// That type.
        found: Box<str>,
    },
    /// Header and body name different types.
    #[error("the content type is `{header}`, but the manifest's mediaType is {}", Quoted(body))]
    MediaTypeMismatch {
        /// As the request says it.
        header: MediaType,
        /// As the body says it.
        body: Box<str>,
    },
    /// The manifest can be read in two ways: it has the member of one kind, and one of another.
    #[error("a manifest of type `{media_type}` must not have the member `{member}`")]
    Ambiguous {
        /// What it would be read as.
        media_type: MediaType,
        /// What speaks against it.
        member: &'static str,
    },
    /// There are more layers or children than [`Limits`](super::Limits) allow.
    #[error("{member} has more than {limit} entries")]
    TooMany {
        /// Which list.
        member: &'static str,
        /// The most that there may be.
        limit: usize,
    },
    /// A schema 1 manifest describes another number of layers than it has.
    #[error("fsLayers has {layers} entries and history {history}; they must have equally many")]
    LayersAndHistory {
        /// How many layers.
        layers: usize,
        /// How many descriptions.
        history: usize,
    },
}

/// Why some bytes are no image config.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The bytes are no JSON.
    #[error("the image config is not JSON: {0}")]
    Json(SyntaxError),
    /// A member is missing, or is not what it must be.
    #[error("in the image config, {0}")]
    Member(MemberError),
}

/// Kinds of errors that stay the same when messages change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// No JSON.
    Json,
    /// JSON, but not of the shape that its type has.
    Schema,
    /// The media type is unknown.
    UnknownMediaType,
    /// A layer's size is below zero.
    NegativeLayerSize,
    /// A layer that is fetched from elsewhere does not say from where.
    RemoteLayerWithoutUrls,
    /// A layer's digest is none.
    LayerDigest,
    /// The metadata of a schema 1 layer is no JSON object.
    V1MetadataJson,
    /// The metadata of a schema 1 layer has no id.
    V1MetadataNoId,
    /// A schema 1 layer's parent is not below it.
    UnknownParent,
    /// The text that a schema 1 signature is about cannot be rebuilt.
    BadSignature,
    /// The config is no JSON.
    ConfigJson,
    /// The config is JSON, but not of the shape that its type has.
    ConfigSchema,
    /// The config is not there.
    ConfigMissing,
    /// The config has another size than the manifest says.
    ConfigSize,
    /// The config's history has fewer entries than the image has layers.
    HistoryShort,
    /// The config's history has more entries with a layer than the image has layers.
    HistoryOverflow,
}

impl DocumentError {
    /// Of which kind this is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Json(_) => ErrorKind::Json,
            Self::Member(error) => kind_of_member(error),
            Self::NoMediaType | Self::UnknownMediaType { .. } => ErrorKind::UnknownMediaType,
            Self::MediaTypeMismatch { .. }
            | Self::Ambiguous { .. }
            | Self::TooMany { .. }
            | Self::LayersAndHistory { .. } => ErrorKind::Schema,
        }
    }
}

impl From<MemberError> for DocumentError {
    fn from(error: MemberError) -> Self {
        Self::Member(error)
    }
}

impl ConfigError {
    /// Of which kind this is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Json(_) => ErrorKind::ConfigJson,
            Self::Member(_) => ErrorKind::ConfigSchema,
        }
    }
}

impl From<MemberError> for ConfigError {
    fn from(error: MemberError) -> Self {
        Self::Member(error)
    }
}

fn kind_of_member(MemberError { path, problem }: &MemberError) -> ErrorKind {
    let is_layer = path.starts_with("layers[") || path.starts_with("fsLayers[");
    let is_metadata = path.starts_with("history[") && path.contains("].v1Compatibility");
    match problem {
        Problem::Negative if is_layer => ErrorKind::NegativeLayerSize,
        Problem::Digest(_) if is_layer => ErrorKind::LayerDigest,
        Problem::NoUrls => ErrorKind::RemoteLayerWithoutUrls,
        Problem::UnknownParent { .. } => ErrorKind::UnknownParent,
        Problem::NotJson(_) if is_metadata => ErrorKind::V1MetadataJson,
        Problem::Missing if is_metadata && path.ends_with("v1Compatibility.id") => ErrorKind::V1MetadataNoId,
        _ if path.starts_with("signatures[") && path.contains("].protected.") => ErrorKind::BadSignature,
        Problem::Base64 | Problem::NotJson(_) | Problem::FormatLength { .. } => ErrorKind::BadSignature,
        Problem::Missing
        | Problem::Duplicate
        | Problem::Type { .. }
        | Problem::Value { .. }
        | Problem::NotText
        | Problem::Empty
        | Problem::Long { .. }
        | Problem::Control { .. }
        | Problem::Negative
        | Problem::Size { .. }
        | Problem::Digest(_)
        | Problem::MediaType(_) => ErrorKind::Schema,
    }
}

impl ErrorKind {
    /// A name for it, such as `negative-layer-size`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Schema => "schema",
            Self::UnknownMediaType => "unknown-media-type",
            Self::NegativeLayerSize => "negative-layer-size",
            Self::RemoteLayerWithoutUrls => "remote-layer-without-urls",
            Self::LayerDigest => "layer-digest",
            Self::V1MetadataJson => "v1-metadata-json",
            Self::V1MetadataNoId => "v1-metadata-no-id",
            Self::UnknownParent => "unknown-parent",
            Self::BadSignature => "bad-signature",
            Self::ConfigJson => "config-json",
            Self::ConfigSchema => "config-schema",
            Self::ConfigMissing => "config-missing",
            Self::ConfigSize => "config-size",
            Self::HistoryShort => "history-short",
            Self::HistoryOverflow => "history-overflow",
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
