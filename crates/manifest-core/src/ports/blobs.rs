use crate::access::ReadScope;
use crate::error::Port;
use crate::facts::{Blob, Visibility};
use crate::time::Millis;
use async_trait::async_trait;
use oci_types::{Digest, RepositoryName};

/// Which repository grants access to which blob.
///
/// A repository grants access iff it has an *access row* for the digest and (the row's lease is later than the time asked for,
/// or an undeleted manifest of the repository links the digest). A blob that merely exists somewhere grants nothing.
///
/// # What every adapter promises
///
/// - **B1.** `find` MUST answer by the rule above, for the repository alone.
/// - **B2.** `mount` MUST succeed iff a source in the scope grants access at `now`; the new access row MUST be there for every
///   later call, with a lease of at least `lease_until`, and name the source's location.
/// - **B3.** `mount` MUST NOT tell a blob that is out of the scope from one that does not exist.
/// - **B4.** `remove` MUST answer [`Removal::StillLinked`] while an undeleted manifest of the repository links the blob, and
///   change nothing then. Other repositories keep their access.
/// - **B5.** The shared empty layer is served by the core from a constant; adapters need not hold its bytes.
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait Blobs: Send + Sync {
    /// The blob, if the repository grants access and, where only a lease does, the lease is later than `usable_after`.
    /// Budget: one statement.
    async fn find(&self, repository: &RepositoryName, digest: &Digest, usable_after: Millis) -> Port<Option<Blob>>;

    /// Gives a repository access to a blob that another one has.
    async fn mount(&self, ask: &MountAsk) -> Port<Mounted>;

    /// Takes access away.
    async fn remove(&self, repository: &RepositoryName, digest: &Digest, now: Millis) -> Port<Removal>;
}

/// A mount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MountAsk {
    /// Into which repository.
    pub to: RepositoryName,
    /// From where.
    pub from: MountSource,
    /// Which blob.
    pub digest: Digest,
    /// Until when access lasts without a manifest.
    pub lease_until: Millis,
    /// Create the repository with this visibility if it is absent.
    pub create_repository: Option<Visibility>,
    /// When.
    pub now: Millis,
}

/// Where a blob may be mounted from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MountSource {
    /// This repository, which the caller may read.
    Repository(RepositoryName),
    /// Any repository in the scope.
    Scope(ReadScope),
}

/// What a mount came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mounted {
    /// The repository has the blob now.
    Done(Blob),
    /// No source in the scope grants access.
    NotFound,
    /// There is no target repository and the ask does not create it.
    RepositoryGone,
    /// The target repository takes no writes.
    ReadOnly,
}

/// What a removal came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removal {
    /// Access is gone.
    Removed,
    /// There was none.
    Absent,
    /// An undeleted manifest links the blob.
    StillLinked,
    /// The repository takes no writes.
    ReadOnly,
}
