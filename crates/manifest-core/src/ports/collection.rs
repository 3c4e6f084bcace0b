use super::Stored;
use crate::error::Port;
use crate::facts::Location;
use crate::time::Millis;
use async_trait::async_trait;
use oci_types::{Digest, RepositoryName};

/// What sweepers need. Bytes leave a store by one way only: their location is put into the trash by the write that stops
/// naming it; a sweeper deletes the bytes, then the trash row.
///
/// # What every adapter promises
///
/// - **C1.** `sweep_uploads` MUST remove uploads that have expired (finished or not) and put the parts of unfinished ones into
///   the trash in the same write.
/// - **C5.** `sweep` MUST remove only rows that its kind describes at the moment of the write, whatever other writers do meanwhile: a manifest
///   that is pushed, tagged or revived, or a blob that is mounted or linked, in time survives.
/// - **C6.** Steps that go on until there is no `next` MUST have looked at every row that was there from start to end.
/// - **C7.** `doomed` MUST name exactly what `sweep` would remove in the same state, and write nothing.
/// - **C8.** `freed_by` and `reclaimable` MUST count each blob once, and only those whose last access row would go.
/// - **C2.** `trash` MUST list locations whose time has come, the longest due first, and MUST NOT list one that a blob row names.
/// - **C9.** `postpone_trash` MUST keep the named locations from being listed before the time, and others as they are.
/// - **C3.** `trash_emptied` MUST forget exactly the named locations; naming one that is not there is no error.
/// - **C4.** `discard_unnamed` MUST put into the trash those locations that no blob row, no trash row and no upload part names
///   and whose `upload` is not an unfinished one, testing and writing in one transaction. An upload that has expired names its bytes
///   until it is swept: a finish that passed its check before may be about to name them for good.
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait Collection: Send + Sync {
    /// Removes at most `limit` uploads that ended before `now`.
    async fn sweep_uploads(&self, limit: u32, now: Millis) -> Port<Swept>;

    /// One step of a sweep.
    async fn sweep(&self, ask: &SweepAsk) -> Port<SweepDone>;

    /// What the same step would remove: reads only. The cursor goes on as that of `sweep`.
    async fn doomed(&self, ask: &SweepAsk) -> Port<(Vec<Doomed>, Option<SweepCursor>)>;

    /// What would be freed if these manifests of a repository were purged: blobs that only they hold, in any repository.
    async fn freed_by(&self, repository: &RepositoryName, digests: &[Digest], now: Millis) -> Port<Reclaim>;

    /// What a whole collection would free now, exact under sharing.
    async fn reclaimable(&self, now: Millis, window: i64, grace: i64) -> Port<Reclaim>;

    /// At most `limit` locations to delete.
    async fn trash(&self, limit: u32, now: Millis) -> Port<Vec<Location>>;

    /// These are deleted.
    async fn trash_emptied(&self, locations: &[Location]) -> Port<()>;

    /// These could not be deleted: they are not listed again before that time.
    async fn postpone_trash(&self, locations: &[Location], not_before: Millis) -> Port<()>;

    /// Finds bytes that nobody owns among what a store lists. How many went into the trash.
    async fn discard_unnamed(&self, seen: &[Stored], now: Millis) -> Port<u64>;
}

/// Which rows a sweep is about, in the order in which they depend on one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SweepKind {
    /// Intervals of tags that ended by `now − window`: history rows, and rows of tags that expired by then.
    History,
    /// Manifests that are not retained: not kept at `now − window`.
    Manifests,
    /// Legacy images that no manifest row, deleted or not, reaches: none has it or an image above it. A step need not walk through
    /// more than 1,000 images above one; one that has more may stay until those are gone.
    LegacyImages,
    /// Access rows whose lease ended by `now − grace` and whose digest no manifest row, deleted or not, links.
    Access,
    /// Blob rows to which no access row refers. Their locations go into the trash in the same write. The shared empty layer stays.
    Blobs,
    /// Rows of repositories that are marked for deletion.
    Repositories,
}

/// One step of a sweep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SweepAsk {
    /// Of what.
    pub kind: SweepKind,
    /// Where the last step ended; from the start if none.
    pub after: Option<SweepCursor>,
    /// Look at no more rows than that; at most 200.
    pub limit: u32,
    /// When.
    pub now: Millis,
    /// The history window, in milliseconds.
    pub window: i64,
    /// How long access rows outlive their lease, in milliseconds.
    pub grace: i64,
}

/// Where a step of a sweep ended. Opaque to everyone but the adapter that made it, stable across steps and processes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SweepCursor(pub String);

/// What one step of a sweep did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SweepDone {
    /// Rows removed.
    pub removed: u64,
    /// Where the next step goes on; none at the end.
    pub next: Option<SweepCursor>,
    /// A lock could not be had, so rows of this step may have been left: try again.
    pub busy: bool,
}

/// A row that a sweep would remove.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Doomed {
    /// In which repository; none for blob rows.
    pub repository: Option<RepositoryName>,
    /// What: a tag's interval as `name@start`, a manifest's or blob's digest, a legacy image's id, a repository's name.
    pub what: String,
    /// Since when it might have gone: when what held it ended. None where it never was held.
    pub since: Option<Millis>,
    /// How many bytes of blobs go with the row itself (only for [`SweepKind::Blobs`]).
    pub bytes: u64,
}

/// What removing rows would free.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reclaim {
    /// Manifests.
    pub manifests: u64,
    /// Blobs whose bytes go, each counted once however often it is shared.
    pub blobs: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// What one step of a sweep of uploads did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Rows removed.
    pub removed: u64,
    /// Whether there may be more to do now.
    pub more: bool,
}
