use super::{Code, Refusal};
use http::StatusCode;
use manifest_core::service::LegacyImageError;
use serde_json::json;

impl From<LegacyImageError> for Refusal {
    fn from(error: LegacyImageError) -> Self {
        let message = error.to_string();
        let not_found = |code| Self::new(StatusCode::NOT_FOUND, code, message);
        match error {
            LegacyImageError::Access(refusal) => refusal.into(),
            LegacyImageError::RepositoryUnknown(name) => {
                not_found(Code::NameUnknown).detail(json!({ "name": name.as_str() }))
            }
            LegacyImageError::ImageUnknown { id, .. } => {
                not_found(Code::ManifestUnknown).detail(json!({ "image": id }))
            }
            LegacyImageError::LayerUnknown { id, .. } => not_found(Code::BlobUnknown).detail(json!({ "image": id })),
            LegacyImageError::TagUnknown { tag, .. } => {
                not_found(Code::ManifestUnknown).detail(json!({ "reference": tag.as_str() }))
            }
            LegacyImageError::Port(error) => error.into(),
        }
    }
}
