use super::{Code, Entry, Refusal, envelope};
use crate::body::Body;
use http::header::RETRY_AFTER;
use http::{HeaderValue, Response, StatusCode};
use manifest_core::{PortError, PortErrorKind};
use std::error::Error;
use std::fmt;

impl From<PortError> for Refusal {
    fn from(error: PortError) -> Self {
        Self::Failed(error)
    }
}

/// The answer to a request that a port failed: a fixed text, whatever the error says.
pub(crate) fn failed(error: &PortError) -> Response<Body> {
    let (status, code, message, retry_after) = match error.kind() {
        PortErrorKind::Unavailable | PortErrorKind::Timeout => {
            (StatusCode::SERVICE_UNAVAILABLE, Code::Unavailable, "the registry is too busy; try again", Some(2))
        }
        PortErrorKind::Full => (
            StatusCode::SERVICE_UNAVAILABLE,
            Code::Unavailable,
            "the registry has no room for this; reads go on",
            Some(60),
        ),
        PortErrorKind::NotFound | PortErrorKind::Corrupt | PortErrorKind::Internal => {
            (StatusCode::INTERNAL_SERVER_ERROR, Code::Unknown, "the registry failed; its log says why", None)
        }
    };
    let mut response = envelope(status, &[Entry { code, message: message.to_owned(), detail: None }]);
    if let Some(seconds) = retry_after {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// The answer to a write that lost against others time and again: the very same may work in a moment.
pub(super) fn busy(message: String) -> Refusal {
    Refusal::new(StatusCode::SERVICE_UNAVAILABLE, Code::Unavailable, message).header(RETRY_AFTER, HeaderValue::from(1))
}

/// An error with all its sources, each once.
pub(crate) struct Chain<'a>(pub(crate) &'a dyn Error);

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut source = self.0.source();
        while let Some(error) = source {
            write!(f, ": {error}")?;
            source = error.source();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Chain, failed};
    use manifest_core::{PortError, PortErrorKind};

    #[test]
    fn the_kind_decides_and_nothing_else_is_told() {
        let check = |kind, status: u16, retries: bool| {
            let response = failed(&PortError::new(kind, "secret"));
            assert_eq!(response.status(), status, "{kind:?}");
            assert_eq!(response.headers().contains_key("retry-after"), retries, "{kind:?}");
        };
        check(PortErrorKind::Unavailable, 503, true);
        check(PortErrorKind::Timeout, 503, true);
        check(PortErrorKind::Full, 503, true);
        check(PortErrorKind::NotFound, 500, false);
        check(PortErrorKind::Corrupt, 500, false);
        check(PortErrorKind::Internal, 500, false);
    }

    #[test]
    fn a_chain_names_each_source_once() {
        let error = PortError::new(PortErrorKind::Internal, "outer").with_source("inner");
        assert_eq!(Chain(&error).to_string(), "the store failed: outer: inner");
    }
}
