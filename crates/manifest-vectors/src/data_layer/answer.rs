//! What an operation came to with us, and how Quay says the same.

use super::op::Op;
use crate::deviations::is_label;
use manifest_core::document::{ConfigError, DocumentError};
use manifest_core::labels::LabelError;
use manifest_core::plan::Rejection;
use manifest_core::service::{
    AmendError, BlobError, DeleteError, FetchError, LabelsError, ListError, PushError, RepositoryError, RequireError,
    TagError, UploadError,
};
use manifest_core::{PortError, PortErrorKind};
use serde_json::{Value, json};
use std::error::Error;
use std::fmt::Write as _;

/// What an operation came to.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Answer {
    /// It is done, or what was asked for is this.
    Done(Value),
    /// A rule is against it, in our words.
    Refused(Refusal, String),
}

/// What is refused, as far as Quay tells it apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The manifest: it cannot be read, or what it names is not there.
    Manifest,
    /// The manifest, for a label that is no text.
    Labels,
    /// A schema 1 manifest, for the tag that is in it.
    EmbeddedTag,
    /// For an immutable tag.
    Immutable,
    /// For the key of a label.
    LabelKey,
    /// For the media type of a label.
    LabelMediaType,
    /// For the source of a label.
    LabelSource,
    /// What it is about is not there.
    Unknown,
    /// The end of a tag, which would have come.
    Past,
}

/// Why a case was not run to its end: a store failed, or a use case answered what it cannot.
#[derive(Debug)]
pub(super) struct Broken(pub(super) String);

impl From<PortError> for Broken {
    fn from(error: PortError) -> Self {
        Self(words(&error))
    }
}

impl Answer {
    /// The same in the form of the file.
    pub(super) fn as_quay(&self, op: &Op) -> Value {
        let refusal = match self {
            Self::Done(value) => return json!({"ok": value}),
            Self::Refused(refusal, _) => *refusal,
        };
        let error = |class: &str| json!({"error": class});
        match (refusal, op) {
            (Refusal::Manifest | Refusal::Labels, Op::GetOrCreate(op)) if !op.raise_on_error => json!({"ok": null}),
            (Refusal::Manifest | Refusal::Labels, _) => error("CreateManifestException"),
            (Refusal::EmbeddedTag, Op::Push(_)) => json!({"ok": {"digest": null, "tag": null}}),
            (Refusal::Immutable, _) => error("ImmutableTagException"),
            (Refusal::LabelKey, _) => error("InvalidLabelKeyException"),
            (Refusal::LabelMediaType, _) => error("InvalidMediaTypeException"),
            (Refusal::LabelSource, _) => error("DataModelException"),
            (Refusal::Unknown | Refusal::Past, Op::ChangeExpiration { .. } | Op::SetImmutable { .. }) => {
                json!({"ok": {"previous": null, "ok": false}})
            }
            (Refusal::EmbeddedTag | Refusal::Unknown | Refusal::Past, _) => json!({"ok": null}),
        }
    }
}

/// An error and what is behind it.
pub(super) fn words(error: &dyn Error) -> String {
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        // Writing to a text cannot fail.
        let _ = write!(words, ": {cause}");
        source = cause.source();
    }
    words
}

/// What an error of a use case is: a refusal, or a reason to stop.
pub(super) trait Refused: Error + Sized {
    fn refusal(&self) -> Option<Refusal>;

    fn answer(self) -> Result<Answer, Broken> {
        let said = words(&self);
        self.refusal().map(|refusal| Answer::Refused(refusal, said.clone())).ok_or(Broken(said))
    }
}

impl Refused for PushError {
    fn refusal(&self) -> Option<Refusal> {
        match self {
            Self::Rejected(Rejection::EmbeddedTag { .. }) => Some(Refusal::EmbeddedTag),
            Self::Rejected(Rejection::Immutable(_)) => Some(Refusal::Immutable),
            Self::Rejected(Rejection::RepositoryUnknown) | Self::RepositoryUnknown(_) => Some(Refusal::Unknown),
            Self::Rejected(Rejection::Config { error: ConfigError::Member(member), .. })
            | Self::Document(DocumentError::Member(member))
                if is_label(member) =>
            {
                Some(Refusal::Labels)
            }
            Self::Rejected(
                Rejection::Missing { .. }
                | Rejection::ConfigSize { .. }
                | Rejection::ConfigTooLarge { .. }
                | Rejection::Config { .. }
                | Rejection::LegacyImages(_)
                | Rejection::ChildSize { .. }
                | Rejection::ChildMediaType { .. }
                | Rejection::ChildArchitecture { .. }
                | Rejection::Schema1InIndex(_)
                | Rejection::EmbeddedName { .. },
            )
            | Self::TooLarge { .. }
            | Self::Document(_)
            | Self::Unverified(_) => Some(Refusal::Manifest),
            // The row of the config is there and its bytes are not, which is what an operation may ask for.
            Self::Port(error) if error.kind() == PortErrorKind::NotFound => Some(Refusal::Manifest),
            Self::Rejected(Rejection::ReadOnly | Rejection::GuardFailed(_) | Rejection::OverwriteDenied(_))
            | Self::Access(_)
            | Self::TooManyTags { .. }
            | Self::DigestMismatch { .. }
            | Self::Contended
            | Self::Port(_) => None,
        }
    }
}

