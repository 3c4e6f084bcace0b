use super::tag::{denied, repository_unknown};
use super::{Code, Refusal};
use http::StatusCode;
use manifest_core::service::{PurgeError, StalePlan};
use oci_types::Digest;
use serde_json::json;

impl From<PurgeError> for Refusal {
    fn from(error: PurgeError) -> Self {
        let message = error.to_string();
        match error {
            PurgeError::Access(refusal) => refusal.into(),
            PurgeError::RepositoryUnknown(name) => repository_unknown(&name, message),
            PurgeError::Unknown { reference, .. } => Self::new(StatusCode::NOT_FOUND, Code::ManifestUnknown, message)
                .detail(json!({ "reference": reference.to_string() })),
            PurgeError::ReadOnly(_) => Self::new(StatusCode::FORBIDDEN, Code::Denied, message),
            PurgeError::Immutable(tag) => denied(&tag, message),
            PurgeError::ListedBy(parents) => {
                let parents: Vec<String> = parents.iter().map(Digest::to_string).collect();
                Self::new(StatusCode::CONFLICT, Code::Conflict, message).detail(json!({ "listedBy": parents }))
            }
            PurgeError::TooMany { found, limit } => Self::new(StatusCode::BAD_REQUEST, Code::RequestInvalid, message)
                .detail(json!({ "found": found, "limit": limit })),
            PurgeError::Stale(stale) => {
                Self::new(StatusCode::CONFLICT, Code::PlanStale, message).detail(json!({ "reason": reason(stale) }))
            }
            PurgeError::Port(error) => error.into(),
        }
    }
}

fn reason(stale: StalePlan) -> &'static str {
    match stale {
        StalePlan::TooOld { .. } => "tooOld",
        StalePlan::Future { .. } => "future",
        StalePlan::Changed => "changed",
    }
}
