//! Collection as Quay does it: of one repository, with pins that wait out the history window as tags do.

use async_trait::async_trait;
use manifest_core::facts::Location;
use manifest_core::oci_types::{Digest, RepositoryName};
use manifest_core::ports::{Collection, Doomed, Reclaim, Stored, SweepAsk, SweepCursor, SweepDone, SweepKind, Swept};
use manifest_core::service::{Collector, CollectorOptions, Stage};
use manifest_core::{Millis, Policy, Port, Ports, Registry};
use std::sync::Arc;

/// Runs a collector until nothing is left to do, and says how many rows went.
///
/// The collector is told that it is `window` earlier, and that there is no window: what ended by then goes, pins included. Leases
/// have no window, so they get it back as grace.
pub(super) async fn collect(ports: &Ports, only: Option<&RepositoryName>, window: i64, now: Millis) -> Port<u64> {
    let mut ports = ports.clone();
    if let Some(only) = only {
        ports.collection = Arc::new(OneRepository { inner: ports.collection, only: only.clone() });
    }
    let registry = Registry::new(ports, Policy::default());
    // The store of bytes goes by a clock of its own, so nothing can be said about bytes that no row names.
    let options =
        CollectorOptions { window: 0, grace: -window, last: Stage::Trash, ..CollectorOptions::from(registry.policy()) };
    let (mut collector, mut removed) = (Collector::with_options(&registry, options), 0);
    loop {
        let (mut in_round, mut done) = (0, false);
        while !done {
            let step = collector.step(now.saturating_sub(window)).await?;
            done = step.done_round;
            // What uploads and bytes leave behind is no row of Quay's.
            in_round += if step.stage < Stage::Uploads { step.removed } else { 0 };
        }
        removed += in_round;
        if in_round == 0 {
            return Ok(removed);
        }
    }
}

/// The collection of one repository's rows, and of the blobs that nobody has: each row is looked at alone, and passed over if it is
/// of another repository.
struct OneRepository {
    inner: Arc<dyn Collection>,
    only: RepositoryName,
}

#[async_trait]
impl Collection for OneRepository {
    async fn sweep_uploads(&self, limit: u32, now: Millis) -> Port<Swept> {
        self.inner.sweep_uploads(limit, now).await
    }

    async fn sweep(&self, ask: &SweepAsk) -> Port<SweepDone> {
        if ask.kind == SweepKind::Blobs {
            return self.inner.sweep(ask).await;
        }
        let ask = SweepAsk { limit: 1, ..ask.clone() };
        let (doomed, next) = self.inner.doomed(&ask).await?;
        let is_others = |row: &Doomed| row.repository.as_ref().is_some_and(|repository| *repository != self.only);
        if doomed.iter().any(is_others) {
            return Ok(SweepDone { removed: 0, next, busy: false });
        }
        self.inner.sweep(&ask).await
    }

    async fn doomed(&self, ask: &SweepAsk) -> Port<(Vec<Doomed>, Option<SweepCursor>)> {
        self.inner.doomed(ask).await
    }

    async fn freed_by(&self, repository: &RepositoryName, digests: &[Digest], now: Millis) -> Port<Reclaim> {
        self.inner.freed_by(repository, digests, now).await
    }

    async fn reclaimable(&self, now: Millis, window: i64, grace: i64) -> Port<Reclaim> {
        self.inner.reclaimable(now, window, grace).await
    }

    async fn trash(&self, limit: u32, now: Millis) -> Port<Vec<Location>> {
        self.inner.trash(limit, now).await
    }

    async fn trash_emptied(&self, locations: &[Location]) -> Port<()> {
        self.inner.trash_emptied(locations).await
    }

    async fn postpone_trash(&self, locations: &[Location], not_before: Millis) -> Port<()> {
        self.inner.postpone_trash(locations, not_before).await
    }

    async fn discard_unnamed(&self, seen: &[Stored], now: Millis) -> Port<u64> {
        self.inner.discard_unnamed(seen, now).await
    }
}
