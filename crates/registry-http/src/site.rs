use crate::body::Body;
use crate::metrics::Metrics;
use http::{Request, Response};
use hyper::body::Incoming;
use std::net::SocketAddr;

/// What a listener serves: [`App`](crate::App) or [`Admin`](crate::Admin).
pub trait Site: Send + Sync + 'static {
    /// The answer to a request. It has a known length; errors are answers too.
    fn answer(&self, request: Request<Incoming>, peer: SocketAddr) -> impl Future<Output = Response<Body>> + Send;

    /// Where connections are counted.
    fn metrics(&self) -> &Metrics;
}
