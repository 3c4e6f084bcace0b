use crate::clock;
use crate::collect::Collected;
use crate::config::{AdminListen, Auth, Config, HostName, Loaded, Origin, Server};
use crate::failure::{Failure, Listener};
use crate::greeting::Greeting;
use crate::listen::listen;
use crate::logs::{self, LogStream};
use crate::ready::Ready;
use crate::signals::Signals;
use crate::storage::{Place, Storage};
use crate::workers::BlockingThreads;
use crate::{collect, output, signing};
use manifest_core::Registry;
use registry_http::prometheus_client::registry::Registry as MetricsRegistry;
use registry_http::{Admin, App, AppOptions, Hosts, Metrics, ServeOptions};
use rustix::process::{Resource, Rlimit};
use std::future::pending;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Serves a registry until a signal comes.
pub(crate) fn run(loaded: &Loaded) -> Result<(), Failure> {
    refuse_exposure(&loaded.config)?;
    logs::start(&loaded.config.log, LogStream::Output);
    allow_many_files();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|source| Failure::Process { doing: "starting the runtime", source })?;
    let served = runtime.block_on(serve(loaded));
    // Whatever a thread is still doing is of no use to anybody: the store is closed.
    runtime.shutdown_background();
    served
}

/// Each connection and each blob under way is an open file, and shells allow few of them by default. Where the limit cannot
/// be raised, connections beyond it wait.
fn allow_many_files() {
    let limit = rustix::process::getrlimit(Resource::Nofile);
    let _raised = rustix::process::setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
}

/// Nobody logs in yet, so whoever can connect may write: that must be said where it is more than this machine.
fn refuse_exposure(config: &Config) -> Result<(), Failure> {
    let address = config.server.listen;
    match config.server.auth {
        Auth::Loopback if !address.ip().to_canonical().is_loopback() => Err(Failure::Exposed { address }),
        Auth::Loopback | Auth::None => Ok(()),
    }
}

async fn serve(loaded: &Loaded) -> Result<(), Failure> {
    let config = &loaded.config;
    let mut signals = Signals::listen().map_err(|source| Failure::Process { doing: "listening to signals", source })?;
    let place = Place::claim(config)?;
    // Before the stores are opened, because that may take a while and migrate; whoever connects meanwhile waits.
    let listeners = Listeners::open(loaded).await?;
    let storage = place.open(config).await?;
    let signer = signing::load(config, &*storage.signing_keys(config)).await?;
    let registry = Registry::new(storage.ports.clone(), config.policy());
    let registry = registry.with_signer(signer).with_workers(Arc::new(BlockingThreads::new()));
    greet(config, &listeners, &storage).await?;

    let ready = Ready::new(registry.clone(), storage.condition());
    let (stop, stopping) = oneshot::channel();
    let mut serving = start(config, listeners, &storage, &registry, &ready, stopping)?;

    let signal = tokio::select! {
        signal = signals.next() => signal,
        ended = &mut serving.registry => return Err(died(ended.err())),
    };
    ready.stopping();
    tracing::info!(signal, grace = %config.server.shutdown_grace, "stopping when running transfers have ended");
    // The receiver is gone only if serving has ended, which the next line sees.
    let _told = stop.send(());
    let outcome = tokio::select! {
        ended = &mut serving.registry => ended.map_err(|error| died(Some(error))),
        _ = signals.next() => Err(Failure::CutShort),
    };
    serving.registry.abort();
    if let Some(collecting) = serving.collecting {
        collecting.abort();
    }
    if let Some(admin) = serving.admin {
        admin.abort();
    }
    storage.close();
    let stopped = outcome?;
    if stopped.cut > 0 {
        tracing::warn!(connections = stopped.cut, "transfers that had not ended in time were cut off");
    }
    tracing::info!("stopped");
    Ok(())
}

/// The two listeners, open and not yet served.
struct Listeners {
    registry: TcpListener,
    address: SocketAddr,
    admin: Option<(TcpListener, SocketAddr)>,
}

impl Listeners {
    async fn open(loaded: &Loaded) -> Result<Self, Failure> {
        let server = &loaded.config.server;
        let by_default = |path| loaded.origin(path) == Origin::Default;
        let registry = listen(Listener::Registry, server.listen, by_default("server.listen")).await?;
        let admin = match server.admin_listen {
            AdminListen::Off => None,
            AdminListen::At(address) => {
                let admin = listen(Listener::Admin, address, by_default("server.admin_listen")).await?;
                let address = local(&admin)?;
                Some((admin, address))
            }
        };
        let address = local(&registry)?;
        Ok(Self { registry, address, admin })
    }
}

