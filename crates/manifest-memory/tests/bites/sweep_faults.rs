//! What sweeps and their dry runs may do wrong: C5 to C8.

use crate::caught::caught;
use crate::faulty::Fault;
use async_trait::async_trait;
use manifest_core::plan::{Applied, Pin, Plan};
use manifest_core::ports::{
    Blobs, Collection, Doomed, Manifests, MountAsk, Mounted, Reclaim, SweepAsk, SweepCursor, SweepDone, SweepKind,
};
use manifest_core::{Millis, Port};
use manifest_memory::MemoryStore;
use oci_types::{Digest, RepositoryName};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Sweeps that have another idea of when something is over.
#[derive(Clone, Copy)]
enum Sweeps {
    WithoutWindow,
    WithoutGrace,
    OneStepOnly,
    PastARowInEachStep,
}

#[async_trait]
impl Fault for Sweeps {
    async fn sweep(&self, store: &MemoryStore, ask: &SweepAsk) -> Port<SweepDone> {
        let mut ask = ask.clone();
        match self {
            Self::WithoutWindow => ask.window = 0,
            Self::WithoutGrace => ask.grace = 0,
            Self::OneStepOnly | Self::PastARowInEachStep => {}
        }
        let mut done = store.sweep(&ask).await?;
        match self {
            Self::WithoutWindow | Self::WithoutGrace => {}
            Self::OneStepOnly => done.next = None,
            Self::PastARowInEachStep => {
                if done.next.is_some() {
                    let skipped = SweepAsk { after: done.next, limit: 1, ..ask };
                    done.next = store.doomed(&skipped).await?.1;
                }
            }
        }
        Ok(done)
    }
}

#[test]
fn c5_what_goes_too_early() {
    let clauses = [
        "c5_intervals_go_when_the_window_is_over",
        "c5_manifests_go_when_nothing_keeps_them_any_more",
        "c5_ancestors_retain_what_they_hold",
    ];
    caught(clauses, &Sweeps::WithoutWindow);
    caught(["c5_access_goes_when_nothing_needs_it"], &Sweeps::WithoutGrace);
}

#[test]
fn c6_rows_that_nobody_looks_at() {
    let clauses = ["c6_steps_of_every_size_look_at_every_row"];
    caught(clauses, &Sweeps::OneStepOnly);
    caught(clauses, &Sweeps::PastARowInEachStep);
}

/// What somebody else may do in the middle of a write.
#[derive(Clone, Default)]
struct Meanwhile(Arc<AtomicU64>);

impl Meanwhile {
    fn done(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    /// Lets somebody else go first, if there is one.
    async fn wait(&self) {
        let before = self.0.load(Ordering::SeqCst);
        for _ in 0..1_000 {
            if self.0.load(Ordering::SeqCst) != before {
                break;
            }
            tokio::task::yield_now().await;
        }
    }
}

/// Makes a list of what goes, and removes it later, whatever was written meanwhile.
#[derive(Clone, Default)]
struct SweepsByAnOldList(Meanwhile);

#[async_trait]
impl Fault for SweepsByAnOldList {
    async fn apply(&self, store: &MemoryStore, plan: &Plan) -> Port<Applied> {
        let answer = store.apply(plan).await;
        self.0.done();
        answer
    }

    async fn mount(&self, store: &MemoryStore, ask: &MountAsk) -> Port<Mounted> {
        let answer = store.mount(ask).await;
        self.0.done();
        answer
    }

