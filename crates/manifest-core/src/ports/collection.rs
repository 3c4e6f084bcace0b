use super::Stored;
use crate::error::Port;
use crate::facts::Location;
use crate::time::Millis;
use async_trait::async_trait;

/// What sweepers need. Bytes leave a store by one way only: their location is put into the trash by the write that stops
/// naming it; a sweeper deletes the bytes, then the trash row.
///
/// # What every adapter promises
///
/// - **C1.** `sweep_uploads` MUST remove uploads that have expired (finished or not) and put the parts of unfinished ones into
///   the trash in the same write.
/// - **C2.** `trash` MUST list locations whose time has come, the longest due first, and MUST NOT list one that a blob row names.
/// - **C9.** `postpone_trash` MUST keep the named locations from being listed before the time, and others as they are.
/// - **C3.** `trash_emptied` MUST forget exactly the named locations; naming one that is not there is no error.
/// - **C4.** `discard_unnamed` MUST put into the trash those locations that no blob row, no trash row and no upload part names
///   and whose `upload` is not an unexpired, unfinished one, testing and writing in one transaction.
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait Collection: Send + Sync {
    /// Removes at most `limit` uploads that ended before `now`.
    async fn sweep_uploads(&self, limit: u32, now: Millis) -> Port<Swept>;

    /// At most `limit` locations to delete.
    async fn trash(&self, limit: u32, now: Millis) -> Port<Vec<Location>>;

    /// These are deleted.
    async fn trash_emptied(&self, locations: &[Location]) -> Port<()>;

    /// These could not be deleted: they are not listed again before that time.
    async fn postpone_trash(&self, locations: &[Location], not_before: Millis) -> Port<()>;

    /// Finds bytes that nobody owns among what a store lists. How many went into the trash.
    async fn discard_unnamed(&self, seen: &[Stored], now: Millis) -> Port<u64>;
}

/// What one step of a sweep did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Rows removed.
    pub removed: u64,
    /// Whether there may be more to do now.
    pub more: bool,
}
