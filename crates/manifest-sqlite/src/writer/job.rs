//! A write in the queue, and whom to tell what came of it.

use super::{Promise, Verdict};
use diesel::SqliteConnection;
use manifest_core::error::{Port, PortError, PortErrorKind};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use tokio::sync::oneshot;

/// A write without the type of its answer.
pub(super) trait Write: Send {
    /// What is promised about it.
    fn promise(&self) -> Promise;
    /// Does it within the transaction. Whether to keep what it did.
    fn run(&mut self, connection: &mut SqliteConnection) -> Port<bool>;
    /// Says that what it answered last is what was promised.
    fn confirm(self: Box<Self>);
    /// Says that nothing of it happened, or that nobody knows.
    fn fail(self: Box<Self>, error: PortError);
}

pub(super) struct Job<T, F> {
    pub(super) write: F,
    pub(super) promise: Promise,
    pub(super) reply: oneshot::Sender<Port<T>>,
    pub(super) answer: Option<T>,
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

/// Answers one error to all.
pub(super) fn fail_all(writes: impl IntoIterator<Item = Box<dyn Write>>, error: PortError, doing: &'static str) {
    let (kind, unknown, error) = (error.kind(), error.outcome_unknown(), Arc::new(error));
    for write in writes {
        let error = PortError::new(kind, doing).with_source(Arc::clone(&error));
        write.fail(if unknown { error.with_unknown_outcome() } else { error });
    }
}
