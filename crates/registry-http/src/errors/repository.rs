use super::tag::repository_unknown;
use super::{Code, Refusal};
use http::StatusCode;
use manifest_core::service::RepositoryError;
use serde_json::json;

impl From<RepositoryError> for Refusal {
    fn from(error: RepositoryError) -> Self {
        let message = error.to_string();
        match error {
            RepositoryError::Access(refusal) => refusal.into(),
            RepositoryError::RepositoryUnknown(name) => repository_unknown(&name, message),
            RepositoryError::Exists(name) => {
                Self::new(StatusCode::CONFLICT, Code::Conflict, message).detail(json!({ "name": name.as_str() }))
            }
            RepositoryError::ReadOnly(_) => Self::new(StatusCode::FORBIDDEN, Code::Denied, message),
            RepositoryError::Port(error) => error.into(),
        }
    }
}
