use crate::ops::sweep::{self, reclaim};
use crate::ops::{collection, writes};
use crate::store::PostgresStore;
use async_trait::async_trait;
use manifest_core::error::Port;
use manifest_core::facts::Location;
use manifest_core::ports::{Collection, Doomed, Reclaim, Stored, SweepAsk, SweepCursor, SweepDone, Swept};
use manifest_core::time::Millis;
use oci_types::{Digest, RepositoryName};

#[async_trait]
impl Collection for PostgresStore {
    async fn sweep_uploads(&self, limit: u32, now: Millis) -> Port<Swept> {
        writes::sweep_uploads(self, limit, now).await
    }

    async fn sweep(&self, ask: &SweepAsk) -> Port<SweepDone> {
        let looked = sweep::look(self, ask).await?;
        if looked.doomed.is_empty() {
            // Nothing to write, so no lock is asked for.
            return Ok(SweepDone { next: looked.next, ..SweepDone::default() });
        }
        writes::sweep(self, ask, &looked).await
    }

    async fn doomed(&self, ask: &SweepAsk) -> Port<(Vec<Doomed>, Option<SweepCursor>)> {
        let looked = sweep::look(self, ask).await?;
        Ok((looked.doomed, looked.next))
    }

    async fn freed_by(&self, repository: &RepositoryName, digests: &[Digest], now: Millis) -> Port<Reclaim> {
        reclaim::freed_by(self, repository, digests, now).await
    }

    async fn reclaimable(&self, now: Millis, window: i64, grace: i64) -> Port<Reclaim> {
        reclaim::reclaimable(self, now, window, grace).await
    }

    async fn trash(&self, limit: u32, now: Millis) -> Port<Vec<Location>> {
        collection::trash(self, limit, now).await
    }

    async fn trash_emptied(&self, locations: &[Location]) -> Port<()> {
        writes::trash_emptied(self, locations).await
    }

    async fn postpone_trash(&self, locations: &[Location], not_before: Millis) -> Port<()> {
        writes::postpone_trash(self, locations, not_before).await
    }

    async fn discard_unnamed(&self, seen: &[Stored], now: Millis) -> Port<u64> {
        writes::discard_unnamed(self, seen, now).await
    }
}
