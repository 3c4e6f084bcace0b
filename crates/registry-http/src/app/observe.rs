use crate::body::Body;
use crate::errors::Chain;
use crate::metrics::Metrics;
use crate::request::Kind;
use http::header::USER_AGENT;
use http::request::Parts;
use http::{Response, StatusCode};
use http_body::Body as _;
use manifest_core::PortError;
use std::net::SocketAddr;
use std::time::Instant;
use tracing::{Span, debug, error, info};

/// A request whose answer is about to be sent.
pub(super) struct Seen {
    pub(super) kind: Kind,
    pub(super) parts: Parts,
    pub(super) peer: SocketAddr,
    pub(super) started: Instant,
    pub(super) span: Span,
    pub(super) metrics: Metrics,
}

impl Seen {
    /// Counts and logs the request once its answer has left.
    pub(super) fn watch(self, response: &mut Response<Body>) {
        let status = response.status();
        let length = response.body().size_hint().exact().unwrap_or_default();
        response.body_mut().on_end(move |how| self.end(status, length, how));
    }

    fn end(self, status: StatusCode, length: u64, how: Result<(), Option<&PortError>>) {
        let took = self.started.elapsed();
        self.metrics.answered(self.kind, status, took);
        let _entered = self.span.enter();
        if let Err(Some(failure)) = how {
            error!(error = %Chain(failure), "an answer broke off");
        }
        // Reads are by far the most requests, and most logs are read for what was changed.
        macro_rules! line {
            ($level:ident) => {
                $level!(
                    target: "registry_http::access",
                    peer = %self.peer,
                    method = %self.parts.method,
                    path = self.parts.uri.path(),
                    query = self.parts.uri.query(),
                    status = status.as_u16(),
                    bytes = length,
                    complete = how.is_ok(),
                    us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
                    agent = self.parts.headers.get(USER_AGENT).and_then(|agent| agent.to_str().ok()),
                    "answered"
                )
            };
        }
        if self.kind.is_write() || status.is_server_error() {
            line!(info);
        } else {
            line!(debug);
        }
    }
}
