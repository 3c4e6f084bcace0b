use super::{Code, Refusal};
use http::StatusCode;
use manifest_core::service::BlobError;
use serde_json::json;

impl From<BlobError> for Refusal {
    fn from(error: BlobError) -> Self {
        let message = error.to_string();
        match error {
            BlobError::Access(refusal) => refusal.into(),
            BlobError::BlobUnknown { digest, .. } => Self::new(StatusCode::NOT_FOUND, Code::BlobUnknown, message)
                .detail(json!({ "digest": digest.to_string() })),
            // 405 rather than 400: the OCI conformance suite takes only that for a blob that stays.
            BlobError::StillLinked(digest) => Self::new(StatusCode::METHOD_NOT_ALLOWED, Code::Unsupported, message)
                .detail(json!({ "digest": digest.to_string() })),
            BlobError::ReadOnly(_) => Self::new(StatusCode::FORBIDDEN, Code::Denied, message),
            BlobError::Port(error) => error.into(),
        }
    }
}
