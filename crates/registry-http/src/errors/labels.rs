use super::port::busy;
use super::tag::{manifest_unknown, repository_unknown};
use super::{Code, Refusal};
use http::StatusCode;
use manifest_core::service::LabelsError;
use serde_json::json;

impl From<LabelsError> for Refusal {
    fn from(error: LabelsError) -> Self {
        let message = error.to_string();
        match error {
            LabelsError::Access(refusal) => refusal.into(),
            LabelsError::RepositoryUnknown(name) => repository_unknown(&name, message),
            LabelsError::ManifestUnknown { digest, .. } => manifest_unknown(&digest, message),
            LabelsError::LabelUnknown { id, .. } => {
                Self::new(StatusCode::NOT_FOUND, Code::LabelUnknown, message).detail(json!({ "id": id.0 }))
            }
            LabelsError::Label(_) => Self::new(StatusCode::BAD_REQUEST, Code::LabelInvalid, message),
            LabelsError::MediaType(found) => Self::new(StatusCode::BAD_REQUEST, Code::LabelInvalid, message)
                .detail(json!({ "mediaType": found.as_str() })),
            LabelsError::TooMany => Self::new(StatusCode::CONFLICT, Code::Conflict, message),
            LabelsError::NotRemovable(source) => Self::new(StatusCode::FORBIDDEN, Code::Denied, message)
                .detail(json!({ "source": crate::answer::label_source(source) })),
            LabelsError::ReadOnly(_) => Self::new(StatusCode::FORBIDDEN, Code::Denied, message),
            LabelsError::Contended => busy(message),
            LabelsError::Port(error) => error.into(),
        }
    }
}
