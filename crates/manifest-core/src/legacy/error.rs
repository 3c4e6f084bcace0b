use crate::document::{ConfigError, ErrorKind, MemberError};

/// Why there is no legacy view of an image that should have one. It is the fault of the manifest or its config, so on the
/// wire it is `MANIFEST_INVALID` (semantics 3).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LegacyError {
    /// The manifest has an image config, and the caller did not bring it.
    #[error("the image config is missing")]
    ConfigMissing,
    /// The config has another size than the manifest says.
    #[error("the image config has {found} bytes, but the manifest says {said}")]
    ConfigSize {
        /// As the manifest says it.
        said: u64,
        /// As it is.
        found: usize,
    },
    /// The config is no JSON, or not of the shape that its type has.
    #[error("{0}")]
    Config(ConfigError),
    /// The config describes fewer steps than there are layers.
    #[error("the history of the image config has {history} entries, fewer than the {layers} layers")]
    HistoryShort {
        /// How many layers.
        layers: usize,
        /// How many entries.
        history: usize,
    },
    /// The config describes more steps that changed files than there are layers.
    #[error("the history of the image config has more entries with a layer than the {layers} layers")]
    HistoryOverflow {
        /// How many layers.
        layers: usize,
    },
    /// The config describes more steps than anybody needs: each is a layer, and there must not be more of those either.
    #[error("the history of the image config has more than {limit} entries")]
    TooManySteps {
        /// The most that there may be.
        limit: usize,
    },
    /// The metadata of a layer are not of the shape that is needed.
    #[error("{0}")]
    Metadata(MemberError),
}

impl LegacyError {
    /// Of which kind this is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::ConfigMissing => ErrorKind::ConfigMissing,
            Self::ConfigSize { .. } => ErrorKind::ConfigSize,
            Self::Config(error) => error.kind(),
            Self::HistoryShort { .. } => ErrorKind::HistoryShort,
            Self::HistoryOverflow { .. } => ErrorKind::HistoryOverflow,
            Self::TooManySteps { .. } | Self::Metadata(_) => ErrorKind::Schema,
        }
    }
}
