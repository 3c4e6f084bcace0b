use super::authorize::UseCaseError;
use super::fetch::{FetchError, Manifest};
use super::{ATTEMPTS, Registry};
use crate::access::{AccessRefusal, Action, Context};
use crate::error::PortError;
use crate::plan::{Applied, plan_pin};
use crate::ports::{FetchAsk, Liveness, Support, SupportAsk};
use crate::time::Millis;
use oci_types::{Digest, Reference, RepositoryName, TagName};

/// Which manifests a lookup by digest finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// Undeleted ones that an alive tag holds, itself or through its ancestors: neither pins nor the history count.
    Tagged,
    /// Undeleted ones that are kept: what the registry serves (semantics 4).
    Visible,
    /// All that are not deleted, kept or not.
    Undeleted,
    /// All that are still there, deleted or not.
    Any,
}

impl Lookup {
    fn liveness(self) -> Liveness {
        match self {
            Self::Tagged | Self::Visible => Liveness::Visible,
            Self::Undeleted => Liveness::Undeleted,
            Self::Any => Liveness::Any,
        }
    }

    /// What is served to everybody who may pull is no secret; what is hidden is for administrators.
    fn action(self) -> Action {
        match self {
            Self::Tagged | Self::Visible => Action::Pull,
            Self::Undeleted | Self::Any => Action::Admin,
        }
    }
}

