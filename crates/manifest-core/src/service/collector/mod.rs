mod preview;
#[cfg(test)]
mod tests;

pub use preview::{Preview, PreviewStep};

use super::Registry;
use crate::error::Port;
use crate::facts::Location;
use crate::policy::Policy;
use crate::ports::{Ports, SweepAsk, SweepCursor, SweepKind};
use crate::time::{HOUR, Millis, after};
use std::sync::Arc;

/// The most rows that one step looks at, so that a step stays short and can be stopped between two.
const MAX_BATCH: u32 = 200;

/// How often a stage is tried again that is busy or fails, before the round goes on without the rest of it.
const MAX_TRIES: u32 = 5;

/// What a collector is told beside the ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CollectorOptions {
    /// The history window, in milliseconds: what was kept that long ago stays.
    pub window: i64,
    /// How long access rows outlive their lease, in milliseconds.
    pub grace: i64,
    /// Bytes that no row names are left alone until they are older than this, in milliseconds: an upload may be about to name them.
    pub upload_ttl: i64,
    /// How many rows one step looks at; at most 200.
    pub batch: u32,
    /// The stage with which a round begins.
    pub first: Stage,
    /// The stage with which a round ends, not before `first`.
    pub last: Stage,
}

impl CollectorOptions {
    /// Only what costs little and frees much: dropped uploads, and bytes in the trash. For short rounds between long ones.
    #[must_use]
    pub fn sweep(policy: &Policy) -> Self {
        Self { first: Stage::Uploads, last: Stage::Trash, ..Self::from(policy) }
    }

    fn ask(&self, kind: SweepKind, after: Option<SweepCursor>, now: Millis) -> SweepAsk {
        let Self { window, grace, .. } = *self;
        SweepAsk { kind, after, limit: self.batch.clamp(1, MAX_BATCH), now, window, grace }
    }
}

impl From<&Policy> for CollectorOptions {
    fn from(policy: &Policy) -> Self {
        Self {
            window: policy.history_window,
            grace: policy.collection_grace,
            upload_ttl: policy.upload_ttl,
            batch: MAX_BATCH,
            first: Stage::History,
            last: Stage::Unnamed,
        }
    }
}

/// What a step is about. A round goes through all of them in this order, so that what one stage lets go of is found by the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// Intervals of tags that ended longer ago than the history window.
    History,
    /// Manifests that nothing keeps.
    Manifests,
    /// Access to blobs that no manifest links.
    Access,
    /// Blobs to which nobody has access.
    Blobs,
    /// What is left of deleted repositories. Their blobs go in the next round.
    Repositories,
    /// Uploads that rested too long.
    Uploads,
    /// Bytes of all of these: deleted from their store, then forgotten.
    Trash,
    /// Bytes that no row ever named: a crash between storing and naming leaves such. They go into the trash, for the next round.
    Unnamed,
}

impl Stage {
    /// All of them, in the order of a round.
    pub const ALL: [Self; 8] = [
        Self::History,
        Self::Manifests,
        Self::Access,
        Self::Blobs,
        Self::Repositories,
        Self::Uploads,
        Self::Trash,
        Self::Unnamed,
    ];

    /// One word, for logs, metrics and JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::History => "history",
            Self::Manifests => "manifests",
            Self::Access => "access",
            Self::Blobs => "blobs",
            Self::Repositories => "repositories",
            Self::Uploads => "uploads",
            Self::Trash => "trash",
            Self::Unnamed => "unnamed",
        }
    }

    /// The stage that follows; none after the last.
    #[must_use]
    pub fn next(self) -> Option<Self> {
        match self {
            Self::History => Some(Self::Manifests),
            Self::Manifests => Some(Self::Access),
            Self::Access => Some(Self::Blobs),
            Self::Blobs => Some(Self::Repositories),
            Self::Repositories => Some(Self::Uploads),
            Self::Uploads => Some(Self::Trash),
            Self::Trash => Some(Self::Unnamed),
            Self::Unnamed => None,
        }
    }

    /// The sweep behind the stage, where it is one of rows.
    fn sweep(self) -> Option<SweepKind> {
        match self {
            Self::History => Some(SweepKind::History),
            Self::Manifests => Some(SweepKind::Manifests),
            Self::Access => Some(SweepKind::Access),
            Self::Blobs => Some(SweepKind::Blobs),
            Self::Repositories => Some(SweepKind::Repositories),
            Self::Uploads | Self::Trash | Self::Unnamed => None,
        }
    }
}

/// What one step did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CollectorStep {
    /// What it was about.
    pub stage: Stage,
    /// Rows removed; for [`Stage::Trash`] locations whose bytes were deleted, for [`Stage::Unnamed`] those put into the trash.
    pub removed: u64,
    /// A lock could not be had. The next step tries the same rows again: rest before it.
    pub busy: bool,
    /// The fifth try in a row was busy too. What was locked is left to the next round, and this one goes on.
    pub given_up: bool,
    /// The round is over; the next step begins another one.
    pub done_round: bool,
}

/// Collection as steps, for whoever runs a registry to schedule.
///
/// A round walks every row by cursor, for lists of candidates forget some (quay-semantics, section 11.3), and removes what nothing
/// keeps. Each step is short, at most 200 rows. Several collectors may run at once, in one process or in many; dropping one, or the
/// future of a step, between or within any two writes is safe, for each write is whole.
///
/// ```no_run
/// # use manifest_core::service::Collector;
/// # use manifest_core::{Port, Registry};
/// # async fn collect(registry: &Registry, clock: fn() -> i64) -> Port<()> {
/// let mut collector = Collector::new(registry);
/// while !collector.step(clock()).await?.done_round {
///     // Give others their turn here.
/// }
/// # Ok(())
/// # }
/// ```
pub struct Collector {
    ports: Arc<Ports>,
    options: CollectorOptions,
    stage: Stage,
    after: After,
    tries: u32,
}

