//! Where connections come from.

use crate::connection::Opener;
use crate::server::{Away, Failing, Server};
use crate::store::PostgresOptions;
use bb8::{ManageConnection, Pool, PooledConnection, RunError};
use diesel_async::AsyncPgConnection;
use diesel_async::pooled_connection::PoolableConnection;
use manifest_core::error::{Port, PortError, PortErrorKind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Connections that are open, and those that may still be opened.
#[derive(Clone)]
pub(crate) struct Connections {
    pool: Pool<Manager>,
    server: Arc<Server>,
    renounced: Renounced,
    /// How many were told that the server is away.
    turned_away: Arc<AtomicU64>,
    size: u32,
}

/// A connection while it is used.
pub(crate) type Connection<'a> = PooledConnection<'a, Manager>;

/// What the pool holds.
pub(crate) struct Link {
    pub(crate) connection: AsyncPgConnection,
    /// Set by whoever gave up waiting: what the server still does would keep the next one waiting.
    pub(crate) spent: bool,
    /// When opening it began.
    opened: Instant,
}

/// When it was last found that connections lead to a server that takes no writes: those opened before are not used again.
type Renounced = Arc<Mutex<Option<Instant>>>;

/// How old a connection is at least when another one may lead to another server. So a server that takes no writes costs a node its
/// connections once in that time, and no more.
const LEADS_ELSEWHERE: Duration = Duration::from_secs(1);

impl Connections {
    /// Opens none yet.
    pub(crate) fn new(opener: Opener, options: &PostgresOptions) -> Self {
        let server = Arc::new(Server::new(opener));
        let renounced = Renounced::default();
        let size = options.pool_size.max(1);
        let manager = Manager { server: Arc::clone(&server), renounced: Arc::clone(&renounced) };
        // No question before each use: a connection that is gone says so by itself, and a read is asked again on another.
        let pool = Pool::builder()
            .max_size(size)
            .connection_timeout(options.acquire_timeout)
            .idle_timeout(options.idle_timeout)
            .max_lifetime(options.max_lifetime)
            .test_on_check_out(false);
        Self { pool: pool.build_unchecked(manager), server, renounced, turned_away: Arc::default(), size }
    }

    /// Takes over a connection that was opened for something else.
    pub(crate) fn adopt(&self, connection: AsyncPgConnection) {
        // If there is no room for it, or it is broken, the pool opens another when it needs one.
        let _refused = self.pool.add(Link { connection, spent: false, opened: Instant::now() });
    }

    pub(crate) fn state(&self) -> PoolState {
        let state = self.pool.state();
        let statistics = state.statistics;
        let in_vain = statistics.get_timed_out + self.turned_away.load(Ordering::Relaxed);
        PoolState {
            size: self.size,
            open: state.connections,
            idle: state.idle_connections,
            waited: statistics.get_waited + in_vain,
            in_vain,
            wait_time: statistics.get_wait_time,
            opened: statistics.connections_created,
            broken: statistics.connections_closed_broken,
        }
    }

    /// A connection, within the time that callers wait for one; where none is open and the server is known to be away, nobody waits.
    /// Connections that are known to be gone are passed over: nothing was asked on them yet, so that nobody need wonder what became
    /// of it.
    pub(crate) async fn get(&self) -> Port<Connection<'_>> {
        loop {
            let got = tokio::select! {
                // One that is open and free is had at once, whatever else is known.
                biased;
                got = self.pool.get() => got,
                away = self.away() => {
                    self.turned_away.fetch_add(1, Ordering::Relaxed);
                    return Err(none().with_source(away));
                }
            };
            let mut link = got.map_err(|error| self.waited_in_vain(error))?;
            if !is_useless(&mut link, &self.renounced) {
                return Ok(link);
            }
        }
    }

    /// Returns as soon as the server is known to be away while no connection is open.
    async fn away(&self) -> Away {
        let mut watch = self.server.watch();
        loop {
            let away = watch.borrow_and_update().as_ref().and_then(Failing::away);
            if let Some(away) = away
                && self.pool.state().connections == 0
            {
                return away;
            }
            if watch.changed().await.is_err() {
                return std::future::pending().await;
            }
        }
    }

    /// The pool itself only says that none came in time.
    fn waited_in_vain(&self, error: RunError<Away>) -> PortError {
        match (error, self.server.failure()) {
            (RunError::User(error), _) => none().with_source(error),
            (RunError::TimedOut, Some(away)) => none().with_source(away),
            (RunError::TimedOut, None) => none(),
        }
    }

    /// Gives up on a connection that leads to a server that takes no writes, and on all that were opened before now: after a
    /// failover new ones lead to the server that does. `false` if it was opened just now, and a new one would lead to the same.
    pub(crate) fn renounce(&self, link: &Link) -> bool {
        if link.opened.elapsed() < LEADS_ELSEWHERE {
            return false;
        }
        *self.renounced.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        true
    }
}

fn none() -> PortError {
    PortError::new(PortErrorKind::Unavailable, "getting a connection to the database")
}

/// How the connections of a node are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolState {
    /// How many may be open.
    pub size: u32,
    /// How many are open.
    pub open: u32,
    /// How many of them nobody uses.
    pub idle: u32,
    /// How many requests had to wait for one, since the start.
    pub waited: u64,
    /// How many of those waited in vain: none came in time, or the server was away.
    pub in_vain: u64,
    /// How long requests waited, in all.
    pub wait_time: Duration,
    /// How many connections were opened since the start.
    pub opened: u64,
    /// How many were closed because they were of no use any more.
    pub broken: u64,
}

/// Opens connections for the pool.
pub(crate) struct Manager {
    server: Arc<Server>,
    renounced: Renounced,
}

fn is_useless(link: &mut Link, renounced: &Renounced) -> bool {
    let renounced = *renounced.lock().unwrap_or_else(PoisonError::into_inner);
    link.spent
        || renounced.is_some_and(|then| link.opened < then)
        || PoolableConnection::is_broken(&mut link.connection)
}

impl ManageConnection for Manager {
    type Connection = Link;
    type Error = Away;

    async fn connect(&self) -> Result<Self::Connection, Self::Error> {
        let (connection, opened) = self.server.open().await?;
        Ok(Link { connection, spent: false, opened })
    }

    async fn is_valid(&self, _: &mut Link) -> Result<(), Self::Error> {
        Ok(())
    }

    fn has_broken(&self, link: &mut Link) -> bool {
        is_useless(link, &self.renounced)
    }
}
