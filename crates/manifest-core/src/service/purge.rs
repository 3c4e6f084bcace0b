use super::Registry;
use super::authorize::UseCaseError;
use super::confirm::{StalePlan, planned_context};
use crate::access::{AccessRefusal, Action, Context};
use crate::error::PortError;
use crate::facts::{PushFacts, RepositoryState};
use crate::plan::{
    Applied, Plan, PlanId, PurgeCase, PurgePlan, PurgeRejection, RepositoryPurge, plan_purge_manifests,
    plan_purge_tags, purge_manifest_ask, purge_tags_ask, purge_targets,
};
use crate::ports::{ManifestState, ManifestsAsk, Page, Reclaim, TagCursor, TagOrder, TagsAsk};
use crate::time::Millis;
use oci_types::{Digest, Reference, RepositoryName, TagName};
use std::collections::{BTreeMap, BTreeSet};

/// What to purge: to remove for good and at once, without the history window (semantics 5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Purge {
    /// These manifests, with their tags. Deleted ones too.
    Manifests(BTreeSet<Digest>),
    /// These tags, and the manifests that no other alive tag holds.
    Tags(BTreeSet<TagName>),
    /// The repository, whole.
    Repository,
}

/// A purge as it would be done: shown first, confirmed by its id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedPurge {
    /// What would be done.
    pub plan: PurgePlan,
    /// What that frees: blobs that nothing else holds, in any repository, each counted once.
    pub reclaim: Reclaim,
    /// By what the plan is confirmed.
    pub id: PlanId,
    /// When it was planned; belongs to the confirmation.
    pub planned_at: Millis,
}

