//! The writer: one thread that takes all waiting writes into one transaction, so that they share the cost of making it
//! durable.
//!
//! Each write of a group has a savepoint of its own, to which a refusal rolls back. Any error ends the group, whose writes
//! are then done again one by one: some errors (a full disk) roll back everything, whatever the savepoint. Nobody is
//! answered before COMMIT.

use crate::connection::{File, Mode};
use crate::driver::{Doing, is_busy, source_message};
use diesel::connection::SimpleConnection;
use diesel::{RunQueryDsl, SqliteConnection};
use manifest_core::error::{Port, PortError, PortErrorKind};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use std::{io, thread};
use tokio::sync::oneshot;

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
}

enum Message {
    Write(Box<dyn Write>),
    Stop,
}

impl Writer {
    /// Starts the thread on a connection that is set up.
    pub(crate) fn start(connection: SqliteConnection, settings: WriterSettings) -> io::Result<Self> {
        let (queue, waiting) = channel();
        // As connections are set up.
        let promise = Promise::Durable;
        let run = move || Thread { connection, promise, settings }.run(&waiting);
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

/// A write without the type of its answer.
trait Write: Send {
    /// What is promised about it.
    fn promise(&self) -> Promise;
    /// Does it within the transaction. Whether to keep what it did.
    fn run(&mut self, connection: &mut SqliteConnection) -> Port<bool>;
    /// Says that what it answered last is what was promised.
    fn confirm(self: Box<Self>);
    /// Says that nothing of it happened, or that nobody knows.
    fn fail(self: Box<Self>, error: PortError);
}

struct Job<T, F> {
    write: F,
    promise: Promise,
    reply: oneshot::Sender<Port<T>>,
    answer: Option<T>,
}

impl<T, F> Write for Job<T, F>
where
    T: Send,
    F: FnMut(&mut SqliteConnection) -> Port<Verdict<T>> + Send,
{
    fn promise(&self) -> Promise {
        self.promise
    }

    fn run(&mut self, connection: &mut SqliteConnection) -> Port<bool> {
        // A panic in one write must not take the others, and the thread, with it.
        let verdict = catch_unwind(AssertUnwindSafe(|| (self.write)(connection)))
            .unwrap_or_else(|_| Err(PortError::new(PortErrorKind::Internal, "a write panicked")))?;
        let (keep, answer) = match verdict {
            Verdict::Keep(answer) => (true, answer),
            Verdict::Refuse(answer) => (false, answer),
        };
        self.answer = Some(answer);
        Ok(keep)
    }

    fn confirm(self: Box<Self>) {
        let missing = || PortError::new(PortErrorKind::Internal, "a write was confirmed before it ran");
        // Whoever asked may have gone.
        let _ = self.reply.send(self.answer.ok_or_else(missing));
    }

    fn fail(self: Box<Self>, error: PortError) {
        let _ = self.reply.send(Err(error));
    }
}

/// The most writes in one transaction, so that the first of them does not wait for ever.
const GROUP: usize = 256;

/// How often the lock is asked for that another process holds. Each try waits for the busy timeout.
const TRIES: u32 = 3;

struct Thread {
    connection: SqliteConnection,
    /// What a commit on the connection is.
    promise: Promise,
    settings: WriterSettings,
}

impl Thread {
    fn run(mut self, waiting: &Receiver<Message>) {
        let mut open = true;
        while open {
            let Ok(first) = waiting.recv() else { break };
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
            self.write(group);
        }
        let rest: Vec<_> = waiting.try_iter().filter_map(Message::into_write).collect();
        self.write(rest);
        if let Err(error) = self.connection.batch_execute("PRAGMA wal_checkpoint(TRUNCATE)") {
            // Nothing is lost: the next to open the database reads the log.
            tracing::warn!(error = &error as &dyn std::error::Error, "the write-ahead log stays");
        }
    }

    fn write(&mut self, mut group: Vec<Box<dyn Write>>) {
        if group.len() > 1 {
            match self.together(&mut group) {
                Ok(()) => return group.into_iter().for_each(Write::confirm),
                Err(Undone::NotBegun(error)) => return fail_all(group, error),
                Err(Undone::RolledBack(error)) => {
                    tracing::debug!(writes = group.len(), error = &error as &dyn std::error::Error, "a group is split");
                }
            }
        }
        let mut writes = group.into_iter();
        while let Some(mut write) = writes.next() {
            match self.alone(write.as_mut()) {
                Ok(()) => write.confirm(),
                Err(Undone::RolledBack(error)) => write.fail(error),
                // Were each to wait for the lock in turn, the last would wait for very long.
                Err(Undone::NotBegun(error)) => return fail_all(std::iter::once(write).chain(writes), error),
            }
        }
    }

    /// All of them in one transaction, or none.
    fn together(&mut self, group: &mut [Box<dyn Write>]) -> Result<(), Undone> {
        // One commit for all: it waits for the disk if any of them has to.
        let durable = group.iter().any(|write| write.promise() == Promise::Durable);
        self.begin(if durable { Promise::Durable } else { Promise::Committed }).map_err(Undone::NotBegun)?;
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
        self.begin(write.promise()).map_err(Undone::NotBegun)?;
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
    fn begin(&mut self, promise: Promise) -> Port<()> {
        self.promise(promise)?;
        let mut tries = 1;
        loop {
            match (Begin {}).execute(&mut self.connection).doing("beginning a write") {
                Ok(_) => return Ok(()),
                Err(error) if is_busy(&error) && tries < TRIES => tries += 1,
                Err(error) => return Err(error),
            }
        }
    }

    /// Sees to it that the next commit is what is promised. SQLite takes this only between transactions.
    ///
    /// A commit that waits for the disk takes along the whole log, so all that was committed before.
    fn promise(&mut self, promise: Promise) -> Port<()> {
        if self.promise == promise {
            return Ok(());
        }
        match promise {
            Promise::Durable => SyncEachCommit {}.execute(&mut self.connection),
            Promise::Committed => SyncLater {}.execute(&mut self.connection),
        }
        .doing("choosing whether a commit waits for the disk")?;
        self.promise = promise;
        Ok(())
    }

    fn commit(&mut self) -> Port<()> {
        let committed = Commit {}.execute(&mut self.connection).doing("committing");
        committed.map(drop).map_err(|error| {
            self.roll_back();
            match error.kind() {
                PortErrorKind::Full => error,
                _ if is_busy(&error) => error,
                // The log may hold the commit although it could not be made durable: a crash decides.
                PortErrorKind::Unavailable
                | PortErrorKind::Timeout
                | PortErrorKind::NotFound
                | PortErrorKind::Corrupt
                | PortErrorKind::Internal => error.with_unknown_outcome(),
            }
        })
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
        let WriterSettings { file, cache_kib, busy } = &self.settings;
        match file.writer(Mode::Write, *cache_kib, *busy) {
            Ok(connection) => (self.connection, self.promise) = (connection, Promise::Durable),
            Err(error) => tracing::error!(error = &error as &dyn std::error::Error, "the writer cannot connect"),
        }
    }
}

/// Why nothing of a transaction happened.
enum Undone {
    /// The lock could not be had.
    NotBegun(PortError),
    /// Something in it went wrong.
    RolledBack(PortError),
}

/// Answers one error to all.
fn fail_all(writes: impl IntoIterator<Item = Box<dyn Write>>, error: PortError) {
    let (kind, error) = (error.kind(), Arc::new(error));
    for write in writes {
        write.fail(PortError::new(kind, "waiting for a write to begin").with_source(Arc::clone(&error)));
    }
}

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
    struct SyncEachCommit {}
    "PRAGMA synchronous = FULL"
}
statement! {
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
