mod requests;

use crate::request::Kind;
use http::StatusCode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};
use requests::{Durations, Requests};
use std::sync::Arc;
use std::time::Duration;

/// What is counted about requests and connections. Cheap to clone; clones count together. No label holds a name that a client
/// can choose.
#[derive(Clone, Default)]
pub struct Metrics(Arc<Inner>);

#[derive(Default)]
struct Inner {
    requests: Arc<Requests>,
    received: Counter,
    sent: Counter,
    connections: Gauge,
    uploads: Gauge,
}

impl Metrics {
    /// Metrics that this registry of metrics shows. Give it a prefix (`sub_registry_with_prefix`) to have one before all
    /// names.
    #[must_use]
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        let inner = &metrics.0;
        let requests = Arc::clone(&inner.requests);
        registry.register("http_requests", "Requests answered, by what they asked for", requests::Counts(requests));
        registry.register_with_unit(
            "http_request_duration",
            "From a request's head to the end of its answer",
            Unit::Seconds,
            Durations(Arc::clone(&inner.requests)),
        );
        let received = "Bytes read from connections, heads included";
        registry.register_with_unit("http_received", received, Unit::Bytes, inner.received.clone());
        let sent = "Bytes written to connections, heads included";
        registry.register_with_unit("http_sent", sent, Unit::Bytes, inner.sent.clone());
        registry.register("http_connections", "Open connections", inner.connections.clone());
        registry.register("http_uploads", "Uploads whose bytes are being received", inner.uploads.clone());
        metrics
    }

    pub(crate) fn answered(&self, kind: Kind, status: StatusCode, took: Duration) {
        self.0.requests.count(kind, status, took);
    }

    pub(crate) fn received(&self, bytes: usize) {
        self.0.received.inc_by(bytes as u64);
    }

    pub(crate) fn sent(&self, bytes: usize) {
        self.0.sent.inc_by(bytes as u64);
    }

    /// Counts an open connection until the value is dropped.
    pub(crate) fn connection(&self) -> Counted {
        Counted::new(&self.0.connections)
    }

    /// Counts a body under way until the value is dropped.
    pub(crate) fn upload(&self) -> Counted {
        Counted::new(&self.0.uploads)
    }
}

/// One of something that a gauge counts.
pub(crate) struct Counted(Gauge);

impl Counted {
    fn new(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dec();
    }
}