/// Why nothing was planned or purged.
#[derive(Debug, thiserror::Error)]
pub enum PurgeError {
    /// The caller may not purge here.
    #[error(transparent)]
    Access(#[from] AccessRefusal),
    /// There is no such repository, or the caller may not know of it.
    #[error("repository {0} is unknown")]
    RepositoryUnknown(RepositoryName),
    /// There is no such tag alive, or no such manifest, not even a deleted one.
    #[error("{reference} is unknown in {repository}")]
    Unknown {
        /// Where it was looked for.
        repository: RepositoryName,
        /// What was looked for.
        reference: Reference,
    },
    /// The repository takes no writes.
    #[error("repository {0} is read-only")]
    ReadOnly(RepositoryName),
    /// An immutable tag is named, or points at what would go.
    #[error("tag {0} is immutable")]
    Immutable(TagName),
    /// These indexes list a manifest that would go, and are served.
    #[error("a manifest is listed by {} indexes that are served", .0.len())]
    ListedBy(BTreeSet<Digest>),
    /// More at once than is taken.
    #[error("the purge names {found}, more than {limit}")]
    TooMany {
        /// How many.
        found: usize,
        /// The most that are taken.
        limit: usize,
    },
    /// It is not what was confirmed.
    #[error(transparent)]
    Stale(#[from] StalePlan),
    /// A port failed.
    #[error(transparent)]
    Port(#[from] PortError),
}

impl UseCaseError for PurgeError {
    fn hidden(repository: &RepositoryName) -> Self {
        Self::RepositoryUnknown(repository.clone())
    }
}

impl Registry {
    /// What a purge would do and free. Writes nothing. That a served index lists a manifest is only found by the
    /// purge itself.
    ///
    /// Example: [the guide](crate::guide#purging). As JSON: `docs/api.md`, "Purging".
    ///
    /// # Errors
    ///
    /// [`PurgeError`]; never `ListedBy` or `Stale`.
    pub async fn plan_purge(
        &self,
        cx: &Context,
        repository: &RepositoryName,
        what: &Purge,
    ) -> Result<PlannedPurge, PurgeError> {
        self.authorize::<PurgeError>(cx, repository, Action::Admin).await?;
        let (plan, digests) = self.purge_plan(cx, repository, what).await?;
        let reclaim = self.ports.collection.freed_by(repository, &digests, cx.now).await?;
        let id = PlanId::of_json(&plan.to_json());
        Ok(PlannedPurge { plan, reclaim, id, planned_at: cx.now })
    }

    /// Does exactly what [`Registry::plan_purge`] showed at `planned_at` under that id, or nothing. It cannot be undone.
    ///
    /// Example: [the guide](crate::guide#purging). As JSON: `docs/api.md`, "Purging".
    ///
    /// # Errors
    ///
    /// [`PurgeError`]; `Stale` if what would be done differs, or differed when it came to be done.
    pub async fn purge(
        &self,
        cx: &Context,
        repository: &RepositoryName,
        what: &Purge,
        confirmed: PlanId,
        planned_at: Millis,
    ) -> Result<PurgePlan, PurgeError> {
        self.authorize::<PurgeError>(cx, repository, Action::Admin).await?;
        let then = planned_context(cx, planned_at)?;
        let (plan, _) = self.purge_plan(&then, repository, what).await?;
        if PlanId::of_json(&plan.to_json()) != confirmed {
            return Err(StalePlan::Changed.into());
        }
        match &plan {
            PurgePlan::Write(write) => self.apply_purge(write).await?,
            PurgePlan::Repository(_) => {
                if !self.ports.repositories.delete(repository, cx.now).await? {
                    return Err(StalePlan::Changed.into());
                }
            }
        }
        Ok(plan)
    }

    async fn apply_purge(&self, plan: &Plan) -> Result<(), PurgeError> {
        match self.ports.manifests.apply(plan).await? {
            Applied::Done { .. } => Ok(()),
            Applied::ListedBy(parents) => Err(PurgeError::ListedBy(parents)),
            Applied::Immutable(tag) => Err(PurgeError::Immutable(tag)),
            // What was confirmed is not what is there: never more or less than that.
            Applied::MissingBlobs(_)
            | Applied::MissingChildren(_)
            | Applied::ImagesTaken(_)
            | Applied::GuardFailed(_)
            | Applied::TagGone(_)
            | Applied::LabelGone
            | Applied::ManifestGone
            | Applied::RepositoryGone
            | Applied::ReadOnly => Err(StalePlan::Changed.into()),
        }
    }

    /// The plan, and the manifests that it removes.
    async fn purge_plan(
        &self,
        cx: &Context,
        repository: &RepositoryName,
        what: &Purge,
    ) -> Result<(PurgePlan, Vec<Digest>), PurgeError> {
        let case = PurgeCase { repository, context: cx, policy: &self.policy };
        let refuse = |rejection| rejected(rejection, repository);
        let plan = match what {
            Purge::Manifests(digests) => {
                self.few_enough(digests.len())?;
                let facts = self.purge_facts(&case, digests).await?;
                plan_purge_manifests(&case, &facts).map_err(refuse)?
            }
            Purge::Tags(tags) => {
                self.few_enough(tags.len())?;
                let facts = self.ports.manifests.push_facts(&purge_tags_ask(&case, tags)).await?;
                let targets = purge_targets(&case, tags, &facts).map_err(refuse)?;
                let facts = self.purge_facts(&case, &targets.values().copied().collect()).await?;
                plan_purge_tags(&case, &targets, &facts).map_err(refuse)?
            }
            Purge::Repository => return self.repository_purge(cx, repository).await,
        };
        let digests = plan.purge.iter().copied().collect();
        Ok((PurgePlan::Write(Box::new(plan)), digests))
    }

    fn few_enough(&self, found: usize) -> Result<(), PurgeError> {
        let limit = self.policy.max_purge;
        if found > limit { Err(PurgeError::TooMany { found, limit }) } else { Ok(()) }
    }

    /// One call a manifest, for operators, bounded by the policy. What changes between the calls is found by the write.
    async fn purge_facts(
        &self,
        case: &PurgeCase<'_>,
        digests: &BTreeSet<Digest>,
    ) -> Result<BTreeMap<Digest, PushFacts>, PurgeError> {
        let mut facts = BTreeMap::new();
        for digest in digests {
            facts.insert(*digest, self.ports.manifests.push_facts(&purge_manifest_ask(case, digest)).await?);
        }
        Ok(facts)
    }

    async fn repository_purge(
        &self,
        cx: &Context,
        repository: &RepositoryName,
    ) -> Result<(PurgePlan, Vec<Digest>), PurgeError> {
        let row = self.ports.repositories.find(repository).await?;
        let row = row.ok_or_else(|| PurgeError::RepositoryUnknown(repository.clone()))?;
        if row.state == RepositoryState::ReadOnly {
            return Err(PurgeError::ReadOnly(repository.clone()));
        }
        let tags = self.mutable_tags(cx, repository).await?;
        let mut digests = Vec::new();
        for state in [ManifestState::Tagged, ManifestState::Untagged, ManifestState::Deleted] {
            self.digests(cx, repository, state, &mut digests).await?;
        }
        let manifests = digests.len() as u64;
        let plan = RepositoryPurge { repository: row.name, created: row.created, manifests, tags, now: cx.now };
        Ok((PurgePlan::Repository(plan), digests))
    }

    /// How many tags are alive; an immutable one is refused.
    async fn mutable_tags(&self, cx: &Context, repository: &RepositoryName) -> Result<u64, PurgeError> {
        let (mut count, mut after) = (0, None);
        loop {
            let (repository, limit) = (repository.clone(), self.page_limit(None));
            let ask = TagsAsk { repository, contains: None, order: TagOrder::Name, after, limit, now: cx.now };
            let page = self.ports.listings.tags(&ask).await?;
            let Page { items, more } = page.ok_or(PurgeError::RepositoryUnknown(ask.repository))?;
            if let Some(row) = items.iter().find(|row| row.state.immutable) {
                return Err(PurgeError::Immutable(row.name.clone()));
            }
            count += items.len() as u64;
            after = items.last().map(|row| TagCursor { start: row.state.start, name: row.name.clone() });
            if !more || after.is_none() {
                return Ok(count);
            }
        }
    }

    async fn digests(
        &self,
        cx: &Context,
        repository: &RepositoryName,
        state: ManifestState,
        digests: &mut Vec<Digest>,
    ) -> Result<(), PurgeError> {
        let mut after = None;
        loop {
            let (repository, limit) = (repository.clone(), self.page_limit(None));
            let ask = ManifestsAsk { repository, state, after, limit, now: cx.now };
            let page = self.ports.listings.manifests(&ask).await?;
            let Page { items, more } = page.ok_or(PurgeError::RepositoryUnknown(ask.repository))?;
            digests.extend(items.iter().map(|row| row.digest));
            after = items.last().map(|row| row.digest);
            if !more || after.is_none() {
                return Ok(());
            }
        }
    }
}

fn rejected(rejection: PurgeRejection, repository: &RepositoryName) -> PurgeError {
    let repository = repository.clone();
    match rejection {
        PurgeRejection::RepositoryUnknown => PurgeError::RepositoryUnknown(repository),
        PurgeRejection::ReadOnly => PurgeError::ReadOnly(repository),
        PurgeRejection::TagUnknown(tag) => PurgeError::Unknown { repository, reference: Reference::Tag(tag) },
        PurgeRejection::ManifestUnknown(digest) => {
            PurgeError::Unknown { repository, reference: Reference::Digest(digest) }
        }
        PurgeRejection::Immutable(tag) => PurgeError::Immutable(tag),
    }
}

#[cfg(test)]
mod tests;
