use super::{Code, Refusal};
use crate::request::{BadBody, BadRequest, ParseContentRangeError};
use http::header::ALLOW;
use http::{HeaderValue, StatusCode};
use serde_json::json;

impl From<BadRequest> for Refusal {
    fn from(error: BadRequest) -> Self {
        let (status, code) = match &error {
            BadRequest::NoSuchEndpoint => (StatusCode::NOT_FOUND, Code::Unsupported),
            BadRequest::PathEncoding | BadRequest::Name(_) => (StatusCode::BAD_REQUEST, Code::NameInvalid),
            BadRequest::Method { .. } | BadRequest::V1Write => (StatusCode::METHOD_NOT_ALLOWED, Code::Unsupported),
            BadRequest::Digest(_) | BadRequest::DigestMissing | BadRequest::Algorithm(_) => {
                (StatusCode::BAD_REQUEST, Code::DigestInvalid)
            }
            BadRequest::Tag(_) => (StatusCode::BAD_REQUEST, Code::TagInvalid),
            BadRequest::TagUnknown(_) => (StatusCode::NOT_FOUND, Code::ManifestUnknown),
            BadRequest::Upload(_) => (StatusCode::NOT_FOUND, Code::BlobUploadUnknown),
            BadRequest::PageSize(_) => (StatusCode::BAD_REQUEST, Code::Unsupported),
            BadRequest::ParameterUnknown { .. }
            | BadRequest::ParameterTwice(_)
            | BadRequest::ParameterMissing { .. }
            | BadRequest::Value { .. }
            | BadRequest::Cursor
            | BadRequest::At => (StatusCode::BAD_REQUEST, Code::RequestInvalid),
            BadRequest::LabelUnknown(_) => (StatusCode::NOT_FOUND, Code::LabelUnknown),
        };
        let refusal = Self::new(status, code, error.to_string());
        match error {
            BadRequest::Method { allow } => {
                refusal.header(ALLOW, HeaderValue::from_static(allow)).detail(json!({ "allow": allow }))
            }
            BadRequest::V1Write => refusal.header(ALLOW, HeaderValue::from_static("GET, HEAD")),
            BadRequest::PageSize(n) => refusal.detail(json!({ "n": n })),
            BadRequest::ParameterUnknown { name, .. } => refusal.detail(json!({ "parameter": name })),
            BadRequest::ParameterTwice(name)
            | BadRequest::ParameterMissing { name, .. }
            | BadRequest::Value { name, .. } => refusal.detail(json!({ "parameter": name })),
            BadRequest::NoSuchEndpoint
            | BadRequest::PathEncoding
            | BadRequest::Name(_)
            | BadRequest::Digest(_)
            | BadRequest::DigestMissing
            | BadRequest::Algorithm(_)
            | BadRequest::Tag(_)
            | BadRequest::TagUnknown(_)
            | BadRequest::Upload(_)
            | BadRequest::Cursor
            | BadRequest::At
            | BadRequest::LabelUnknown(_) => refusal,
        }
    }
}

impl From<BadBody> for Refusal {
    fn from(error: BadBody) -> Self {
        let message = error.to_string();
        let refusal = |code| Self::new(StatusCode::BAD_REQUEST, code, message);
        match error {
            BadBody::Digest(_) => refusal(Code::DigestInvalid),
            BadBody::Tag(_) => refusal(Code::TagInvalid),
            BadBody::Value { member, .. } => refusal(Code::RequestInvalid).detail(json!({ "member": member })),
            BadBody::NoObject | BadBody::Json(_) | BadBody::PurgeOf => refusal(Code::RequestInvalid),
        }
    }
}

impl From<ParseContentRangeError> for Refusal {
    fn from(error: ParseContentRangeError) -> Self {
        Self::new(StatusCode::BAD_REQUEST, Code::BlobUploadInvalid, error.to_string())
    }
}
