use crate::authenticate::Authenticate;
use crate::hosts::Hosts;
use crate::metrics::Metrics;
use futures_util::future::BoxFuture;
use manifest_core::Millis;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// The time of day in milliseconds since 1970, read once a request.
pub type Clock = Arc<dyn Fn() -> Millis + Send + Sync>;

/// Whether requests should be sent here; else why not, in words for an operator.
pub type Readiness = Arc<dyn Fn() -> BoxFuture<'static, Result<(), String>> + Send + Sync>;

/// What can be chosen about an [`App`](crate::App). [`AppOptions::new`] gives a registry that knows no credentials and is
/// always ready.
#[derive(Clone)]
pub struct AppOptions {
    /// The names under which clients may ask: by default the address listened on.
    pub hosts: Hosts,
    /// Who callers are. `None`: everybody is anonymous, and `GET /v2/` answers 200.
    pub authenticate: Option<Arc<dyn Authenticate>>,
    /// The time of requests: by default the system's.
    pub clock: Clock,
    /// What `/readyz` answers: by default 200. The reason is told on the admin listener only.
    pub ready: Readiness,
    /// Whether docker's v1 protocol is served, for reading: by default yes. Without it, nothing is below `/v1/`.
    pub v1_api: bool,
    /// How long a request's body may pause before it is given up with 408: by default 60 seconds. There is no limit on how
    /// long a body may take as a whole.
    pub body_idle: Duration,
    /// Where requests are counted: by default nowhere that anyone can see.
    pub metrics: Metrics,
}

impl AppOptions {
    /// The defaults, for clients that ask under these names.
    #[must_use]
    pub fn new(hosts: Hosts) -> Self {
        Self {
            hosts,
            authenticate: None,
            clock: Arc::new(system_time),
            ready: always(),
            v1_api: true,
            body_idle: Duration::from_mins(1),
            metrics: Metrics::default(),
        }
    }
}

pub(crate) fn always() -> Readiness {
    Arc::new(|| Box::pin(std::future::ready(Ok(()))))
}

fn system_time() -> Millis {
    // A clock before 1970 or after the year 292 million is no clock: time stands still at its end.
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| Millis::try_from(since.as_millis()).unwrap_or(Millis::MAX))
}
