//! What answers are made of.

use crate::body::Body;
use crate::errors::Refusal;
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, ETAG, LOCATION};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use jiff::Timestamp;
use manifest_core::plan::LabelSource;
use manifest_core::{Millis, NEVER};
use oci_types::{Digest, RepositoryName};
use serde::Serialize;

/// What a handler comes to.
pub(crate) type Answer = Result<Response<Body>, Refusal>;

pub(crate) const CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");
pub(crate) const UPLOAD_UUID: HeaderName = HeaderName::from_static("docker-upload-uuid");
pub(crate) const API_VERSION: HeaderName = HeaderName::from_static("docker-distribution-api-version");
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
pub(crate) const OCI_SUBJECT: HeaderName = HeaderName::from_static("oci-subject");
pub(crate) const OCI_TAG: HeaderName = HeaderName::from_static("oci-tag");
pub(crate) const OCI_FILTERS: HeaderName = HeaderName::from_static("oci-filters-applied");

pub(crate) const SANDBOX: HeaderValue = HeaderValue::from_static("default-src 'none'; sandbox");
pub(crate) const JSON: HeaderValue = HeaderValue::from_static("application/json");
pub(crate) const OCTETS: HeaderValue = HeaderValue::from_static("application/octet-stream");

/// A header value of text that we made ourselves or parsed: it holds no control characters. Were it to, the header would be
/// empty rather than split the answer.
pub(crate) fn value(text: String) -> HeaderValue {
    HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// A time as our own endpoints write all of them: RFC 3339, UTC, milliseconds. Nothing for what has no end.
pub(crate) fn rfc3339(time: Millis) -> Option<String> {
    // From year 0 to the end of what the library can write: RFC 3339 has no years but those of four digits.
    const FIRST: Millis = -62_167_219_200_000;
    const LAST: Millis = 253_402_207_200_000;
    let written = Timestamp::from_millisecond(time.clamp(FIRST, LAST)).ok().filter(|_| time != NEVER)?;
    Some(format!("{written:.3}"))
}

/// Where a label came from.
pub(crate) fn label_source(source: LabelSource) -> &'static str {
    match source {
        LabelSource::Manifest => "manifest",
        LabelSource::Api => "api",
        LabelSource::Internal => "internal",
    }
}

/// A digest as the value of a header.
pub(crate) fn digest_value(digest: &Digest) -> HeaderValue {
    value(digest.to_string())
}

/// The entity tag of content: its digest in quotation marks.
pub(crate) fn etag(digest: &Digest) -> HeaderValue {
    value(format!("\"{digest}\""))
}

/// The entity tag of content of which only the part that matters has that digest.
pub(crate) fn weak_etag(digest: &Digest) -> HeaderValue {
    value(format!("W/\"{digest}\""))
}

/// An answer of that status with no body and room for headers.
pub(crate) fn empty(status: StatusCode) -> Response<Body> {
    // Room for what every answer gets and what most need; a map that grows is copied.
    let mut response = Response::new(Body::empty());
    *response.headers_mut() = HeaderMap::with_capacity(24);
    *response.status_mut() = status;
    if status != StatusCode::NO_CONTENT && status != StatusCode::NOT_MODIFIED {
        response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(0));
    }
    response
}

/// An answer with a JSON body.
pub(crate) fn json(status: StatusCode, content_type: HeaderValue, body: &impl Serialize) -> Response<Body> {
    // Only a map with keys that are no strings, or a failing `Serialize`, could end up as the empty object.
    let bytes = serde_json::to_vec(body).unwrap_or_else(|_| b"{}".to_vec());
    bytes_of(status, content_type, bytes.into())
}

/// An answer with a body that is at hand.
pub(crate) fn bytes_of(status: StatusCode, content_type: HeaderValue, bytes: Bytes) -> Response<Body> {
    let mut response = empty(status);
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(bytes.len()));
    *response.body_mut() = Body::full(bytes);
    response
}

/// The answer for content that the client has: 304.
pub(crate) fn not_modified(digest: &Digest) -> Response<Body> {
    let mut response = empty(StatusCode::NOT_MODIFIED);
    response.headers_mut().insert(ETAG, etag(digest));
    response.headers_mut().insert(CONTENT_DIGEST, digest_value(digest));
    response
}

/// The answer to a write that made content: 201, with where it is.
pub(crate) fn created(repository: &RepositoryName, what: &str, digest: &Digest) -> Response<Body> {
    let mut response = empty(StatusCode::CREATED);
    // Path-absolute: it survives proxies and mapped ports.
    response.headers_mut().insert(LOCATION, value(format!("/v2/{repository}/{what}/{digest}")));
    response.headers_mut().insert(CONTENT_DIGEST, digest_value(digest));
    response
}

#[cfg(test)]
mod tests {
    use super::rfc3339;
    use manifest_core::NEVER;

    #[test]
    fn times() {
        let check = |time: i64, expected: &str| assert_eq!(rfc3339(time).as_deref(), Some(expected), "{time}");
        check(0, "1970-01-01T00:00:00.000Z");
        check(1_800_000_000_007, "2027-01-15T08:00:00.007Z");
        check(-1, "1969-12-31T23:59:59.999Z");
        check(-62_167_219_200_000, "0000-01-01T00:00:00.000Z");
        check(i64::MIN, "0000-01-01T00:00:00.000Z");
        check(NEVER - 1, "9999-12-30T22:00:00.000Z");
        assert_eq!(rfc3339(NEVER), None);
    }
}
