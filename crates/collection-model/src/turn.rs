//! One process taking one step: what it sees, locks and writes.

use crate::locks::{Lock, Mode, Want};
use crate::model::Model;
use crate::planner::Planned;
use crate::protocol::Rule;
use crate::rows::{Repository, Rows, Write};
use crate::spec::When;
use crate::state::{At, COLLECTOR, Process, State};
use crate::world::{Op, Spans};

/// A state in which one process is about to take a step.
#[derive(Clone)]
pub(crate) struct Turn<'a> {
    pub(crate) model: &'a Model,
    pub(crate) state: State,
    pub(crate) who: usize,
}

/// What became of it.
pub(crate) enum Stepped {
    /// It waits for a lock.
    Waits(Want),
    /// It took the step.
    Took(&'static str, Box<State>),
}

impl<'a> Turn<'a> {
    pub(crate) fn new(model: &'a Model, state: &State, who: usize) -> Self {
        Self { model, state: *state, who }
    }

    pub(crate) fn process(&self) -> &Process {
        &self.state.processes[self.who]
    }

    pub(crate) fn process_mut(&mut self) -> &mut Process {
        &mut self.state.processes[self.who]
    }

    pub(crate) fn op(&self) -> Option<Op> {
        self.model.world.scripts.get(self.who)?.get(usize::from(self.process().op)).copied()
    }

    /// Whether the request deletes a manifest.
    pub(crate) fn deletes(&self) -> bool {
        self.op().is_some_and(|op| matches!(op, Op::DeleteManifest { .. }))
    }

    pub(crate) fn plan(&self) -> Option<Planned> {
        self.process().plan
    }

    pub(crate) fn spans(&self) -> Spans {
        self.model.world.spans
    }

    pub(crate) fn keeps(&self, rule: Rule) -> bool {
        self.model.protocol.keeps(rule)
    }

    /// What a statement that begins now sees: the newest committed rows and what its own transaction wrote.
    pub(crate) fn view(&self) -> Rows {
        let mut rows = self.state.rows;
        for write in self.process().log.into_iter().flatten() {
            write.apply(&mut rows);
        }
        rows
    }

    /// The same for one repository.
    pub(crate) fn repository(&self, r: u8) -> Repository {
        self.view().repositories[usize::from(r)]
    }

    /// Who has the lock, or stands in the queue for it before us, as a set of processes.
    pub(crate) fn barred_by(&self, want: Want) -> u8 {
        let queued = |who: usize, process: &Process| {
            // Who wants it alone is not overtaken by those who share it; those in the queue do not wait for one another here.
            let theirs = self.model.world.scripts.get(who).and_then(|script| script.get(usize::from(process.op)));
            process.at == At::Queued && want.mode == Mode::Shared && theirs.is_some_and(|op| want.lock == op.lock())
        };
        let others = self.state.processes.iter().enumerate().filter(|(who, _)| *who != self.who);
        let barring = others.filter(|(who, process)| process.held.bars(want) || queued(*who, process));
        barring.fold(0, |all, (who, _)| all | 1 << who)
    }

    /// Locks, or says that it must wait.
    pub(crate) fn lock(&mut self, lock: Lock, mode: Mode) -> Result<(), Stepped> {
        let want = Want { lock, mode };
        if self.barred_by(want) != 0 {
            return Err(Stepped::Waits(want));
        }
        self.process_mut().held.take(want);
        Ok(())
    }

    /// Writes without committing.
    pub(crate) fn write(&mut self, write: Write) {
        let free = self.process_mut().log.iter_mut().find(|slot| slot.is_none());
        debug_assert!(free.is_some(), "a transaction writes at most five times");
        if let Some(slot) = free {
            *slot = Some(write);
        }
    }

    /// Takes the step, to go on there.
    pub(crate) fn go(mut self, what: &'static str, at: At) -> Stepped {
        self.process_mut().at = at;
        self.took(what)
    }

    /// Rolls back, to go on there with what the request knew.
    pub(crate) fn roll_back(mut self, what: &'static str, at: At) -> Stepped {
        let Process { op, now, .. } = *self.process();
        *self.process_mut() = Process { op, at, now, ..Process::default() };
        self.took(what)
    }

    /// Rolls back and ends the request without success.
    pub(crate) fn refuse(mut self, what: &'static str) -> Stepped {
        self.end();
        self.took(what)
    }

    /// Commits and ends the request with success; a step of collection just ends.
    pub(crate) fn commit(mut self, what: &'static str) -> Stepped {
        self.state.rows = self.view();
        let Process { now, plan, .. } = *self.process();
        if let Some(op) = self.op() {
            let lease = now.saturating_add(self.spans().lease);
            let when = When { now, clock: self.state.clock, lease };
            let broken = self.state.spec.acknowledge(&self.model.world.definitions, op, plan, when);
            self.state.broken = self.state.broken.or(broken);
        }
        self.end();
        self.took(what)
    }

    fn end(&mut self) {
        let op = self.process().op + u8::from(self.who < COLLECTOR);
        *self.process_mut() = Process { op, ..Process::default() };
    }

    pub(crate) fn took(self, what: &'static str) -> Stepped {
        Stepped::Took(what, Box::new(self.state))
    }
}

impl Op {
    /// The repository lock that the request takes, if it takes one.
    pub(crate) fn lock(self) -> Lock {
        match self {
            Self::Upload { repository, .. }
            | Self::Mount { to: repository, .. }
            | Self::Push { repository, .. }
            | Self::DeleteTag { repository, .. }
            | Self::DeleteManifest { repository, .. }
            | Self::DeleteBlob { repository, .. } => Lock::Repository(repository),
        }
    }
}
