use super::Exchange;
use crate::answer::{self, Answer, UPLOAD_UUID, value};
use crate::body::Body;
use crate::errors::{Code, Refusal, session, start};
use crate::request::ContentRange;
use http::header::{CONTENT_RANGE, LOCATION, RANGE};
use http::{HeaderValue, Response, StatusCode};
use manifest_core::ports::UploadId;
use oci_types::{Algorithm, Digest, RepositoryName};
use serde_json::json;
use uuid::Uuid;

/// Where an upload is and how far it has come: what clients go on from.
#[derive(Clone, Copy)]
pub(crate) struct UploadPlace<'a> {
    pub(crate) repository: &'a RepositoryName,
    pub(crate) id: UploadId,
    pub(crate) offset: u64,
}

impl UploadPlace<'_> {
    /// One address for the upload's whole life, so that one that was handed out earlier still works.
    pub(crate) fn location(&self) -> HeaderValue {
        value(format!("/v2/{}/blobs/uploads/{}", self.repository, self.id))
    }

    /// `0-<last byte>`, without a unit: docker reads it with `%d-%d`. An empty upload has no last byte; `0-0` is what others
    /// send then.
    pub(crate) fn range(&self) -> HeaderValue {
        value(format!("0-{}", self.offset.saturating_sub(1)))
    }

    fn answer(&self, status: StatusCode) -> Response<Body> {
        let mut response = answer::empty(status);
        let headers = response.headers_mut();
        headers.insert(LOCATION, self.location());
        headers.insert(RANGE, self.range());
        headers.insert(UPLOAD_UUID, value(self.id.to_string()));
        response
    }
}

pub(super) async fn begin(x: &Exchange<'_>, repository: &RepositoryName, algorithm: Algorithm) -> Answer {
    let id = fresh_id();
    x.registry.begin_upload(&x.cx, repository, id, algorithm).await.map_err(start)?;
    Ok(UploadPlace { repository, id, offset: 0 }.answer(StatusCode::ACCEPTED))
}

pub(super) async fn whole(x: &mut Exchange<'_>, repository: &RepositoryName, digest: &Digest) -> Answer {
    let _counted = x.metrics.upload();
    let body = x.body.stream(None);
    x.registry.upload_whole(&x.cx, repository, fresh_id(), digest, body).await.map_err(start)?;
    Ok(answer::created(repository, "blobs", digest))
}

pub(super) async fn append(x: &mut Exchange<'_>, repository: &RepositoryName, id: UploadId) -> Answer {
    let _counted = x.metrics.upload();
    let chunk = chunk(x)?;
    let body = x.body.stream(chunk.map(|chunk| chunk.length));
    let start = chunk.map(|chunk| chunk.start);
    let offset = x.registry.append(&x.cx, repository, &id, start, body).await;
    let offset = offset.map_err(|error| session(error, repository, id))?;
    Ok(UploadPlace { repository, id, offset }.answer(StatusCode::ACCEPTED))
}

pub(super) async fn finish(x: &mut Exchange<'_>, repository: &RepositoryName, id: UploadId, digest: &Digest) -> Answer {
    let _counted = x.metrics.upload();
    let chunk = chunk(x)?;
    let body = x.body.stream(chunk.map(|chunk| chunk.length));
    let start = chunk.map(|chunk| chunk.start);
    let finished = x.registry.finish_upload(&x.cx, repository, &id, start, body, digest).await;
    finished.map_err(|error| session(error, repository, id))?;
    Ok(answer::created(repository, "blobs", digest))
}

pub(super) async fn status(x: &Exchange<'_>, repository: &RepositoryName, id: UploadId) -> Answer {
    let offset = x.registry.upload_status(&x.cx, repository, &id).await;
    let offset = offset.map_err(|error| session(error, repository, id))?;
    Ok(UploadPlace { repository, id, offset }.answer(StatusCode::NO_CONTENT))
}

pub(super) async fn cancel(x: &Exchange<'_>, repository: &RepositoryName, id: UploadId) -> Answer {
    let cancelled = x.registry.cancel_upload(&x.cx, repository, &id).await;
    cancelled.map_err(|error| session(error, repository, id))?;
    Ok(answer::empty(StatusCode::NO_CONTENT))
}

/// Which bytes the body holds, as the client says it; none if it just goes on. One that contradicts the announced length is
/// refused before anything is read.
fn chunk(x: &Exchange<'_>) -> Result<Option<ContentRange>, Refusal> {
    let Some(header) = x.parts.headers.get(CONTENT_RANGE) else { return Ok(None) };
    let range: ContentRange = String::from_utf8_lossy(header.as_bytes()).parse()?;
    match x.body.announced() {
        Some(length) if length != range.length => {
            let message = format!("the content range has {} bytes, the body {length}", range.length);
            Err(Refusal::new(StatusCode::BAD_REQUEST, Code::SizeInvalid, message)
                .detail(json!({ "expected": range.length, "length": length })))
        }
        Some(_) | None => Ok(Some(range)),
    }
}

fn fresh_id() -> UploadId {
    UploadId::from_bits(Uuid::new_v4().as_u128())
}
