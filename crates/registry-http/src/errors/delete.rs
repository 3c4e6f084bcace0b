use super::port::busy;
use super::{Code, Refusal};
use http::StatusCode;
use manifest_core::service::DeleteError;
use oci_types::Digest;
use serde_json::json;

impl From<DeleteError> for Refusal {
    fn from(error: DeleteError) -> Self {
        let message = error.to_string();
        match error {
            DeleteError::Access(refusal) => refusal.into(),
            DeleteError::RepositoryUnknown(name) => {
                Self::new(StatusCode::NOT_FOUND, Code::NameUnknown, message).detail(json!({ "name": name.as_str() }))
            }
            DeleteError::Unknown { reference, .. } => Self::new(StatusCode::NOT_FOUND, Code::ManifestUnknown, message)
                .detail(json!({ "reference": reference.to_string() })),
            DeleteError::ReadOnly(_) => Self::new(StatusCode::FORBIDDEN, Code::Denied, message),
            DeleteError::Immutable(tag) => {
                Self::new(StatusCode::FORBIDDEN, Code::Denied, message).detail(json!({ "tag": tag.as_str() }))
            }
            DeleteError::GuardFailed(tag) => {
                Self::new(StatusCode::PRECONDITION_FAILED, Code::Denied, message).detail(json!({ "tag": tag.as_str() }))
            }
            DeleteError::ListedBy(parents) => {
                let parents: Vec<String> = parents.iter().map(Digest::to_string).collect();
                Self::new(StatusCode::METHOD_NOT_ALLOWED, Code::Unsupported, message)
                    .detail(json!({ "listedBy": parents }))
            }
            DeleteError::Contended => busy(message),
            DeleteError::Port(error) => error.into(),
        }
    }
}