impl Refused for TagError {
    fn refusal(&self) -> Option<Refusal> {
        match self {
            Self::RepositoryUnknown(_) | Self::ManifestUnknown { .. } | Self::Gone { .. } => Some(Refusal::Unknown),
            Self::EmbeddedTag { .. } => Some(Refusal::EmbeddedTag),
            Self::Immutable(_) => Some(Refusal::Immutable),
            Self::Access(_)
            | Self::ReadOnly(_)
            | Self::OverwriteDenied(_)
            | Self::GuardFailed(_)
            | Self::Contended
            | Self::Port(_) => None,
        }
    }
}

impl Refused for FetchError {
    fn refusal(&self) -> Option<Refusal> {
        match self {
            Self::RepositoryUnknown(_) | Self::ManifestUnknown { .. } | Self::TagExpired { .. } => {
                Some(Refusal::Unknown)
            }
            Self::Access(_) | Self::Port(_) => None,
        }
    }
}

impl Refused for RequireError {
    fn refusal(&self) -> Option<Refusal> {
        match self {
            Self::Fetch(error) => error.refusal(),
            Self::Access(_) | Self::ReadOnly(_) | Self::Contended | Self::Port(_) => None,
        }
    }
}

impl Refused for DeleteError {
    fn refusal(&self) -> Option<Refusal> {
        match self {
            Self::RepositoryUnknown(_) | Self::Unknown { .. } => Some(Refusal::Unknown),
            Self::Immutable(_) => Some(Refusal::Immutable),
            Self::Access(_)
            | Self::ReadOnly(_)
            | Self::GuardFailed(_)
            | Self::ListedBy(_)
            | Self::Contended
            | Self::Port(_) => None,
        }
    }
}

impl Refused for AmendError {
    fn refusal(&self) -> Option<Refusal> {
        match self {
            Self::RepositoryUnknown(_) | Self::TagUnknown { .. } => Some(Refusal::Unknown),
            Self::Immutable(_) => Some(Refusal::Immutable),
            Self::Past { .. } => Some(Refusal::Past),
            Self::Access(_) | Self::ReadOnly(_) | Self::Contended | Self::Port(_) => None,
        }
    }
}

impl Refused for LabelsError {
    fn refusal(&self) -> Option<Refusal> {
        match self {
            Self::RepositoryUnknown(_) | Self::ManifestUnknown { .. } | Self::LabelUnknown { .. } => {
                Some(Refusal::Unknown)
            }
            Self::Label(LabelError::Key(_)) => Some(Refusal::LabelKey),
            Self::MediaType(_) => Some(Refusal::LabelMediaType),
            Self::NotRemovable(_) => Some(Refusal::LabelSource),
            Self::Access(_) | Self::Label(_) | Self::TooMany | Self::ReadOnly(_) | Self::Contended | Self::Port(_) => {
                None
            }
        }
    }
}

impl Refused for ListError {
    fn refusal(&self) -> Option<Refusal> {
        match self {
            Self::RepositoryUnknown(_) => Some(Refusal::Unknown),
            Self::Access(_) | Self::Port(_) => None,
        }
    }
}

impl Refused for BlobError {
    fn refusal(&self) -> Option<Refusal> {
        match self {
            Self::BlobUnknown { .. } => Some(Refusal::Unknown),
            Self::Access(_) | Self::StillLinked(_) | Self::ReadOnly(_) | Self::Port(_) => None,
        }
    }
}

impl Refused for RepositoryError {
    fn refusal(&self) -> Option<Refusal> {
        match self {
            Self::RepositoryUnknown(_) => Some(Refusal::Unknown),
            Self::Access(_) | Self::Exists(_) | Self::ReadOnly(_) | Self::Port(_) => None,
        }
    }
}

impl Refused for UploadError {
    fn refusal(&self) -> Option<Refusal> {
        match self {
            Self::RepositoryUnknown(_) => Some(Refusal::Unknown),
            Self::Access(_)
            | Self::ReadOnly(_)
            | Self::UploadUnknown(_)
            | Self::OutOfOrder { .. }
            | Self::DigestMismatch { .. }
            | Self::Body(_)
            | Self::Port(_) => None,
        }
    }
}
