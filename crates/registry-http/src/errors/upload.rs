use super::{Code, Refusal, body_of_blob};
use crate::handlers::UploadPlace;
use http::StatusCode;
use http::header::{LOCATION, RANGE};
use manifest_core::ports::UploadId;
use manifest_core::service::UploadError;
use oci_types::RepositoryName;
use serde_json::json;

/// Why an upload, or a mount, did not start.
pub(crate) fn start(error: UploadError) -> Refusal {
    let message = error.to_string();
    match error {
        UploadError::RepositoryUnknown(name) => {
            Refusal::new(StatusCode::NOT_FOUND, Code::NameUnknown, message).detail(json!({ "name": name.as_str() }))
        }
        UploadError::OutOfOrder { .. } => {
            Refusal::new(StatusCode::RANGE_NOT_SATISFIABLE, Code::BlobUploadInvalid, message)
        }
        UploadError::UploadUnknown(_) => unknown(message),
        UploadError::Access(refusal) => refusal.into(),
        UploadError::ReadOnly(_) => Refusal::new(StatusCode::FORBIDDEN, Code::Denied, message),
        UploadError::DigestMismatch { expected, actual } => {
            Refusal::new(StatusCode::BAD_REQUEST, Code::DigestInvalid, message)
                .detail(json!({ "expected": expected.to_string(), "actual": actual.to_string() }))
        }
        UploadError::Body(error) => body_of_blob(&error),
        UploadError::Port(error) => error.into(),
    }
}

/// Why an upload that is under way did not go on.
pub(crate) fn session(error: UploadError, repository: &RepositoryName, id: UploadId) -> Refusal {
    match error {
        // Out of order is no end: the client goes on from where the upload is, straight from this answer.
        UploadError::OutOfOrder { offset } => {
            let place = UploadPlace { repository, id, offset };
            start(error)
                .header(LOCATION, place.location())
                .header(RANGE, place.range())
                .detail(json!({ "offset": offset }))
        }
        // A repository that the caller may not know of has no uploads, like one that is not there.
        UploadError::RepositoryUnknown(_) => unknown(UploadError::UploadUnknown(id).to_string()),
        error @ (UploadError::Access(_)
        | UploadError::ReadOnly(_)
        | UploadError::UploadUnknown(_)
        | UploadError::DigestMismatch { .. }
        | UploadError::Body(_)
        | UploadError::Port(_)) => start(error),
    }
}

fn unknown(message: String) -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, Code::BlobUploadUnknown, message)
}
