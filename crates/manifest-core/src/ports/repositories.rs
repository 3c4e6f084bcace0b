use crate::error::Port;
use crate::facts::{RepositoryState, Visibility};
use crate::time::Millis;
use async_trait::async_trait;
use oci_types::RepositoryName;

/// Repositories as such.
///
/// # What every adapter promises
///
/// - **R1.** `find` MUST answer `None` for a repository that does not exist or is being deleted.
/// - **R3.** `create` MUST make the repository at most once among concurrent callers; the others are told that it exists.
/// - **R4.** After `delete` the repository MUST be unknown to every call, its name free for a new one, and its rows MUST go with
///   [`Collection::sweep`](super::Collection::sweep).
/// - **R2.** `set_state` MUST be seen by every later `apply`, upload and mount.
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait Repositories: Send + Sync {
    /// The repository of that name.
    async fn find(&self, name: &RepositoryName) -> Port<Option<RepositoryRow>>;

    /// Makes a repository. `false` if there is one of that name already, which stays as it is.
    async fn create(&self, name: &RepositoryName, visibility: Visibility, now: Millis) -> Port<bool>;

    /// Marks a repository for deletion, whole: it is gone for everybody at once, its rows go in batches. `false` if there is none.
    async fn delete(&self, name: &RepositoryName, now: Millis) -> Port<bool>;

    /// Opens a repository for writes, or closes it. `false` if there is none. `RepositoryState::Absent` is an error of kind
    /// `Internal`: deletion has its own way.
    async fn set_state(&self, name: &RepositoryName, state: RepositoryState) -> Port<bool>;
}

/// A repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepositoryRow {
    /// Its name.
    pub name: RepositoryName,
    /// Open or read-only.
    pub state: RepositoryState,
    /// Who sees it.
    pub visibility: Visibility,
    /// Since when.
    pub created: Millis,
}