/// Why there is no manifest as of that time.
#[derive(Debug, thiserror::Error)]
pub enum ManifestAtError {
    /// The time has not come yet.
    #[error("{at} is later than now, {now}")]
    Future {
        /// What was asked for, in milliseconds since 1970.
        at: Millis,
        /// The time of the request, likewise.
        now: Millis,
    },
    /// It was not found, as in any fetch. `ManifestUnknown` also where the tag did not exist at the time.
    #[error(transparent)]
    Fetch(#[from] FetchError),
}

/// Why a manifest was not made sure of.
#[derive(Debug, thiserror::Error)]
pub enum RequireError {
    /// The caller may not do that here.
    #[error(transparent)]
    Access(#[from] AccessRefusal),
    /// It was not found, as in any fetch.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// The repository takes no writes, and pinning is one.
    #[error("repository {0} is read-only")]
    ReadOnly(RepositoryName),
    /// Others kept changing what this depends on.
    #[error("other writers kept changing what this depends on")]
    Contended,
    /// A port failed.
    #[error(transparent)]
    Port(#[from] PortError),
}

impl UseCaseError for RequireError {
    fn hidden(repository: &RepositoryName) -> Self {
        Self::Fetch(FetchError::RepositoryUnknown(repository.clone()))
    }
}

impl Registry {
    /// The manifest that a tag pointed at, at a time: in the interval with `start ≤ at < end`. It must still be there
    /// undeleted.
    ///
    /// Example: [the guide](crate::guide#as-of-a-time). As JSON: `docs/api.md`, "As of a time".
    ///
    /// # Errors
    ///
    /// [`ManifestAtError`]: `Future` for a time that has not come, `ManifestUnknown` before the first push, between
    /// two intervals, and past what the history still holds.
    pub async fn manifest_at(
        &self,
        cx: &Context,
        repository: &RepositoryName,
        tag: &TagName,
        at: Millis,
    ) -> Result<Manifest, ManifestAtError> {
        self.authorize::<FetchError>(cx, repository, Action::Pull).await?;
        if at > cx.now {
            return Err(ManifestAtError::Future { at, now: cx.now });
        }
        let reference = Reference::Tag(tag.clone());
        let ask = FetchAsk { at: Some(at), ..fetch_ask(cx, repository, reference, Liveness::Visible) };
        Ok(self.follow(ask).await?)
    }

    /// A manifest by digest, whatever became of it, until it is collected. For administrators.
    ///
    /// Example: [the guide](crate::guide#fetching). Not over HTTP.
    ///
    /// # Errors
    ///
    /// [`FetchError`]; never `TagExpired`.
    pub async fn manifest_any(
        &self,
        cx: &Context,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<Manifest, FetchError> {
        self.lookup(cx, repository, digest, Lookup::Any).await
    }

    /// A manifest by digest, by the rule that is asked for. What is not served to everybody is for administrators.
    ///
    /// Example: [the guide](crate::guide#fetching). Not over HTTP.
    ///
    /// # Errors
    ///
    /// [`FetchError`]; never `TagExpired`.
    pub async fn lookup(
        &self,
        cx: &Context,
        repository: &RepositoryName,
        digest: &Digest,
        lookup: Lookup,
    ) -> Result<Manifest, FetchError> {
        self.authorize::<FetchError>(cx, repository, lookup.action()).await?;
        self.find(cx, repository, digest, lookup).await
    }

    /// A manifest by digest that is there until `until` at least, whatever happens to its tags: it is looked up and
    /// pinned. A deleted one is never found here, since a pin would not bring it back. For callers who may push.
    ///
    /// Example: [the guide](crate::guide#making-sure-of-a-manifest). Not over HTTP.
    ///
    /// # Errors
    ///
    /// [`RequireError`]. Nothing was written.
    pub async fn require_available(
        &self,
        cx: &Context,
        repository: &RepositoryName,
        digest: &Digest,
        lookup: Lookup,
        until: Millis,
    ) -> Result<Manifest, RequireError> {
        self.authorize::<RequireError>(cx, repository, Action::Push).await?;
        self.authorize::<RequireError>(cx, repository, lookup.action()).await?;
        let lookup = if lookup == Lookup::Any { Lookup::Undeleted } else { lookup };
        let plan = plan_pin(repository, digest, until, &self.policy, cx);
        for _ in 0..ATTEMPTS {
            let manifest = self.find(cx, repository, digest, lookup).await?;
            match self.ports.manifests.apply(&plan).await? {
                Applied::Done { .. } => return Ok(manifest),
                Applied::ReadOnly => return Err(RequireError::ReadOnly(repository.clone())),
                // The world moved between look-up and apply; looking again says what it is now.
                Applied::MissingBlobs(_)
                | Applied::MissingChildren(_)
                | Applied::ImagesTaken(_)
                | Applied::GuardFailed(_)
                | Applied::Immutable(_)
                | Applied::TagGone(_)
                | Applied::ListedBy(_)
                | Applied::LabelGone
                | Applied::ManifestGone
                | Applied::RepositoryGone => {}
            }
        }
        Err(RequireError::Contended)
    }

    /// The same without asking whether the caller may.
    pub(super) async fn find(
        &self,
        cx: &Context,
        repository: &RepositoryName,
        digest: &Digest,
        lookup: Lookup,
    ) -> Result<Manifest, FetchError> {
        let reference = Reference::Digest(*digest);
        let manifest = self.follow(fetch_ask(cx, repository, reference.clone(), lookup.liveness())).await?;
        if lookup == Lookup::Tagged {
            // Visible is what a tag, a pin or the history holds; which of them it is costs a look at each ancestor.
            let ask = SupportAsk { repository: repository.clone(), digest: *digest, now: cx.now, window: 0 };
            let support = self.ports.manifests.support(&ask).await?;
            if !support.is_some_and(|support| is_tagged(&support, cx.now)) {
                return Err(FetchError::ManifestUnknown { repository: repository.clone(), reference });
            }
        }
        Ok(manifest)
    }
}

/// The ask for a reference now.
pub(super) fn fetch_ask(
    cx: &Context,
    repository: &RepositoryName,
    reference: Reference,
    liveness: Liveness,
) -> FetchAsk {
    FetchAsk { repository: repository.clone(), reference, now: cx.now, liveness, have: None, at: None }
}

/// Whether a tag that is alive holds the manifest, itself or through undeleted ancestors. One with more ancestors
/// than are listed counts as held, as it does everywhere (architecture, "Budgets").
fn is_tagged(support: &Support, now: Millis) -> bool {
    let mut reached: Vec<bool> = Vec::with_capacity(support.nodes.len());
    let mut tagged = support.more;
    for node in &support.nodes {
        let below = node.via.is_none_or(|(from, _)| reached.get(from) == Some(&true));
        let holds = below && node.deleted.is_none_or(|deleted| deleted > now);
        tagged |= holds && node.tags.iter().any(|(_, end)| *end > now);
        reached.push(holds);
    }
    tagged
}

#[cfg(test)]
mod tests;
