use super::{Code, Refusal};
use http::StatusCode;
use manifest_core::service::{FindImageError, LegacyImageError};
use serde_json::json;

/// What helps whoever asked for an image without saying where it is.
const SAY_WHERE: &str = "send back the token or the cookie that GET /v1/repositories/<name>/images gives";

impl From<FindImageError> for Refusal {
    fn from(error: FindImageError) -> Self {
        let message = format!("{error}: {SAY_WHERE}");
        match error {
            FindImageError::Ambiguous { id, first, second } => {
                let repositories = [first.as_str(), second.as_str()];
                Self::new(StatusCode::CONFLICT, Code::Conflict, format!("ambiguous: {message}"))
                    .detail(json!({ "image": id, "repositories": repositories }))
            }
            FindImageError::TooManyRepositories | FindImageError::NotAllRead => {
                Self::new(StatusCode::BAD_REQUEST, Code::Unsupported, message)
            }
            FindImageError::Port(error) => error.into(),
        }
    }
}

impl From<LegacyImageError> for Refusal {
    fn from(error: LegacyImageError) -> Self {
        let message = error.to_string();
        let not_found = |code| Self::new(StatusCode::NOT_FOUND, code, message.clone());
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
            LegacyImageError::TooManyTags(_) | LegacyImageError::NotAllRead(_) => {
                Self::new(StatusCode::BAD_REQUEST, Code::Unsupported, message)
            }
            LegacyImageError::Port(error) => error.into(),
        }
    }
}
