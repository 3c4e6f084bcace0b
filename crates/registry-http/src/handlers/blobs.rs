use super::Exchange;
use crate::answer::{self, Answer, CONTENT_DIGEST, OCTETS, digest_value, etag, not_modified, value};
use crate::body::{Body, Multipart};
use crate::errors::{Code, Refusal};
use crate::request::{Conditions, Wanted, range_applies, wanted};
use http::header::{ACCEPT_RANGES, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, RANGE};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use manifest_core::facts::Blob;
use oci_types::{Digest, RepositoryName};
use serde_json::json;
use std::ops::Range;

pub(super) async fn get(x: &Exchange<'_>, repository: &RepositoryName, digest: &Digest) -> Answer {
    let blob = x.registry.blob(&x.cx, repository, digest).await?;
    send(x, digest, blob).await
}

/// The blob, or the part of it that the request is about.
pub(super) async fn send(x: &Exchange<'_>, digest: &Digest, blob: Blob) -> Answer {
    if let Some(answer) = precondition(x, digest)? {
        return Ok(answer);
    }
    match range(x, digest, blob.size) {
        Wanted::Whole => whole(x, digest, &blob).await,
        Wanted::One(range) => part(x, digest, &blob, range).await,
        Wanted::Many(ranges) => Ok(parts(x, digest, blob, ranges)),
        Wanted::Nothing => {
            let size = blob.size;
            let message = format!("the blob has {size} bytes; nothing of the range is among them");
            let refusal = Refusal::new(StatusCode::RANGE_NOT_SATISFIABLE, Code::SizeInvalid, message);
            Err(refusal.header(CONTENT_RANGE, value(format!("bytes */{size}"))).detail(json!({ "size": size })))
        }
    }
}

/// Whether a blob is there. Nothing is opened for it.
pub(super) async fn head(x: &Exchange<'_>, repository: &RepositoryName, digest: &Digest) -> Answer {
    let blob = x.registry.stat_blob(&x.cx, repository, digest).await?;
    describe(x, digest, &blob)
}

/// The same without the bytes.
pub(super) fn describe(x: &Exchange<'_>, digest: &Digest, blob: &Blob) -> Answer {
    match precondition(x, digest)? {
        Some(answer) => Ok(answer),
        None => Ok(content(StatusCode::OK, digest, OCTETS, blob.size, Body::empty())),
    }
}

pub(super) async fn delete(x: &Exchange<'_>, repository: &RepositoryName, digest: &Digest) -> Answer {
    x.registry.delete_blob(&x.cx, repository, digest).await?;
    Ok(answer::empty(StatusCode::ACCEPTED))
}

/// The answer that the conditions of a request make, if it is another one than the blob.
fn precondition(x: &Exchange<'_>, digest: &Digest) -> Result<Option<Response<Body>>, Refusal> {
    let conditions = Conditions::read(&x.parts.headers);
    if conditions.matches.is_some_and(|tags| !tags.contain(digest)) {
        let message = "the blob is another one than the request expects";
        return Err(Refusal::new(StatusCode::PRECONDITION_FAILED, Code::Denied, message));
    }
    Ok(conditions.none_match.is_some_and(|tags| tags.contain(digest)).then(|| {
        let mut answer = not_modified(digest);
        cacheable(answer.headers_mut());
        answer
    }))
}

fn range(x: &Exchange<'_>, digest: &Digest, size: u64) -> Wanted {
    match x.parts.headers.get(RANGE).and_then(|range| range.to_str().ok()) {
        Some(range) if range_applies(&x.parts.headers, digest) => wanted(range, size),
        Some(_) | None => Wanted::Whole,
    }
}

async fn whole(x: &Exchange<'_>, digest: &Digest, blob: &Blob) -> Answer {
    let body =
        if blob.size == 0 { Body::empty() } else { Body::stream(x.registry.read_blob(blob, None).await?, blob.size) };
    Ok(content(StatusCode::OK, digest, OCTETS, blob.size, body))
}

async fn part(x: &Exchange<'_>, digest: &Digest, blob: &Blob, range: Range<u64>) -> Answer {
    let length = range.end - range.start;
    let content_range = format!("bytes {}-{}/{}", range.start, range.end - 1, blob.size);
    let body = Body::stream(x.registry.read_blob(blob, Some(range)).await?, length);
    let mut response = content(StatusCode::PARTIAL_CONTENT, digest, OCTETS, length, body);
    response.headers_mut().insert(CONTENT_RANGE, value(content_range));
    Ok(response)
}

fn parts(x: &Exchange<'_>, digest: &Digest, blob: Blob, ranges: Vec<Range<u64>>) -> Response<Body> {
    let multipart = Multipart::new(ranges, blob.size);
    let (content_type, length) = (multipart.content_type(), multipart.length());
    let body = Body::stream(multipart.stream(x.registry.clone(), blob), length);
    content(StatusCode::PARTIAL_CONTENT, digest, content_type, length, body)
}

fn content(status: StatusCode, digest: &Digest, content_type: HeaderValue, length: u64, body: Body) -> Response<Body> {
    let mut response = answer::empty(status);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, content_type);
    headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    headers.insert(CONTENT_DIGEST, digest_value(digest));
    headers.insert(ETAG, etag(digest));
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    cacheable(headers);
    *response.body_mut() = body;
    response
}

/// What a digest names never changes. Not `public`: whether a shared cache may keep it is for what is in front to say.
fn cacheable(headers: &mut HeaderMap) {
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("max-age=31536000, immutable"));
}
