use super::Registry;
use crate::error::Port;
use crate::facts::Location;
use crate::time::Millis;

/// How many rows one step handles, so that a step stays short and can be stopped between two.
const BATCH: u32 = 200;

/// What one step of the sweep did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SweepReport {
    /// Expired uploads removed.
    pub uploads: u64,
    /// Locations whose bytes were deleted.
    pub deleted: u64,
    /// Whether there is more to do now.
    pub more: bool,
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
    /// A [`PortError`](crate::PortError); what was done stays done, and the next step goes on.
    pub async fn sweep_step(&self, now: Millis) -> Port<SweepReport> {
        let uploads = self.ports.collection.sweep_uploads(BATCH, now).await?;
        let doomed = self.ports.collection.trash(BATCH, now).await?;
        for location in &doomed {
            self.ports.bytes.delete(location).await?;
        }
        if !doomed.is_empty() {
            // Bytes first, then the row: a crash between the two deletes nothing twice that matters.
            self.ports.collection.trash_emptied(&doomed).await?;
        }
        let full = doomed.len() >= BATCH as usize;
        Ok(SweepReport { uploads: uploads.removed, deleted: doomed.len() as u64, more: uploads.more || full })
    }

    /// One step of the search for bytes that no row names and that are older than an upload may be: a crash between storing
    /// bytes and naming them leaves such. They go into the trash, for [`Registry::sweep_step`] to delete.
    ///
    /// # Errors
    ///
    /// A [`PortError`](crate::PortError).
    pub async fn sweep_unnamed_step(&self, after: Option<Location>, now: Millis) -> Port<UnnamedStep> {
        let page = self.ports.bytes.list(after, BATCH).await?;
        let next = if page.more { page.items.last().map(|stored| stored.location.clone()) } else { None };
        let youngest = now.saturating_sub(self.policy.upload_ttl);
        let old: Vec<_> = page.items.into_iter().filter(|stored| stored.modified < youngest).collect();
        let discarded = if old.is_empty() { 0 } else { self.ports.collection.discard_unnamed(&old, now).await? };
        Ok(UnnamedStep { next, discarded })
    }
}
