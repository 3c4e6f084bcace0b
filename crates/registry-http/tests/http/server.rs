use crate::client::{Answer, Client};
use manifest_core::access::Authorizer;
use manifest_core::legacy::Signer;
use manifest_core::ports::{BlobStore, Listings, Totals};
use manifest_core::service::Workers;
use manifest_core::{AllowAll, Millis, Policy, Ports, Registry};
use manifest_memory::{MemoryBlobs, MemoryStore};
use registry_http::{App, AppOptions, Hosts, Metrics, ServeOptions, Stopped, prometheus_client, serve};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A registry on a port of its own.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) store: MemoryStore,
    pub(crate) bytes: MemoryBlobs,
    pub(crate) metrics: Arc<prometheus_client::registry::Registry>,
    clock: Arc<AtomicI64>,
    stop: Option<oneshot::Sender<()>>,
    stopped: JoinHandle<Stopped>,
}

/// What a test changes about its server.
pub(crate) struct Setup {
    pub(crate) policy: Policy,
    pub(crate) access: Arc<dyn Authorizer>,
    pub(crate) serve: ServeOptions,
    pub(crate) app: Box<dyn FnOnce(&mut AppOptions)>,
    pub(crate) ports: Box<dyn FnOnce(&mut Ports)>,
    pub(crate) signer: Option<Arc<dyn Signer>>,
    pub(crate) workers: Option<Arc<dyn Workers>>,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            policy: Policy::default(),
            access: Arc::new(AllowAll),
            serve: ServeOptions::default(),
            app: Box::new(|_| ()),
            ports: Box::new(|_| ()),
            signer: None,
            workers: None,
        }
    }
}

impl Server {
    pub(crate) async fn start() -> Self {
        Setup::default().start().await
    }

    /// One request on a connection of its own.
    pub(crate) async fn call(&self, line: &str, headers: &[(&str, &str)], body: impl AsRef<[u8]>) -> Answer {
        self.connect().await.request(line, headers, body.as_ref()).await
    }

    /// One without headers or body.
    pub(crate) async fn ask(&self, line: &str) -> Answer {
        self.call(line, &[], b"").await
    }

    pub(crate) async fn connect(&self) -> Client {
        Client::connect(self.address).await
    }

    /// Lets time pass.
    pub(crate) fn pass(&self, milliseconds: i64) {
        self.clock.fetch_add(milliseconds, Ordering::SeqCst);
    }

    pub(crate) async fn totals(&self) -> Totals {
        self.store.totals().await.unwrap()
    }

    /// How many parts and blobs the byte store holds.
    pub(crate) async fn stored_bytes(&self) -> usize {
        self.bytes.list(None, 1_000).await.unwrap().items.len()
    }

    pub(crate) fn stop(&mut self) {
        self.stop.take().unwrap().send(()).unwrap();
    }

    pub(crate) async fn stopped(self) -> Stopped {
        self.stopped.await.unwrap()
    }

    /// The metrics page.
    pub(crate) fn metrics(&self) -> String {
        let mut page = String::new();
        prometheus_client::encoding::text::encode(&mut page, &self.metrics).unwrap();
        page
    }
}

impl Setup {
    pub(crate) async fn start(self) -> Server {
        let (store, bytes) = (MemoryStore::new(), MemoryBlobs::new(256 << 20));
        let mut ports = store.ports(bytes.clone(), AllowAll);
        ports.access = self.access;
        (self.ports)(&mut ports);
        let registry = Registry::new(ports, self.policy);
        let registry = match self.signer {
            Some(signer) => registry.with_signer(signer),
            None => registry,
        };
        let registry = match self.workers {
            Some(workers) => registry.with_workers(workers),
            None => registry,
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let clock = Arc::new(AtomicI64::new(1_800_000_000_000));
        let now = Arc::clone(&clock);
        let mut shown = prometheus_client::registry::Registry::default();
        let mut options = AppOptions::new(Hosts::listening_on(address.ip()));
        options.clock = Arc::new(move || -> Millis { now.load(Ordering::SeqCst) });
        options.metrics = Metrics::register(&mut shown);
        (self.app)(&mut options);
        let (stop, stopping) = oneshot::channel();
        let shutdown = async { stopping.await.unwrap_or_default() };
        let stopped = tokio::spawn(serve(listener, App::new(registry, options), self.serve, shutdown));
        Server { address, store, bytes, metrics: Arc::new(shown), clock, stop: Some(stop), stopped }
    }
}
