//! Where reads run: short ones on the calling thread, with a connection of that thread; long ones on a blocking thread.

use crate::connection::File;
use diesel::SqliteConnection;
use manifest_core::error::{Port, PortError, PortErrorKind};
use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::Semaphore;

/// The readers of one store. Clones are the same readers.
#[derive(Clone, Debug)]
pub(crate) struct Readers(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// Tells the stores of a process apart, so that each thread finds its connection to this one.
    id: u64,
    file: File,
    cache_kib: u32,
    busy: Duration,
    /// How many long reads may run at once: each holds a connection with its cache.
    permits: Arc<Semaphore>,
    /// Connections for long reads that are not in use.
    idle: Mutex<Vec<Connection>>,
}

thread_local! {
    static CONNECTIONS: RefCell<Vec<OfThread>> = const { RefCell::new(Vec::new()) };
}

/// A thread's connection to one store.
struct OfThread {
    store: u64,
    /// Dies with the store, so that the thread can drop its connection some time after.
    alive: Weak<Shared>,
    connection: Connection,
}

/// A connection that says nothing about itself.
struct Connection(SqliteConnection);

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SqliteConnection")
    }
}

impl Readers {
    /// Readers of a file. Connections are opened when they are first needed.
    pub(crate) fn new(file: File, cache_kib: u32, busy: Duration, long_reads: usize) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self(Arc::new(Shared {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            file,
            cache_kib,
            busy,
            permits: Arc::new(Semaphore::new(long_reads.max(1))),
            idle: Mutex::new(Vec::new()),
        }))
    }

    /// Runs a short read at once, on this thread.
    pub(crate) fn here<T>(&self, read: impl FnOnce(&mut SqliteConnection) -> Port<T>) -> Port<T> {
        let run = |connections: &RefCell<Vec<OfThread>>| {
            let mut connections = connections.borrow_mut();
            let found = connections.iter().position(|one| one.store == self.0.id);
            let at = match found {
                Some(at) => at,
                None => self.connect_thread(&mut connections)?,
            };
            read(&mut connections[at].connection.0)
        };
        // A thread that ends has no connections any more; nothing is read there.
        CONNECTIONS.try_with(run).unwrap_or_else(|error| {
            Err(PortError::new(PortErrorKind::Internal, "reading on a thread that ends").with_source(error))
        })
    }

    /// Runs a read that may be long on a thread where nobody waits for others.
    pub(crate) async fn elsewhere<T: Send + 'static>(
        &self,
        read: impl FnOnce(&mut SqliteConnection) -> Port<T> + Send + 'static,
    ) -> Port<T> {
        let permits = Arc::clone(&self.0.permits);
        let permit = permits
            .acquire_owned()
            .await
            .map_err(|error| PortError::new(PortErrorKind::Internal, "waiting for a long read").with_source(error))?;
        let shared = Arc::clone(&self.0);
        let run = move || {
            let _permit = permit;
            let idle = shared.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let mut connection = match idle {
                Some(connection) => connection,
                None => Connection(shared.file.reader(shared.cache_kib, shared.busy)?),
            };
            let answer = read(&mut connection.0);
            shared.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
            answer
        };
        tokio::task::spawn_blocking(run).await.unwrap_or_else(|error| {
            Err(PortError::new(PortErrorKind::Internal, "running a long read").with_source(error))
        })
    }

    /// Opens this thread's connection and drops those to stores that are gone. Answers its place.
    fn connect_thread(&self, connections: &mut Vec<OfThread>) -> Port<usize> {
        connections.retain(|one| one.alive.strong_count() > 0);
        let connection = Connection(self.0.file.reader(self.0.cache_kib, self.0.busy)?);
        connections.push(OfThread { store: self.0.id, alive: Arc::downgrade(&self.0), connection });
        Ok(connections.len() - 1)
    }
}
