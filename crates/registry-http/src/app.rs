mod observe;

use crate::answer::{self, API_VERSION, REQUEST_ID};
use crate::body::{Body, Inbound};
use crate::errors::{Chain, Code, Entry, Refusal, envelope, failed};
use crate::handlers::{self, Exchange};
use crate::metrics::Metrics;
use crate::options::AppOptions;
use crate::request::{BadRequest, Kind, Operation, parse, without_tokens};
use crate::request_id::RequestId;
use crate::site::Site;
use http::header::{CONNECTION, CONTENT_SECURITY_POLICY, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use hyper::body::Incoming;
use manifest_core::access::AccessAsk;
use manifest_core::{Caller, Context, Registry};
use observe::Seen;
use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;
use tracing::{Instrument, error, info_span};

/// The OCI distribution API on a registry. Cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Inner>);

struct Inner {
    registry: Registry,
    options: AppOptions,
}

impl App {
    /// The API on that registry.
    #[must_use]
    pub fn new(registry: Registry, options: AppOptions) -> Self {
        Self(Arc::new(Inner { registry, options }))
    }

    /// What is asked for. What is switched off is not there.
    fn parse(&self, parts: &Parts) -> Result<Operation, BadRequest> {
        match parse(&parts.method, parts.uri.path(), parts.uri.query()) {
            Ok(_) | Err(_) if !self.0.options.v1_api && parts.uri.path().starts_with("/v1") => {
                Err(BadRequest::NoSuchEndpoint)
            }
            parsed => parsed,
        }
    }

    /// An answer, whatever happens.
    async fn respond(
        &self,
        parts: &Parts,
        parsed: Result<Operation, BadRequest>,
        body: &mut Inbound,
    ) -> Response<Body> {
        match self.handle(parts, parsed, body).await {
            Ok(response) => response,
            Err(Refusal::Said(said)) => said.into_response(),
            Err(Refusal::Challenge { asks, message }) => self.challenge(parts, &asks, message),
            Err(Refusal::Failed(failure)) => {
                error!(error = %Chain(&failure), "a request failed");
                failed(&failure)
            }
        }
    }

    /// In this order, so that private names do not leak: where the request is from, who makes it, what it names, and only
    /// then, in the core, whether that is allowed and whether it exists.
    async fn handle(
        &self,
        parts: &Parts,
        parsed: Result<Operation, BadRequest>,
        body: &mut Inbound,
    ) -> Result<Response<Body>, Refusal> {
        let options = &self.0.options;
        match parsed {
            // Probes come under whatever name the prober has for us, and learn nothing.
            Ok(Operation::Alive) => return Ok(handlers::alive()),
            Ok(Operation::Ready) => return Ok(handlers::ready(&options.ready).await),
            Ok(_) | Err(_) => {}
        }
        options.hosts.check(parts)?;
        let caller = match &options.authenticate {
            Some(authenticate) => authenticate.authenticate(&with_credentials(parts)).await?,
            None => Caller::Anonymous,
        };
        let operation = parsed?;
        if operation == Operation::Ping && options.authenticate.is_some() && caller == Caller::Anonymous {
            let message = "authentication is required".to_owned();
            return Err(Refusal::Challenge { asks: Vec::new(), message });
        }
        let cx = Context { caller, now: (options.clock)() };
        let registry = &self.0.registry;
        handlers::handle(Exchange { registry, cx, parts, body, metrics: &options.metrics }, operation).await
    }

    fn challenge(&self, parts: &Parts, asks: &[AccessAsk], message: String) -> Response<Body> {
        let entry = Entry { code: Code::Unauthorized, message, detail: None };
        let mut response = envelope(StatusCode::UNAUTHORIZED, &[entry]);
        let challenge = match &self.0.options.authenticate {
            Some(authenticate) => authenticate.challenge(&with_credentials(parts), asks),
            // An authorizer that wants credentials, in a registry that knows none: the status still needs a challenge.
            None => HeaderValue::from_static("Basic realm=\"registry\""),
        };
        response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        response
    }
}

impl Site for App {
    async fn answer(&self, request: Request<Incoming>, peer: SocketAddr) -> Response<Body> {
        let started = Instant::now();
        let (parts, incoming) = request.into_parts();
        let id = RequestId::of(&parts.headers);
        let span = info_span!("request", %id);
        let parsed = self.parse(&parts);
        let kind = parsed.as_ref().map_or(Kind::Unknown, Operation::kind);
        let mut body = Inbound::new(incoming, self.0.options.body_idle);
        let mut response = self.respond(&parts, parsed, &mut body).instrument(span.clone()).await;
        dress(response.headers_mut(), &parts, &id);
        if !body.is_finished() {
            // The rest of the body stands between this answer and the next request.
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        Seen { kind, parts, peer, started, span, metrics: self.0.options.metrics.clone() }.watch(&mut response);
        response
    }

    fn metrics(&self) -> &Metrics {
        &self.0.options.metrics
    }
}

/// The request with nothing but credentials in its `Authorization`: v1 clients also say there which repository they mean.
fn with_credentials(parts: &Parts) -> Cow<'_, Parts> {
    if !parts.uri.path().starts_with("/v1/") {
        return Cow::Borrowed(parts);
    }
    match without_tokens(&parts.headers) {
        None => Cow::Borrowed(parts),
        Some(headers) => {
            let mut parts = parts.clone();
            parts.headers = headers;
            Cow::Owned(parts)
        }
    }
}

/// What every answer has. A pushed blob must never run in a browser as a page of ours.
fn dress(headers: &mut HeaderMap, parts: &Parts, id: &RequestId) {
    headers.insert(REQUEST_ID, id.header());
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(CONTENT_SECURITY_POLICY, answer::SANDBOX);
    if parts.uri.path().starts_with("/v2") {
        headers.insert(API_VERSION, HeaderValue::from_static("registry/2.0"));
    }
}
