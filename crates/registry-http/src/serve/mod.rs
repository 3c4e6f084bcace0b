mod connection;
mod stream;

use crate::site::Site;
use connection::Connections;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tracing::{error, warn};

/// How a listener treats its connections.
#[derive(Clone, Debug)]
pub struct ServeOptions {
    /// How long the head of a request may take, and how long a connection may be idle between two requests: 30 seconds.
    pub head: Duration,
    /// How long a client may leave what we send unread before the connection is cut: 60 seconds. However slowly it reads, it
    /// may go on for as long as it likes.
    pub send_idle: Duration,
    /// When a connection ends before a request's body was read to its end, how much of the rest is read and dropped, so that
    /// the answer reaches a client that is still sending: 1 MiB.
    pub drain_bytes: u64,
    /// And for how long: 2 seconds.
    pub drain_time: Duration,
    /// How many connections may be open. More wait in the kernel's queue: 4,096.
    pub connections: usize,
    /// How long running requests may take once the registry is told to stop: 30 seconds.
    pub grace: Duration,
}

impl Default for ServeOptions {
    fn default() -> Self {
        Self {
            head: Duration::from_secs(30),
            send_idle: Duration::from_mins(1),
            drain_bytes: 1 << 20,
            drain_time: Duration::from_secs(2),
            connections: 4_096,
            grace: Duration::from_secs(30),
        }
    }
}

/// How serving ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stopped {
    /// Connections that were cut because their requests had not ended in time.
    pub cut: usize,
}

/// Serves a site to whoever connects, until `shutdown` is ready. Then no connection is taken any more, idle ones are closed,
/// and running requests get `options.grace` to end.
///
/// HTTP/1.1 and HTTP/1.0, without TLS. A TLS handshake is answered with an HTTP 400, by which docker finds out.
pub async fn serve(
    listener: TcpListener,
    site: impl Site,
    options: ServeOptions,
    shutdown: impl Future<Output = ()> + Send,
) -> Stopped {
    let permits = Arc::new(Semaphore::new(options.connections.clamp(1, Semaphore::MAX_PERMITS)));
    let (stop, stopping) = watch::channel(false);
    let grace = options.grace;
    let connections = Connections::new(site, options, stopping);
    let mut open = JoinSet::new();
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            Some(ended) = open.join_next() => report(ended),
            accepted = async {
                // Never closed, so there is always a permit in the end.
                let permit = Arc::clone(&permits).acquire_owned().await.ok();
                (listener.accept().await, permit)
            } => match accepted {
                (Ok((stream, peer)), permit) => {
                    let connection = connections.run(stream, peer);
                    open.spawn(async move {
                        connection.await;
                        drop(permit);
                    });
                }
                (Err(error), _) => after_failed_accept(&error).await,
            },
        }
    }
    drop(listener);
    // Whoever listens has the receiver; nobody does when no connection is open.
    let _ = stop.send(true);
    let ended = timeout(grace, async {
        while let Some(ended) = open.join_next().await {
            report(ended);
        }
    });
    let cut = if ended.await.is_ok() { 0 } else { open.len() };
    open.shutdown().await;
    Stopped { cut }
}

fn report(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        error!(%error, "a connection's task panicked: this is a bug");
    }
}

/// Out of file descriptors or memory: accepting again at once would fail again at once.
async fn after_failed_accept(error: &io::Error) {
    let of_the_client = matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionRefused
    );
    if !of_the_client {
        warn!(%error, "no connection can be accepted");
        sleep(Duration::from_millis(200)).await;
    }
}