    async fn sweep(&self, store: &MemoryStore, ask: &SweepAsk) -> Port<SweepDone> {
        let (doomed, next) = store.doomed(ask).await?;
        self.0.wait().await;
        let removed = doomed.len() as u64;
        for (repository, what) in doomed.into_iter().filter_map(|row| Some((row.repository?, row.what))) {
            let digest = what.parse::<Digest>();
            match (ask.kind, digest) {
                (SweepKind::Manifests, Ok(digest)) => purge(store, repository, digest).await?,
                (SweepKind::Access, Ok(digest)) => drop(store.remove(&repository, &digest, Millis::MIN).await?),
                _ => {}
            }
        }
        match ask.kind {
            SweepKind::Manifests | SweepKind::Access => Ok(SweepDone { removed, next, busy: false }),
            SweepKind::History | SweepKind::LegacyImages | SweepKind::Blobs | SweepKind::Repositories => {
                store.sweep(ask).await
            }
        }
    }
}

async fn purge(store: &MemoryStore, repository: RepositoryName, digest: Digest) -> Port<()> {
    let plan = Plan {
        repository,
        create_repository: None,
        now: Millis::MAX - 1,
        actor: None,
        manifest: None,
        tags: Vec::new(),
        pin: None,
        displaced_until: None,
        delete: None,
        labels: None,
        purge: BTreeSet::from([digest]),
    };
    store.apply(&plan).await.map(drop)
}

#[test]
fn c5_what_was_written_meanwhile() {
    let clauses = [
        "c5_a_manifest_that_is_tagged_in_time_survives",
        "c5_a_manifest_that_is_pushed_or_revived_in_time_survives",
        "c5_a_manifest_that_is_pinned_in_time_survives",
    ];
    for clause in clauses {
        caught([clause], &SweepsByAnOldList::default());
    }
}

/// Pins what a tag leaves behind in a write of its own.
#[derive(Clone, Default)]
struct PinsLater(Meanwhile);

#[async_trait]
impl Fault for PinsLater {
    async fn apply(&self, store: &MemoryStore, plan: &Plan) -> Port<Applied> {
        let answer = store.apply(&Plan { displaced_until: None, ..plan.clone() }).await?;
        if let (Applied::Done { displaced, .. }, Some(until)) = (&answer, plan.displaced_until) {
            self.0.wait().await;
            for digest in displaced.values() {
                let pin = Some(Pin { digest: *digest, until });
                let later = Plan { manifest: None, tags: Vec::new(), displaced_until: None, pin, ..plan.clone() };
                store.apply(&later).await?;
            }
        }
        Ok(answer)
    }

    async fn sweep(&self, store: &MemoryStore, ask: &SweepAsk) -> Port<SweepDone> {
        let done = store.sweep(ask).await;
        self.0.done();
        done
    }
}

#[test]
fn c5_a_pin_that_comes_too_late() {
    caught(["c5_what_a_moved_tag_leaves_behind_survives_by_its_pin"], &PinsLater::default());
}

/// Dry runs that are something else.
#[derive(Clone, Copy)]
enum DryRuns {
    Sweep,
    ForgetARow,
    GuessNothing,
}

#[async_trait]
impl Fault for DryRuns {
    async fn doomed(&self, store: &MemoryStore, ask: &SweepAsk) -> Port<(Vec<Doomed>, Option<SweepCursor>)> {
        let (mut doomed, next) = store.doomed(ask).await?;
        match self {
            Self::Sweep => drop(store.sweep(ask).await?),
            Self::ForgetARow => drop(doomed.pop()),
            Self::GuessNothing => doomed.iter_mut().for_each(|row| row.since = None),
        }
        Ok((doomed, next))
    }
}

#[test]
fn c7_a_dry_run_that_is_none_or_another_one() {
    caught(["c7_a_dry_run_names_what_the_sweep_removes"], &DryRuns::Sweep);
    let clauses = ["c7_a_dry_run_names_what_the_sweep_removes", "c7_each_step_names_what_the_same_step_removes"];
    caught(clauses, &DryRuns::ForgetARow);
    caught(["c7_a_dry_run_says_since_when"], &DryRuns::GuessNothing);
}

/// Counts manifest by manifest, and everything twice.
#[derive(Clone)]
struct CountsTwice;

#[async_trait]
impl Fault for CountsTwice {
    async fn freed_by(
        &self,
        store: &MemoryStore,
        repository: &RepositoryName,
        digests: &[Digest],
        now: Millis,
    ) -> Port<Reclaim> {
        let mut sum = Reclaim::default();
        for digest in digests {
            let one = store.freed_by(repository, &[*digest], now).await?;
            sum.manifests += one.manifests;
            sum.blobs += one.blobs;
            sum.bytes += one.bytes;
        }
        Ok(sum)
    }

    async fn reclaimable(&self, store: &MemoryStore, now: Millis, _: i64, _: i64) -> Port<Reclaim> {
        store.reclaimable(now, 0, 0).await
    }
}

#[test]
fn c8_blobs_that_are_shared_or_not_free_yet() {
    let clauses = ["c8_a_purge_frees_what_only_it_holds", "c8_what_is_reclaimable_is_what_a_collection_frees"];
    caught(clauses, &CountsTwice);
}
