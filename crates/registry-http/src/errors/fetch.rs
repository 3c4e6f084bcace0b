use super::{Code, Refusal};
use crate::answer::rfc3339;
use http::StatusCode;
use manifest_core::service::{FetchError, ManifestAtError};
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

impl From<ManifestAtError> for Refusal {
    fn from(error: ManifestAtError) -> Self {
        match error {
            ManifestAtError::Future { at, now } => {
                // In the forms of the wire, not those of the core.
                let (at, now) = (rfc3339(at), rfc3339(now));
                Self::new(StatusCode::BAD_REQUEST, Code::RequestInvalid, "`at` is a time that has not come yet")
                    .detail(json!({ "at": at, "now": now }))
            }
            ManifestAtError::Fetch(error) => error.into(),
        }
    }
}
