use super::port::busy;
use super::{Code, Entry, Refusal};
use http::StatusCode;
use manifest_core::plan::Rejection;
use manifest_core::service::PushError;
use oci_types::Digest;
use serde_json::json;

impl From<PushError> for Refusal {
    fn from(error: PushError) -> Self {
        let message = error.to_string();
        match error {
            PushError::Access(refusal) => refusal.into(),
            PushError::RepositoryUnknown(name) => {
                Self::new(StatusCode::NOT_FOUND, Code::NameUnknown, message).detail(json!({ "name": name.as_str() }))
            }
            PushError::TooLarge { size, limit } => Self::new(StatusCode::PAYLOAD_TOO_LARGE, Code::SizeInvalid, message)
                .detail(json!({ "size": size, "limit": limit })),
            PushError::TooManyTags { found, limit } => Self::new(StatusCode::URI_TOO_LONG, Code::Unsupported, message)
                .detail(json!({ "tags": found, "limit": limit })),
            PushError::Document(_) => Self::new(StatusCode::BAD_REQUEST, Code::ManifestInvalid, message),
            PushError::Unverified(_) => Self::new(StatusCode::BAD_REQUEST, Code::ManifestUnverified, message),
            PushError::DigestMismatch { expected, actual } => {
                Self::new(StatusCode::BAD_REQUEST, Code::DigestInvalid, message)
                    .detail(json!({ "expected": expected.to_string(), "actual": actual.to_string() }))
            }
            PushError::Rejected(rejection) => rejected(rejection),
            PushError::Contended => busy(message),
            PushError::Port(error) => error.into(),
        }
    }
}

fn rejected(rejection: Rejection) -> Refusal {
    let message = rejection.to_string();
    let invalid = |message| Refusal::new(StatusCode::BAD_REQUEST, Code::ManifestInvalid, message);
    match rejection {
        Rejection::RepositoryUnknown => Refusal::new(StatusCode::NOT_FOUND, Code::NameUnknown, message),
        Rejection::ReadOnly => Refusal::new(StatusCode::FORBIDDEN, Code::Denied, message),
        Rejection::Missing { blobs, children } => {
            let blobs = blobs.iter().map(|digest| missing("blob", digest));
            let children = children.iter().map(|digest| missing("manifest", digest));
            Refusal::many(StatusCode::BAD_REQUEST, blobs.chain(children).collect())
        }
        Rejection::ConfigSize { digest, expected, found } | Rejection::ChildSize { digest, expected, found } => {
            invalid(message).detail(json!({ "digest": digest.to_string(), "expected": expected, "found": found }))
        }
        Rejection::ConfigTooLarge { digest, size, limit } => {
            invalid(message).detail(json!({ "digest": digest.to_string(), "size": size, "limit": limit }))
        }
        Rejection::Config { digest, error } => {
            invalid(message).detail(json!({ "digest": digest.to_string(), "reason": error.to_string() }))
        }
        Rejection::ChildMediaType { digest, expected, found } => invalid(message)
            .detail(json!({ "digest": digest.to_string(), "expected": expected.as_str(), "found": found.as_str() })),
        Rejection::ChildArchitecture { digest, expected, found } => {
            invalid(message).detail(json!({ "digest": digest.to_string(), "expected": expected, "found": found }))
        }
        Rejection::Schema1InIndex(digest) => invalid(message).detail(json!({ "digest": digest.to_string() })),
        // As Quay says it: to the client it is the name in the URL that is wrong.
        Rejection::EmbeddedName { .. } => Refusal::new(StatusCode::BAD_REQUEST, Code::NameInvalid, message),
        Rejection::EmbeddedTag { .. } => invalid(message),
        Rejection::LegacyImages(error) => invalid(message).detail(json!({ "reason": error.to_string() })),
        Rejection::Immutable(tag) | Rejection::OverwriteDenied(tag) => {
            Refusal::new(StatusCode::FORBIDDEN, Code::Denied, message).detail(json!({ "tag": tag.as_str() }))
        }
        Rejection::GuardFailed(tag) => {
            Refusal::new(StatusCode::PRECONDITION_FAILED, Code::Denied, message).detail(json!({ "tag": tag.as_str() }))
        }
    }
}

/// One entry for each thing that is missing, as the spec wants it.
fn missing(what: &str, digest: &Digest) -> Entry {
    Entry {
        code: Code::ManifestBlobUnknown,
        message: format!("the repository does not have {what} {digest}"),
        detail: Some(json!({ "digest": digest.to_string() })),
    }
}
