use super::ServeOptions;
use super::stream::Watched;
use crate::body::Body;
use crate::site::Site;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tracing::debug;

/// The most that is read at once, and the most that a head may have.
const BUFFER: usize = 64 * 1024;

/// What all connections of a listener share.
pub(super) struct Connections<S> {
    site: Arc<S>,
    options: ServeOptions,
    http: http1::Builder,
    stopping: watch::Receiver<bool>,
}

impl<S: Site> Connections<S> {
    pub(super) fn new(site: S, options: ServeOptions, stopping: watch::Receiver<bool>) -> Self {
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(options.head)
            .max_buf_size(BUFFER)
            .max_header_size(BUFFER)
            // A client may close its half once its request is sent, and still wants the answer.
            .half_close(true);
        Self { site: Arc::new(site), options, http, stopping }
    }

    /// A connection from its first byte to its last.
    pub(super) fn run(&self, stream: TcpStream, peer: SocketAddr) -> impl Future<Output = ()> + Send + 'static {
        let (site, http, options) = (Arc::clone(&self.site), self.http.clone(), self.options.clone());
        let mut stopping = self.stopping.clone();
        async move {
            let _counted = site.metrics().connection();
            // Answers are small or come in large pieces: waiting to fill a packet only delays them.
            if let Err(error) = stream.set_nodelay(true) {
                debug!(%error, %peer, "a connection was gone at once");
                return;
            }
            let io = TokioIo::new(Watched::new(stream, site.metrics().clone(), &options));
            let service = service_fn(move |request: Request<Incoming>| {
                let site = Arc::clone(&site);
                async move { Ok::<Response<Body>, Infallible>(site.answer(request, peer).await) }
            });
            let mut connection = std::pin::pin!(http.serve_connection(io, service));
            // An error means that the listener is gone: that, too, is the time to stop.
            let stopped = async { stopping.wait_for(|stop| *stop).await.map_or((), |_| ()) };
            let ended = tokio::select! {
                ended = connection.as_mut() => ended,
                () = stopped => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
            };
            if let Err(error) = ended {
                debug!(error = %crate::errors::Chain(&error), %peer, "a connection broke off");
            }
        }
    }
}