/// Where a stage goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
enum After {
    Start,
    Rows(SweepCursor),
    Bytes(Location),
}

/// What a step came to, and whether the stage goes on.
struct Worked {
    removed: u64,
    busy: bool,
    next: Option<After>,
}

impl Worked {
    fn new(removed: u64, next: Option<After>) -> Self {
        Self { removed, busy: false, next }
    }
}

impl Collector {
    /// At the start of a round, under the registry's policy.
    #[must_use]
    pub fn new(registry: &Registry) -> Self {
        Self::with_options(registry, CollectorOptions::from(registry.policy()))
    }

    /// At the start of a round, with other spans than the policy's.
    #[must_use]
    pub fn with_options(registry: &Registry, options: CollectorOptions) -> Self {
        let stage = options.first;
        Self { ports: Arc::clone(&registry.ports), options, stage, after: After::Start, tries: 0 }
    }

    /// Does the next piece of work.
    ///
    /// Example: [the guide](crate::guide#collecting). On the command line: `manifestd gc`.
    ///
    /// # Errors
    ///
    /// A [`PortError`](crate::PortError); what was done stays done. The next step tries the same piece again, and goes on with the next
    /// stage after five failures in a row, so that one bad row does not keep everything else from being collected.
    pub async fn step(&mut self, now: Millis) -> Port<CollectorStep> {
        let stage = self.stage;
        let worked = match self.work(now).await {
            Ok(worked) => worked,
            Err(error) => {
                if self.tried() {
                    self.leave_stage();
                }
                return Err(error);
            }
        };
        let mut step =
            CollectorStep { stage, removed: worked.removed, busy: worked.busy, given_up: false, done_round: false };
        if worked.busy {
            step.given_up = self.tried();
            if !step.given_up {
                // The same rows again: the cursor stays.
                return Ok(step);
            }
        }
        self.tries = 0;
        match worked.next {
            Some(after) => self.after = after,
            None => step.done_round = self.leave_stage(),
        }
        Ok(step)
    }

    /// Whether the next step begins a round.
    #[must_use]
    pub fn between_rounds(&self) -> bool {
        self.stage == self.options.first && self.after == After::Start && self.tries == 0
    }

    /// Counts a try in vain; whether it was the last.
    fn tried(&mut self) -> bool {
        self.tries += 1;
        self.tries >= MAX_TRIES
    }

    /// Goes on to the next stage; whether that is in a new round.
    fn leave_stage(&mut self) -> bool {
        (self.after, self.tries) = (After::Start, 0);
        let next = self.stage.next().filter(|_| self.stage < self.options.last);
        self.stage = next.unwrap_or(self.options.first);
        next.is_none()
    }

    async fn work(&self, now: Millis) -> Port<Worked> {
        match (self.stage.sweep(), self.stage) {
            (Some(kind), _) => self.sweep(kind, now).await,
            (None, Stage::Uploads) => {
                let swept = self.ports.collection.sweep_uploads(self.batch(), now).await?;
                Ok(Worked::new(swept.removed, swept.more.then_some(After::Start)))
            }
            (None, Stage::Trash) => self.empty_trash(now).await,
            (None, _) => self.find_unnamed(now).await,
        }
    }

    fn batch(&self) -> u32 {
        self.options.batch.clamp(1, MAX_BATCH)
    }

    async fn sweep(&self, kind: SweepKind, now: Millis) -> Port<Worked> {
        let after = match &self.after {
            After::Rows(cursor) => Some(cursor.clone()),
            After::Start | After::Bytes(_) => None,
        };
        let done = self.ports.collection.sweep(&self.options.ask(kind, after, now)).await?;
        Ok(Worked { removed: done.removed, busy: done.busy, next: done.next.map(After::Rows) })
    }

    /// Bytes first, then the row: a crash between the two deletes again what is already gone, and nothing else.
    async fn empty_trash(&self, now: Millis) -> Port<Worked> {
        let batch = self.batch();
        let doomed = self.ports.collection.trash(batch, now).await?;
        let full = doomed.len() >= batch as usize;
        let (mut deleted, mut stuck, mut failed) = (Vec::with_capacity(doomed.len()), Vec::new(), None);
        for location in doomed {
            match self.ports.bytes.delete(&location).await {
                Ok(()) => deleted.push(location),
                // The others can still go.
                Err(error) => {
                    stuck.push(location);
                    failed = Some(error);
                }
            }
        }
        if !deleted.is_empty() {
            self.ports.collection.trash_emptied(&deleted).await?;
        }
        if !stuck.is_empty() {
            // They must not stand in the way of those behind them.
            self.ports.collection.postpone_trash(&stuck, after(now, HOUR)).await?;
        }
        match failed {
            Some(error) => Err(error),
            None => Ok(Worked::new(deleted.len() as u64, full.then_some(After::Start))),
        }
    }

    async fn find_unnamed(&self, now: Millis) -> Port<Worked> {
        let after = match &self.after {
            After::Bytes(location) => Some(location.clone()),
            After::Start | After::Rows(_) => None,
        };
        let page = self.ports.bytes.list(after, self.batch()).await?;
        let last = page.items.last().map(|stored| After::Bytes(stored.location.clone()));
        let next = if page.more { last } else { None };
        let youngest = now.saturating_sub(self.options.upload_ttl);
        let old: Vec<_> = page.items.into_iter().filter(|stored| stored.modified < youngest).collect();
        let discarded = if old.is_empty() { 0 } else { self.ports.collection.discard_unnamed(&old, now).await? };
        Ok(Worked::new(discarded, next))
    }
}
