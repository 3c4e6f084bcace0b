use crate::answer::bytes_of;
use crate::body::Body;
use crate::errors::Refusal;
use crate::handlers::{alive, text};
use crate::hosts::Hosts;
use crate::metrics::Metrics;
use crate::options::Readiness;
use crate::site::Site;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use std::net::SocketAddr;
use std::sync::Arc;
use tracing::error;

/// What an admin listener serves: `/metrics` in the OpenMetrics text format, `/healthz`, and `/readyz` with the reason.
///
/// It tells what the registry's own listener does not, so it belongs on a loopback address or a closed network.
#[derive(Clone)]
pub struct Admin(Arc<Inner>);

struct Inner {
    hosts: Hosts,
    registry: Arc<Registry>,
    ready: Readiness,
    metrics: Metrics,
}

impl Admin {
    /// Shows these metrics and this readiness to those who ask under these names.
    #[must_use]
    pub fn new(hosts: Hosts, registry: Arc<Registry>, ready: Readiness) -> Self {
        // Its own requests are not among what it shows.
        Self(Arc::new(Inner { hosts, registry, ready, metrics: Metrics::default() }))
    }

    fn metrics_page(&self) -> Response<Body> {
        let mut page = String::new();
        match encode(&mut page, &self.0.registry) {
            Ok(()) => {
                let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
                bytes_of(StatusCode::OK, HeaderValue::from_static(content_type), page.into())
            }
            Err(error) => {
                error!(%error, "the metrics cannot be written");
                text(StatusCode::INTERNAL_SERVER_ERROR, "the metrics cannot be written\n".into())
            }
        }
    }
}

impl Site for Admin {
    async fn answer(&self, request: Request<Incoming>, _peer: SocketAddr) -> Response<Body> {
        let (parts, _) = request.into_parts();
        if parts.uri.path() == "/healthz" {
            return alive();
        }
        match self.0.hosts.check(&parts) {
            Ok(()) => {}
            Err(Refusal::Said(said)) => return said.into_response(),
            Err(Refusal::Challenge { .. } | Refusal::Failed(_)) => {
                return text(StatusCode::FORBIDDEN, "refused\n".into());
            }
        }
        match (&parts.method, parts.uri.path()) {
            (&Method::GET | &Method::HEAD, "/metrics") => self.metrics_page(),
            (&Method::GET | &Method::HEAD, "/readyz") => match (self.0.ready)().await {
                Ok(()) => alive(),
                Err(reason) => text(StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {reason}\n").into()),
            },
            (_, "/metrics" | "/readyz") => text(StatusCode::METHOD_NOT_ALLOWED, "GET only\n".into()),
            _ => text(StatusCode::NOT_FOUND, "there are /metrics, /healthz and /readyz\n".into()),
        }
    }

    fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }
}