/// The address with the port that the system chose where 0 was asked for.
fn local(listener: &TcpListener) -> Result<SocketAddr, Failure> {
    listener.local_addr().map_err(|source| Failure::Process { doing: "asking for the address", source })
}

async fn greet(config: &Config, listeners: &Listeners, storage: &Storage) -> Result<(), Failure> {
    let home = storage.home().await;
    let home = home.map_err(|source| Failure::UseCase { doing: "counting what is there", source: source.into() })?;
    let admin = listeners.admin.as_ref().map(|(_, address)| *address);
    let greeting = Greeting {
        address: listeners.address,
        admin,
        hosts: config.server.hosts.clone(),
        auth: config.server.auth,
        home: home.clone(),
        grace: config.server.shutdown_grace.as_duration(),
    };
    output::say(&greeting.to_string());
    if let Some((from, copy)) = storage.migration() {
        let copy = copy.map(|path| path.display().to_string());
        tracing::info!(from, copy, "the database was migrated");
    }
    if let Some(lc_messages) = storage.foreign_messages() {
        tracing::warn!(
            lc_messages,
            "the messages of the database are not in English: deadlocks are not retried, and time-outs and a full disk are answered \
             500; as a superuser: ALTER ROLE … SET lc_messages = 'C'"
        );
    }
    let admin = admin.map(|address| address.to_string());
    tracing::info!(version = env!("CARGO_PKG_VERSION"), address = %listeners.address, admin, data = %home, "serving");
    Ok(())
}

/// What runs until it is told to stop.
struct Serving {
    registry: JoinHandle<registry_http::Stopped>,
    /// Until the very end, so that probes and scrapes see the registry drain.
    admin: Option<JoinHandle<registry_http::Stopped>>,
    /// Until the very end too: a step is short, and can be dropped.
    collecting: Option<JoinHandle<()>>,
}

fn start(
    config: &Config,
    listeners: Listeners,
    storage: &Storage,
    registry: &Registry,
    ready: &Ready,
    stopping: oneshot::Receiver<()>,
) -> Result<Serving, Failure> {
    let mut metrics = MetricsRegistry::with_prefix("manifestd");
    let counted = Metrics::register(&mut metrics);
    storage.register(&mut metrics);
    let options = AppOptions {
        ready: ready.probe(),
        clock: Arc::new(clock::now),
        body_idle: config.server.idle_timeout.as_duration(),
        metrics: counted,
        v1_api: config.legacy.api,
        ..AppOptions::new(hosts(config, listeners.address)?)
    };
    let app = App::new(registry.clone(), options);
    let collecting = config.collection.enabled.then(|| {
        let collected = Collected::register(&mut metrics);
        tokio::spawn(collect::in_background(registry.clone(), config.collection.interval.as_duration(), collected))
    });
    let serve = serve_options(&config.server);
    let stop = async move {
        // A sender that is gone means the same.
        let _told = stopping.await;
    };
    let registry = tokio::spawn(registry_http::serve(listeners.registry, app, serve, stop));
    let admin = match listeners.admin {
        None => None,
        Some((listener, address)) => {
            let site = Admin::new(hosts(config, address)?, Arc::new(metrics), ready.probe());
            Some(tokio::spawn(registry_http::serve(listener, site, ServeOptions::default(), pending())))
        }
    };
    Ok(Serving { registry, admin, collecting })
}

fn serve_options(server: &Server) -> ServeOptions {
    ServeOptions {
        head: server.head_timeout.as_duration(),
        send_idle: server.idle_timeout.as_duration(),
        connections: server.max_connections,
        grace: server.shutdown_grace.as_duration(),
        ..ServeOptions::default()
    }
}

fn hosts(config: &Config, address: SocketAddr) -> Result<Hosts, Failure> {
    let names = config.server.hosts.iter().map(HostName::as_str);
    Hosts::listening_on(address.ip())
        .and(names)
        .map_err(|source| Failure::UseCase { doing: "reading `server.hosts`", source: source.into() })
}

/// Serving ended although nobody stopped it: a bug, of which the panic was logged.
fn died(error: Option<tokio::task::JoinError>) -> Failure {
    let source = error.map_or_else(|| "it ended by itself".into(), Into::into);
    Failure::UseCase { doing: "serving", source }
}
