use super::{Code, Refusal};
use http::StatusCode;
use manifest_core::ports::BodyError;
use serde_json::json;

/// A manifest's body that could not be read.
pub(crate) fn body_of_manifest(error: &BodyError) -> Refusal {
    match error {
        BodyError::TooLarge { limit } => {
            let message = format!("the manifest has more than {limit} bytes");
            Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, Code::SizeInvalid, message).detail(json!({ "limit": limit }))
        }
        BodyError::Incomplete(_) => Refusal::new(StatusCode::BAD_REQUEST, Code::SizeInvalid, error.to_string()),
        BodyError::Stalled => Refusal::new(StatusCode::REQUEST_TIMEOUT, Code::SizeInvalid, error.to_string()),
    }
}

/// The body of a request of our own endpoints that could not be read.
pub(crate) fn body_of_json(error: &BodyError) -> Refusal {
    match error {
        BodyError::TooLarge { limit } => {
            let message = format!("the body has more than {limit} bytes");
            Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, Code::SizeInvalid, message).detail(json!({ "limit": limit }))
        }
        BodyError::Incomplete(_) => Refusal::new(StatusCode::BAD_REQUEST, Code::SizeInvalid, error.to_string()),
        BodyError::Stalled => Refusal::new(StatusCode::REQUEST_TIMEOUT, Code::SizeInvalid, error.to_string()),
    }
}

/// The body of a blob, or of a chunk of one, that could not be read.
pub(crate) fn body_of_blob(error: &BodyError) -> Refusal {
    match error {
        // Blobs have no limit of their own: more came than the chunk's `Content-Range` says.
        BodyError::TooLarge { limit } => {
            let message = format!("the chunk has more bytes than the {limit} of its content range");
            Refusal::new(StatusCode::BAD_REQUEST, Code::SizeInvalid, message).detail(json!({ "expected": limit }))
        }
        BodyError::Incomplete(_) => Refusal::new(StatusCode::BAD_REQUEST, Code::SizeInvalid, error.to_string()),
        BodyError::Stalled => Refusal::new(StatusCode::REQUEST_TIMEOUT, Code::BlobUploadInvalid, error.to_string()),
    }
}
