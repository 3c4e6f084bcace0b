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
/// - **R2.** `set_state` MUST be seen by every later `apply`, upload and mount.
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait Repositories: Send + Sync {
    /// The repository of that name.
    async fn find(&self, name: &RepositoryName) -> Port<Option<RepositoryRow>>;

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
