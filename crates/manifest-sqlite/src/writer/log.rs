//! What makes commits durable: one sync of the write-ahead log for all that were made before it, while the writer goes on
//! with the next.
//!
//! SQLite itself commits without waiting (`synchronous = NORMAL`), and syncs the log only before it folds it into the
//! database. A sync of the whole log after a commit is what it would have done with `FULL`, by a thread that has nothing else
//! to do.

use super::job::{Write, fail_all};
use manifest_core::error::{Port, PortError, PortErrorKind};
use std::fs::File;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle};
use std::{fmt, io};

/// How a file's bytes are made durable: a test lets it fail.
pub(crate) type Sync = fn(&File) -> io::Result<()>;

/// The log of a database, from the outside.
pub(super) struct Log {
    path: PathBuf,
    /// Opened when it is first synced. SQLite keeps the file for as long as it has a connection.
    file: OnceLock<File>,
    sync: Sync,
    /// A sync failed. What the log holds from there on may be lost although a later sync succeeds.
    lost: AtomicBool,
    /// How many groups of writes wait for a sync or are in one.
    waiting: AtomicUsize,
}

/// The thread that syncs, and the way to it. Dropping it waits until all that was given to it is answered.
pub(super) struct Syncer {
    log: Arc<Log>,
    queue: Option<Sender<Vec<Box<dyn Write>>>>,
    thread: Option<JoinHandle<()>>,
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Log").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Log {
    fn new(path: PathBuf, sync: Sync) -> Self {
        let (lost, waiting) = (AtomicBool::new(false), AtomicUsize::new(0));
        Self { path, file: OnceLock::new(), sync, lost, waiting }
    }

    /// Makes all that was committed before durable.
    fn sync(&self) -> Port<()> {
        if self.lost.load(Ordering::Acquire) {
            return Err(unsynced(io::Error::other("an earlier sync failed")));
        }
        self.force().map_err(|error| {
            self.lost.store(true, Ordering::Release);
            unsynced(error)
        })
    }

    fn force(&self) -> io::Result<()> {
        let file = if let Some(file) = self.file.get() {
            file
        } else {
            let opened = File::open(&self.path)?;
            self.file.get_or_init(|| opened)
        };
        (self.sync)(file)
    }
}

/// Whether the commit is on the disk decides itself when the machine crashes.
fn unsynced(error: io::Error) -> PortError {
    PortError::new(PortErrorKind::Unavailable, "syncing the write-ahead log").with_source(error).with_unknown_outcome()
}

impl Syncer {
    /// Starts the thread for the log at that path.
    pub(super) fn start(path: PathBuf, sync: Sync) -> io::Result<Self> {
        let log = Arc::new(Log::new(path, sync));
        let (queue, waiting) = channel();
        let thread = thread::Builder::new().name("sqlite-sync".to_owned()).spawn({
            let log = Arc::clone(&log);
            move || run(&log, &waiting)
        })?;
        Ok(Self { log, queue: Some(queue), thread: Some(thread) })
    }

    /// Answers writes that are committed, once they are durable. Here, if nothing else waits for this thread.
    pub(super) fn confirm(&self, writes: Vec<Box<dyn Write>>, nothing_else: bool) {
        if writes.is_empty() {
            return;
        }
        if nothing_else && self.log.waiting.load(Ordering::Acquire) == 0 {
            return answer(writes, self.log.sync());
        }
        self.log.waiting.fetch_add(1, Ordering::AcqRel);
        // The queue is there until this is dropped, and so is the thread.
        if let Some(Err(unsent)) = self.queue.as_ref().map(|queue| queue.send(writes)) {
            answer(unsent.0, self.log.sync());
        }
    }

    /// Whether a sync failed, so that nothing may be committed before the log is given up.
    pub(super) fn lost(&self) -> bool {
        self.log.lost.load(Ordering::Acquire)
    }

    /// Says that the log was emptied into the database, which is synced: nothing depends on what it held.
    pub(super) fn emptied(&self) -> Port<()> {
        self.log.force().map_err(unsynced)?;
        self.log.lost.store(false, Ordering::Release);
        Ok(())
    }
}

impl Drop for Syncer {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(Err(_panic)) = self.thread.take().map(JoinHandle::join) {
            tracing::error!("the thread that syncs the log ended in a panic");
        }
    }
}

fn run(log: &Log, waiting: &Receiver<Vec<Box<dyn Write>>>) {
    while let Ok(mut writes) = waiting.recv() {
        let mut groups = 1;
        for more in waiting.try_iter() {
            writes.extend(more);
            groups += 1;
        }
        let synced = log.sync();
        log.waiting.fetch_sub(groups, Ordering::AcqRel);
        answer(writes, synced);
    }
}

fn answer(writes: Vec<Box<dyn Write>>, synced: Port<()>) {
    match synced {
        Ok(()) => writes.into_iter().for_each(Write::confirm),
        Err(error) => fail_all(writes, error, "making a write durable"),
    }
}
