use crate::ops::collection;
use crate::ops::sweep::{self, reclaim};
use crate::store::SqliteStore;
use async_trait::async_trait;
use manifest_core::error::Port;
use manifest_core::facts::Location;
use manifest_core::ports::{Collection, Doomed, Reclaim, Stored, SweepAsk, SweepCursor, SweepDone, Swept};
use manifest_core::time::Millis;
use oci_types::{Digest, RepositoryName};

#[async_trait]
impl Collection for SqliteStore {
    async fn sweep_uploads(&self, limit: u32, now: Millis) -> Port<Swept> {
        self.write(move |connection| collection::sweep_uploads(connection, limit, now)).await
    }

    async fn sweep(&self, ask: &SweepAsk) -> Port<SweepDone> {
        let (looking, ask) = (ask.clone(), ask.clone());
        let looked = self.read_page(usize::MAX, move |connection| sweep::look(connection, &looking)).await?;
        if looked.doomed.is_empty() {
            // Nothing to write, so the writer is left alone.
            return Ok(SweepDone { next: looked.next, ..SweepDone::default() });
        }
        let known = self.known_images();
        let remove = move |connection: &mut _| {
            // Images may be among the rows.
            known.forget();
            sweep::remove(connection, &ask, &looked)
        };
        self.write(remove).await
    }

    async fn doomed(&self, ask: &SweepAsk) -> Port<(Vec<Doomed>, Option<SweepCursor>)> {
        let ask = ask.clone();
        let looked = self.read_page(usize::MAX, move |connection| sweep::look(connection, &ask)).await?;
        Ok((looked.doomed, looked.next))
    }

    async fn freed_by(&self, repository: &RepositoryName, digests: &[Digest], now: Millis) -> Port<Reclaim> {
        let (repository, digests) = (repository.clone(), digests.to_vec());
        let read = move |connection: &mut _| reclaim::freed_by(connection, &repository, &digests, now);
        self.read_page(usize::MAX, read).await
    }

    async fn reclaimable(&self, now: Millis, window: i64, grace: i64) -> Port<Reclaim> {
        self.read_page(usize::MAX, move |connection| reclaim::reclaimable(connection, now, window, grace)).await
    }

    async fn trash(&self, limit: u32, now: Millis) -> Port<Vec<Location>> {
        self.read_page(limit as usize, move |connection| collection::trash(connection, limit, now)).await
    }

    async fn trash_emptied(&self, locations: &[Location]) -> Port<()> {
        let locations = locations.to_vec();
        self.write(move |connection| collection::trash_emptied(connection, &locations)).await
    }

    async fn postpone_trash(&self, locations: &[Location], not_before: Millis) -> Port<()> {
        let locations = locations.to_vec();
        self.write(move |connection| collection::postpone_trash(connection, &locations, not_before)).await
    }

    async fn discard_unnamed(&self, seen: &[Stored], now: Millis) -> Port<u64> {
        let seen = seen.to_vec();
        self.write(move |connection| collection::discard_unnamed(connection, &seen, now)).await
    }
}
