use super::port::busy;
use super::{Code, Refusal};
use http::StatusCode;
use manifest_core::service::{AmendError, TagError};
use oci_types::{Digest, RepositoryName, TagName};
use serde_json::json;

impl From<TagError> for Refusal {
    fn from(error: TagError) -> Self {
        let message = error.to_string();
        match error {
            TagError::Access(refusal) => refusal.into(),
            TagError::RepositoryUnknown(name) => repository_unknown(&name, message),
            TagError::ManifestUnknown { digest, .. } => manifest_unknown(&digest, message),
            TagError::Gone { blobs, children, .. } => {
                let text = |digest: &Digest| digest.to_string();
                let blobs: Vec<String> = blobs.iter().map(text).collect();
                let manifests: Vec<String> = children.iter().map(text).collect();
                Self::new(StatusCode::CONFLICT, Code::ManifestBlobUnknown, message)
                    .detail(json!({ "blobs": blobs, "manifests": manifests }))
            }
            TagError::ReadOnly(_) => Self::new(StatusCode::FORBIDDEN, Code::Denied, message),
            TagError::EmbeddedTag { .. } => Self::new(StatusCode::BAD_REQUEST, Code::ManifestInvalid, message),
            TagError::Immutable(tag) | TagError::OverwriteDenied(tag) => denied(&tag, message),
            TagError::GuardFailed(tag) => {
                Self::new(StatusCode::PRECONDITION_FAILED, Code::Denied, message).detail(json!({ "tag": tag.as_str() }))
            }
            TagError::Contended => busy(message),
            TagError::Port(error) => error.into(),
        }
    }
}

impl From<AmendError> for Refusal {
    fn from(error: AmendError) -> Self {
        let message = error.to_string();
        match error {
            AmendError::Access(refusal) => refusal.into(),
            AmendError::RepositoryUnknown(name) => repository_unknown(&name, message),
            AmendError::TagUnknown { tag, .. } => Self::new(StatusCode::NOT_FOUND, Code::ManifestUnknown, message)
                .detail(json!({ "reference": tag.as_str() })),
            AmendError::ReadOnly(_) => Self::new(StatusCode::FORBIDDEN, Code::Denied, message),
            AmendError::Immutable(tag) => denied(&tag, message),
            AmendError::Past { tag, end } => Self::new(StatusCode::BAD_REQUEST, Code::RequestInvalid, message)
                .detail(json!({ "tag": tag.as_str(), "end": crate::answer::rfc3339(end) })),
            AmendError::Contended => busy(message),
            AmendError::Port(error) => error.into(),
        }
    }
}

pub(super) fn repository_unknown(name: &RepositoryName, message: String) -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, Code::NameUnknown, message).detail(json!({ "name": name.as_str() }))
}

pub(super) fn manifest_unknown(digest: &Digest, message: String) -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, Code::ManifestUnknown, message)
        .detail(json!({ "reference": digest.to_string() }))
}

pub(super) fn denied(tag: &TagName, message: String) -> Refusal {
    Refusal::new(StatusCode::FORBIDDEN, Code::Denied, message).detail(json!({ "tag": tag.as_str() }))
}
