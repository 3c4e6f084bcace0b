use super::{Code, Refusal};
use http::StatusCode;
use manifest_core::service::ListError;
use serde_json::json;

impl From<ListError> for Refusal {
    fn from(error: ListError) -> Self {
        let message = error.to_string();
        match error {
            ListError::Access(refusal) => refusal.into(),
            ListError::RepositoryUnknown(name) => {
                Self::new(StatusCode::NOT_FOUND, Code::NameUnknown, message).detail(json!({ "name": name.as_str() }))
            }
            ListError::Port(error) => error.into(),
        }
    }
}
