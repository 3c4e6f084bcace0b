use super::Registry;
use crate::error::{Port, PortError};
use crate::facts::Location;
use crate::time::{HOUR, Millis, after};

/// How many rows one step handles, so that a step stays short and can be stopped between two.
const BATCH: u32 = 200;

/// What one step of the sweep did.
#[derive(Debug, Default)]
pub struct SweepReport {
    /// Expired uploads removed.
    pub uploads: u64,
    /// Locations whose bytes were deleted.
    pub deleted: u64,
    /// Whether there is more to do now.
    pub more: bool,
    /// Locations that could not be deleted, and why. They are tried again in an hour.
    pub failures: Vec<(Location, PortError)>,
}

/// What one step of the search for unnamed bytes did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnnamedStep {
    /// Where the next step goes on; none at the end of the store.
    pub next: Option<Location>,
    /// How many locations went into the trash.
    pub discarded: u64,
}

impl Registry {
    /// One step of the sweep: expired uploads go, and bytes in the trash are deleted. Whoever runs the registry schedules
    /// steps; several nodes may run them at once.
    ///
    /// # Errors
    ///
    /// A [`PortError`]; what was done stays done, and the next step goes on.
    pub async fn sweep_step(&self, now: Millis) -> Port<SweepReport> {
        let uploads = self.ports.collection.sweep_uploads(BATCH, now).await?;
        let doomed = self.ports.collection.trash(BATCH, now).await?;
        let full = doomed.len() >= BATCH as usize;
        let mut deleted = Vec::with_capacity(doomed.len());
        let mut failures = Vec::new();
        for location in doomed {
            match self.ports.bytes.delete(&location).await {
                Ok(()) => deleted.push(location),
                Err(error) => failures.push((location, error)),
            }
        }
        if !deleted.is_empty() {
            // Bytes first, then the row: a crash between the two deletes nothing twice that matters.
            self.ports.collection.trash_emptied(&deleted).await?;
        }
        if !failures.is_empty() {
            // One location that cannot be deleted must not stand in the way of those behind it.
            let stuck: Vec<Location> = failures.iter().map(|(location, _)| location.clone()).collect();
            self.ports.collection.postpone_trash(&stuck, after(now, HOUR)).await?;
        }
        Ok(SweepReport {
            uploads: uploads.removed,
            deleted: deleted.len() as u64,
            more: uploads.more || full,
            failures,
        })
    }

    /// One step of the search for bytes that no row names and that are older than an upload may be: a crash between storing
    /// bytes and naming them leaves such. They go into the trash, for [`Registry::sweep_step`] to delete.
    ///
    /// # Errors
    ///
    /// A [`PortError`].
    pub async fn sweep_unnamed_step(&self, after: Option<Location>, now: Millis) -> Port<UnnamedStep> {
        let page = self.ports.bytes.list(after, BATCH).await?;
        let next = if page.more { page.items.last().map(|stored| stored.location.clone()) } else { None };
        let youngest = now.saturating_sub(self.policy.upload_ttl);
        let old: Vec<_> = page.items.into_iter().filter(|stored| stored.modified < youngest).collect();
        let discarded = if old.is_empty() { 0 } else { self.ports.collection.discard_unnamed(&old, now).await? };
        Ok(UnnamedStep { next, discarded })
    }
}
