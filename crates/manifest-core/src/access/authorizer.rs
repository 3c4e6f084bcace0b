use super::{Caller, ReadScope};
use crate::error::Port;
use async_trait::async_trait;
use oci_types::RepositoryName;

/// What somebody wants to do in a repository, or in the registry as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// Read manifests, blobs, tags and referrers.
    Pull,
    /// Upload blobs and push manifests under new tags or by digest.
    Push,
    /// Move a tag that exists to another manifest.
    Overwrite,
    /// Bring a repository into being by pushing to it.
    Create,
    /// Delete tags, manifests and blobs.
    Delete,
    /// Change a repository's state, purge, and all else.
    Admin,
}

/// One thing that a request needs to be allowed. Without a repository, it is about the registry (the catalogue).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccessAsk {
    /// Where.
    pub repository: Option<RepositoryName>,
    /// What.
    pub action: Action,
}

impl AccessAsk {
    /// That action in that repository.
    #[must_use]
    pub fn new(repository: &RepositoryName, action: Action) -> Self {
        Self { repository: Some(repository.clone()), action }
    }
}

/// The answer to one [`AccessAsk`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Go ahead.
    Allow,
    /// Not as this caller, but perhaps with (other) credentials: 401 with a challenge.
    Challenge,
    /// No, and other credentials of the same caller would not help: 403.
    Deny,
    /// No, and whether the repository exists is not this caller's business: as if it did not exist.
    Hide,
}

/// Why a use case ended before anything was looked up. What is hidden has no refusal of its own: each use case answers as if
/// it did not exist.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccessRefusal {
    /// Credentials are needed, or better ones. The asks are what a token would have to grant.
    #[error("authentication is required")]
    Challenge(Vec<AccessAsk>),
    /// This caller may not.
    #[error("the caller may not {}", ask_words(.0))]
    Denied(AccessAsk),
}

fn ask_words(ask: &AccessAsk) -> String {
    let verb = match ask.action {
        Action::Pull => "pull from",
        Action::Push => "push to",
        Action::Overwrite => "overwrite tags in",
        Action::Create => "create",
        Action::Delete => "delete in",
        Action::Admin => "administer",
    };
    match &ask.repository {
        Some(name) => format!("{verb} {name}"),
        None => format!("{verb} the registry"),
    }
}

/// Decides what callers may do. Called by the use cases before any fact is looked up, never by handlers.
///
/// # What every implementation promises
///
/// - **X1.** `decide` MUST answer one decision for each ask, in the order of the asks.
/// - **X2.** It MUST NOT look at whether a repository, tag or blob exists: the answer for a name that does not exist
///   is the answer that the caller would get if it did.
/// - **X3.** `read_scope` MUST cover exactly the repositories for which `decide` allows [`Action::Pull`].
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait Authorizer: Send + Sync {
    /// One decision for each ask, in order.
    ///
    /// # Errors
    ///
    /// A [`PortError`](crate::PortError) if it cannot be decided now. Nothing is allowed then.
    async fn decide(&self, caller: &Caller, asks: &[AccessAsk]) -> Port<Vec<Decision>>;

    /// What this caller may read, as a value that listings, search and mounts are filtered by.
    ///
    /// # Errors
    ///
    /// A [`PortError`](crate::PortError) if it cannot be decided now. Nothing is readable then.
    async fn read_scope(&self, caller: &Caller) -> Port<ReadScope>;
}

/// Everybody may do everything. For a laptop, a closed network, and tests.
#[derive(Clone, Copy, Debug, Default)]
pub struct AllowAll;

#[async_trait]
impl Authorizer for AllowAll {
    async fn decide(&self, _caller: &Caller, asks: &[AccessAsk]) -> Port<Vec<Decision>> {
        Ok(vec![Decision::Allow; asks.len()])
    }

    async fn read_scope(&self, _caller: &Caller) -> Port<ReadScope> {
        Ok(ReadScope::All)
    }
}
