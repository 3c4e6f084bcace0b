use crate::answer::bytes_of;
use crate::body::Body;
use crate::options::Readiness;
use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode};
use tracing::warn;

/// The process answers: that is all.
pub(crate) fn alive() -> Response<Body> {
    text(StatusCode::OK, Bytes::from_static(b"ok\n"))
}

/// Whether requests should be sent here. Why not is in the log, and on the admin listener.
pub(crate) async fn ready(ready: &Readiness) -> Response<Body> {
    match ready().await {
        Ok(()) => alive(),
        Err(reason) => {
            warn!(reason, "not ready");
            text(StatusCode::SERVICE_UNAVAILABLE, Bytes::from_static(b"not ready\n"))
        }
    }
}

pub(crate) fn text(status: StatusCode, text: Bytes) -> Response<Body> {
    bytes_of(status, HeaderValue::from_static("text/plain; charset=utf-8"), text)
}
