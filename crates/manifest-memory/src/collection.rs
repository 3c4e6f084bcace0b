use crate::store::MemoryStore;
use async_trait::async_trait;
use manifest_core::facts::Location;
use manifest_core::ports::{Collection, Doomed, Reclaim, Stored, SweepAsk, SweepCursor, SweepDone, Swept, UploadId};
use manifest_core::{Millis, Port};
use oci_types::{Digest, RepositoryName};

#[async_trait]
impl Collection for MemoryStore {
    async fn sweep_uploads(&self, limit: u32, now: Millis) -> Port<Swept> {
        let mut state = self.write()?;
        let mut ended = state.upload_ends.iter().take_while(|(expires, _)| *expires <= now);
        let batch: Vec<UploadId> = ended.by_ref().take(count(limit)).map(|(_, id)| *id).collect();
        let more = ended.next().is_some();
        for id in &batch {
            state.drop_upload(id, now);
        }
        Ok(Swept { removed: batch.len() as u64, more })
    }

    async fn sweep(&self, ask: &SweepAsk) -> Port<SweepDone> {
        self.write()?.sweep(ask)
    }

    async fn doomed(&self, ask: &SweepAsk) -> Port<(Vec<Doomed>, Option<SweepCursor>)> {
        let found = self.read()?.look(ask)?;
        Ok((found.doomed.into_iter().map(|(_, doomed)| doomed).collect(), found.next))
    }

    async fn freed_by(&self, repository: &RepositoryName, digests: &[Digest], now: Millis) -> Port<Reclaim> {
        Ok(self.read()?.freed_by(repository, digests, now))
    }

    async fn reclaimable(&self, now: Millis, window: i64, grace: i64) -> Port<Reclaim> {
        Ok(self.read()?.reclaimable(now, window, grace))
    }

    async fn trash(&self, limit: u32, now: Millis) -> Port<Vec<Location>> {
        Ok(self.read()?.trash.due(count(limit), now))
    }

    async fn trash_emptied(&self, locations: &[Location]) -> Port<()> {
        let mut state = self.write()?;
        for location in locations {
            state.trash.forget(location);
        }
        Ok(())
    }

    async fn postpone_trash(&self, locations: &[Location], not_before: Millis) -> Port<()> {
        let mut state = self.write()?;
        for location in locations {
            state.trash.postpone(location, not_before);
        }
        Ok(())
    }

    async fn discard_unnamed(&self, seen: &[Stored], now: Millis) -> Port<u64> {
        let mut state = self.write()?;
        let mut discarded = 0;
        for stored in seen {
            // An expired one names its bytes until it is swept: a finish may be about to name them for good.
            let writing = state.uploads.get(&stored.upload).is_some_and(|upload| upload.finished.is_none());
            if !writing && !state.names(&stored.location) {
                state.trash.put(&stored.location, now);
                discarded += 1;
            }
        }
        Ok(discarded)
    }
}

fn count(limit: u32) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}
