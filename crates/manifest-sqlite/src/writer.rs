//! The writer: one thread that takes all waiting writes into one transaction, so that they share the cost of making it
//! durable; a second makes it durable (`log.rs`), while the first takes the next writes.
//!
//! Each write of a group has a savepoint of its own, to which a refusal rolls back. Any error ends the group, whose writes
//! are then done again one by one: some errors (a full disk) roll back everything, whatever the savepoint. Nobody is
//! answered before COMMIT.
//!
//! Others see what is committed before it is durable. Whoever builds on it with a write waits for the same log.

mod job;
mod log;

use crate::connection::{File, Mode};
use crate::driver::{Doing, is_busy, source_message};
use crate::lookups::Lookups;
use diesel::connection::SimpleConnection;
use diesel::sql_types::BigInt;
use diesel::{RunQueryDsl, SqliteConnection};
use job::{Job, Write, fail_all};
use log::Syncer;
use manifest_core::error::{Port, PortError, PortErrorKind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use std::{io, thread};
use tokio::sync::oneshot;

pub(crate) use log::Sync;

/// What a write came to, if the database took it.
#[derive(Debug)]
pub(crate) enum Verdict<T> {
    /// Keep what was written, and answer this.
    Keep(T),
    /// Leave nothing behind, and answer this.
    Refuse(T),
}

/// What an answer promises about a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Promise {
    /// It outlasts a crash of the machine.
    Durable,
    /// A crash of the machine may undo it, and with it all that came after it, of which nothing was promised to be durable.
    Committed,
}

/// The handle to the writer's thread. Dropping it finishes the writes that wait.
#[derive(Debug)]
pub(crate) struct Writer {
    queue: Sender<Message>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// How the writer connects.
#[derive(Clone, Debug)]
pub(crate) struct WriterSettings {
    pub(crate) file: File,
    pub(crate) cache_kib: u32,
    pub(crate) busy: Duration,
    /// What was read before and may be answered again, until something is written.
    pub(crate) lookups: Arc<Lookups>,
    /// Makes the log durable.
    pub(crate) sync: Sync,
}

enum Message {
    Write(Box<dyn Write>),
    Stop,
}

impl Writer {
    /// Starts the thread on a connection that is set up.
    pub(crate) fn start(connection: SqliteConnection, settings: WriterSettings) -> io::Result<Self> {
        let (queue, waiting) = channel();
        let syncer = Syncer::start(settings.file.log(), settings.sync)?;
        let run = move || Thread { connection, settings, syncer, next: None }.run(&waiting);
        let thread = thread::Builder::new().name("sqlite-writer".to_owned()).spawn(run)?;
        Ok(Self { queue, thread: Mutex::new(Some(thread)) })
    }

    /// Has a write done, whole or not at all, and answers when it is what is promised.
    ///
    /// `write` may run several times, each time on a state in which it did not happen. Dropping the future does not stop it.
    pub(crate) async fn write<T, F>(&self, promise: Promise, write: F) -> Port<T>
    where
        T: Send + 'static,
        F: FnMut(&mut SqliteConnection) -> Port<Verdict<T>> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job = Job { write, promise, reply, answer: None };
        let closed = || PortError::new(PortErrorKind::Unavailable, "the store is closed");
        self.queue.send(Message::Write(Box::new(job))).map_err(|_| closed())?;
        // The thread drops a write that it did not begin when it stops.
        answer.await.unwrap_or_else(|_| Err(closed()))
    }

