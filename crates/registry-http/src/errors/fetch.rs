use super::{Code, Refusal};
use http::StatusCode;
use manifest_core::service::FetchError;
use serde_json::json;

impl From<FetchError> for Refusal {
    fn from(error: FetchError) -> Self {
        let message = error.to_string();
        match error {
            FetchError::Access(refusal) => refusal.into(),
            FetchError::RepositoryUnknown(name) => {
                Self::new(StatusCode::NOT_FOUND, Code::NameUnknown, message).detail(json!({ "name": name.as_str() }))
            }
            FetchError::ManifestUnknown { reference, .. } | FetchError::TagExpired { reference, .. } => {
                Self::new(StatusCode::NOT_FOUND, Code::ManifestUnknown, message)
                    .detail(json!({ "reference": reference.to_string() }))
            }
            FetchError::Port(error) => error.into(),
        }
    }
}
