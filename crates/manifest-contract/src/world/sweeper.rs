use super::fixture::{Fixture, Rows};
use super::names::must;
use manifest_core::Millis;
use manifest_core::ports::{Doomed, Record, SweepAsk, SweepCursor, SweepDone, SweepKind, Table};
use std::collections::{BTreeMap, BTreeSet};

/// More steps than any clause has rows, and more tries than any writer lets a lock be held for.
const ENDLESS: usize = 100_000;

/// The sweeps, in the order in which they depend on one another.
pub(crate) const KINDS: [SweepKind; 6] = [
    SweepKind::History,
    SweepKind::Manifests,
    SweepKind::LegacyImages,
    SweepKind::Access,
    SweepKind::Blobs,
    SweepKind::Repositories,
];

/// Someone who sweeps at a time. What ended longer ago than the window is over, and so is what outlived its lease by the grace.
#[derive(Clone)]
pub(crate) struct Sweeper {
    rows: Rows,
    pub(crate) now: Millis,
    pub(crate) window: i64,
    pub(crate) grace: i64,
    pub(crate) limit: u32,
}

impl Fixture {
    /// Sweeps at that time, with a window of 100 and a grace of 10.
    pub(crate) fn sweeper(&self, now: Millis) -> Sweeper {
        Sweeper { rows: self.rows.clone(), now, window: 100, grace: 10, limit: 200 }
    }

    /// Every row of a table.
    pub(crate) async fn records(&self, table: Table) -> Vec<Record> {
        must(self.rows.records.page(table, None, 100_000).await).items
    }

    /// The keys of a table.
    pub(crate) async fn keys(&self, table: Table) -> BTreeSet<String> {
        self.records(table).await.into_iter().map(|record| record.key).collect()
    }

    /// Every row of every table.
    pub(crate) async fn everything(&self) -> BTreeMap<Table, Vec<Record>> {
        let mut all = BTreeMap::new();
        for table in Table::ALL {
            all.insert(table, self.records(table).await);
        }
        all
    }
}

impl Sweeper {
    pub(crate) fn in_steps_of(self, limit: u32) -> Self {
        Self { limit, ..self }
    }

    /// Without window and grace: what is over is over at once.
    pub(crate) fn at_once(self) -> Self {
        Self { window: 0, grace: 0, ..self }
    }

    pub(crate) fn ask(&self, kind: SweepKind, after: Option<SweepCursor>) -> SweepAsk {
        let Self { now, window, grace, limit, .. } = *self;
        SweepAsk { kind, after, limit, now, window, grace }
    }

    /// One step, which is tried until it gets its lock.
    pub(crate) async fn step(&self, kind: SweepKind, after: Option<SweepCursor>) -> SweepDone {
        let mut removed = 0;
        for _ in 0..ENDLESS {
            let done = must(self.rows.collection.sweep(&self.ask(kind, after.clone())).await);
            removed += done.removed;
            if !done.busy {
                return SweepDone { removed, ..done };
            }
            tokio::task::yield_now().await;
        }
        panic!("a sweep of {kind:?} is busy for ever");
    }

    /// All steps of a sweep. How many rows were removed.
    pub(crate) async fn sweep(&self, kind: SweepKind) -> u64 {
        let (mut removed, mut after) = (0, None);
        for _ in 0..ENDLESS {
            let done = self.step(kind, after).await;
            removed += done.removed;
            if done.next.is_none() {
                return removed;
            }
            after = done.next;
        }
        panic!("a sweep of {kind:?} has no end");
    }

    /// All steps of the dry run of a sweep.
    pub(crate) async fn doomed(&self, kind: SweepKind) -> Vec<Doomed> {
        let (mut all, mut after) = (Vec::new(), None);
        for _ in 0..ENDLESS {
            let (doomed, next) = must(self.rows.collection.doomed(&self.ask(kind, after)).await);
            all.extend(doomed);
            if next.is_none() {
                return all;
            }
            after = next;
        }
        panic!("a dry run of {kind:?} has no end");
    }

    /// Sweeps of all kinds, until nothing goes any more.
    pub(crate) async fn collect(&self) {
        loop {
            let mut removed = 0;
            for kind in KINDS {
                removed += self.sweep(kind).await;
            }
            if removed == 0 {
                break;
            }
        }
    }
}