    /// Finishes the writes that wait and folds the write-ahead log into the database. Writes that come later are refused.
    pub(crate) fn stop(&self) {
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // If nobody listens, the thread has ended already.
            let _ = self.queue.send(Message::Stop);
            if thread.join().is_err() {
                tracing::error!("the SQLite writer ended in a panic");
            }
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The most writes in one transaction, so that the first of them does not wait for ever.
const GROUP: usize = 256;

/// How often the lock is asked for that another process holds. Each try waits for the busy timeout.
const TRIES: u32 = 3;

struct Thread {
    connection: SqliteConnection,
    settings: WriterSettings,
    syncer: Syncer,
    /// What was taken from the queue to see whether anything waits.
    next: Option<Message>,
}

impl Thread {
    fn run(mut self, waiting: &Receiver<Message>) {
        if let Err(error) = (SyncLater {}).execute(&mut self.connection) {
            // Then each commit waits for the disk before it is synced once more.
            tracing::warn!(error = &error as &dyn std::error::Error, "commits of the writer are slow");
        }
        let mut open = true;
        while open {
            let Some(first) = self.next.take().or_else(|| waiting.recv().ok()) else { break };
            let mut group = Vec::new();
            for message in std::iter::once(first).chain(waiting.try_iter()) {
                match message {
                    Message::Write(write) => group.push(write),
                    Message::Stop => open = false,
                }
                if group.len() == GROUP {
                    break;
                }
            }
            let written = self.write(group);
            self.next = waiting.try_recv().ok();
            self.confirm(written);
        }
        let rest = self.next.take().into_iter().chain(waiting.try_iter()).filter_map(Message::into_write).collect();
        let written = self.write(rest);
        self.confirm(written);
        drop(self.syncer);
        if let Err(error) = self.connection.batch_execute("PRAGMA wal_checkpoint(TRUNCATE)") {
            // Nothing is lost: the next to open the database reads the log.
            tracing::warn!(error = &error as &dyn std::error::Error, "the write-ahead log stays");
        }
    }

    /// Does writes and answers those that fail. Those that are committed.
    fn write(&mut self, mut group: Vec<Box<dyn Write>>) -> Vec<Box<dyn Write>> {
        if self.syncer.lost()
            && let Err(error) = self.give_up_log()
        {
            fail_all(group, error, BEGINNING);
            return Vec::new();
        }
        if group.len() > 1 {
            match self.together(&mut group) {
                Ok(()) => return group,
                Err(Undone::NotBegun(error)) => {
                    fail_all(group, error, BEGINNING);
                    return Vec::new();
                }
                Err(Undone::RolledBack(error)) => {
                    tracing::debug!(writes = group.len(), error = &error as &dyn std::error::Error, "a group is split");
                }
            }
        }
        let mut committed = Vec::new();
        let mut writes = group.into_iter();
        while let Some(mut write) = writes.next() {
            match self.alone(write.as_mut()) {
                Ok(()) => committed.push(write),
                Err(Undone::RolledBack(error)) => write.fail(error),
                // Were each to wait for the lock in turn, the last would wait for very long.
                Err(Undone::NotBegun(error)) => {
                    fail_all(std::iter::once(write).chain(writes), error, BEGINNING);
                    break;
                }
            }
        }
        committed
    }

    /// Answers writes that are committed: at once, or when they are durable.
    fn confirm(&self, writes: Vec<Box<dyn Write>>) {
        let (durable, committed) = writes.into_iter().partition(|write| write.promise() == Promise::Durable);
        Vec::into_iter(committed).for_each(Write::confirm);
        self.syncer.confirm(durable, self.next.is_none());
    }

    /// All of them in one transaction, or none.
    fn together(&mut self, group: &mut [Box<dyn Write>]) -> Result<(), Undone> {
        self.begin().map_err(Undone::NotBegun)?;
        for write in group {
            if let Err(error) = self.within_savepoint(write.as_mut()) {
                self.roll_back();
                return Err(Undone::RolledBack(error));
            }
        }
        self.commit().map_err(Undone::RolledBack)
    }

    fn within_savepoint(&mut self, write: &mut dyn Write) -> Port<()> {
        Savepoint {}.execute(&mut self.connection).doing("setting a savepoint")?;
        if !write.run(&mut self.connection)? {
            RollBackTo {}.execute(&mut self.connection).doing("undoing a refused write")?;
        }
        Release {}.execute(&mut self.connection).doing("releasing a savepoint")?;
        Ok(())
    }

    /// One of them in its own transaction.
    fn alone(&mut self, write: &mut dyn Write) -> Result<(), Undone> {
        self.begin().map_err(Undone::NotBegun)?;
        match write.run(&mut self.connection) {
            Ok(true) => self.commit().map_err(Undone::RolledBack),
            Ok(false) => {
                self.roll_back();
                Ok(())
            }
            Err(error) => {
                self.roll_back();
                Err(Undone::RolledBack(error))
            }
        }
    }

    /// Takes the lock, after several tries if another process holds it.
    fn begin(&mut self) -> Port<()> {
        let mut tries = 1;
        loop {
            match (Begin {}).execute(&mut self.connection).doing("beginning a write") {
                Ok(_) => return Ok(()),
                Err(error) if is_busy(&error) && tries < TRIES => tries += 1,
                Err(error) => return Err(error),
            }
        }
    }

    fn commit(&mut self) -> Port<()> {
        let committed = {
            let _stale = self.settings.lookups.changing();
            (Commit {}).execute(&mut self.connection).doing("committing")
        };
        committed.map(drop).map_err(|error| {
            self.roll_back();
            match error.kind() {
                PortErrorKind::Full => error,
                _ if is_busy(&error) => error,
                // The log may hold the commit although it failed: a crash decides.
                PortErrorKind::Unavailable
                | PortErrorKind::Timeout
                | PortErrorKind::NotFound
                | PortErrorKind::Corrupt
                | PortErrorKind::Internal => error.with_unknown_outcome(),
            }
        })
    }

    /// After a sync that failed: empties the log into the database, by way of the pages that the system still has. A later sync
    /// of the log could succeed and leave a hole in it, behind which nothing would be found after a crash.
    fn give_up_log(&mut self) -> Port<()> {
        let Checkpoint { busy } = diesel::sql_query("PRAGMA wal_checkpoint(TRUNCATE)")
            .get_result(&mut self.connection)
            .doing("emptying the log, which could not be synced")?;
        if busy != 0 {
            let context = "the log could not be synced, and a reader keeps it from being emptied";
            return Err(PortError::new(PortErrorKind::Unavailable, context));
        }
        self.syncer.emptied()
    }

    /// Ends the transaction. Some errors have ended it already.
    fn roll_back(&mut self) {
        let Err(error) = RollBack {}.execute(&mut self.connection).doing("rolling back") else {
            return;
        };
        if source_message(&error).is_some_and(|message| message.contains("no transaction is active")) {
            return;
        }
        tracing::error!(error = &error as &dyn std::error::Error, "the writer connects anew");
        let WriterSettings { file, cache_kib, busy, .. } = &self.settings;
        match file.writer(Mode::Write, *cache_kib, *busy) {
            // Commits of this one wait for the disk, and are synced once more. The file of the log stays the same, for the new
            // connection is there before the old one goes.
            Ok(connection) => self.connection = connection,
            Err(error) => tracing::error!(error = &error as &dyn std::error::Error, "the writer cannot connect"),
        }
    }
}

#[derive(diesel::QueryableByName)]
struct Checkpoint {
    #[diesel(sql_type = BigInt)]
    busy: i64,
}

/// Why nothing of a transaction happened.
enum Undone {
    /// The lock could not be had.
    NotBegun(PortError),
    /// Something in it went wrong.
    RolledBack(PortError),
}

/// What was being done to writes that did not begin.
const BEGINNING: &str = "waiting for a write to begin";

impl Message {
    fn into_write(self) -> Option<Box<dyn Write>> {
        match self {
            Self::Write(write) => Some(write),
            Self::Stop => None,
        }
    }
}

statement! {
    /// IMMEDIATE takes the lock now: a transaction that began with a read could not be helped if another process wrote first.
    struct Begin {}
    "BEGIN IMMEDIATE"
}
statement! {
    /// The log is synced by `log.rs`.
    struct SyncLater {}
    "PRAGMA synchronous = NORMAL"
}
statement! {
    struct Commit {}
    "COMMIT"
}
statement! {
    struct RollBack {}
    "ROLLBACK"
}
statement! {
    struct Savepoint {}
    "SAVEPOINT write"
}
statement! {
    struct RollBackTo {}
    "ROLLBACK TO write"
}
statement! {
    struct Release {}
    "RELEASE write"
}
