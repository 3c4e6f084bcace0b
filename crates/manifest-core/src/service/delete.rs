use super::authorize::UseCaseError;
use super::{ATTEMPTS, Registry};
use crate::access::{AccessRefusal, Action, Context};
use crate::error::PortError;
use crate::facts::{PushAsk, PushFacts};
use crate::plan::{
    Applied, DeleteRejection, Guard, Plan, TagChange, delete_manifest_ask, delete_tag_ask, delete_tags_of_ask,
    plan_delete_manifest, plan_delete_tag, plan_delete_tags_of,
};
use oci_types::{Digest, Reference, RepositoryName, TagName};
use std::collections::BTreeSet;

/// Why nothing was deleted.
#[derive(Debug, thiserror::Error)]
pub enum DeleteError {
    /// The caller may not delete here.
    #[error(transparent)]
    Access(#[from] AccessRefusal),
    /// There is no such repository, or the caller may not know of it.
    #[error("repository {0} is unknown")]
    RepositoryUnknown(RepositoryName),
    /// There is no such tag alive, or no such manifest visible.
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
    /// The tag, or a tag of the manifest, is immutable.
    #[error("tag {0} is immutable")]
    Immutable(TagName),
    /// The tag is not what the caller expected it to be.
    #[error("tag {0} has changed")]
    GuardFailed(TagName),
    /// These indexes list the manifest and are served.
    #[error("the manifest is listed by {}", list(.0))]
    ListedBy(BTreeSet<Digest>),
    /// Others kept changing what the deletion depends on.
    #[error("other writers kept changing what this depends on")]
    Contended,
    /// A port failed.
    #[error(transparent)]
    Port(#[from] PortError),
}

fn list(digests: &BTreeSet<Digest>) -> String {
    digests.iter().map(Digest::to_string).collect::<Vec<_>>().join(", ")
}

impl UseCaseError for DeleteError {
    fn hidden(repository: &RepositoryName) -> Self {
        Self::RepositoryUnknown(repository.clone())
    }
}

impl Registry {
    /// Ends a tag. The manifest stays by digest.
    ///
    /// Example: [the guide](crate::guide#deleting-tags-and-manifests). Over HTTP: `DELETE /v2/<name>/manifests/<tag>`.
    ///
    /// # Errors
    ///
    /// [`DeleteError`]; never `ListedBy`.
    pub async fn delete_tag(
        &self,
        cx: &Context,
        repository: &RepositoryName,
        tag: &TagName,
        guard: Guard,
    ) -> Result<(), DeleteError> {
        let ask = delete_tag_ask(repository, tag, cx);
        let plan = |facts: &PushFacts| plan_delete_tag(repository, tag, guard, facts, &self.policy, cx);
        self.delete(cx, &ask, &Reference::Tag(tag.clone()), plan).await.map(drop)
    }

    /// Deletes a manifest: its tags end, and it is hidden at once.
    ///
    /// Example: [the guide](crate::guide#deleting-tags-and-manifests). Over HTTP: `DELETE /v2/<name>/manifests/<digest>`.
    ///
    /// # Errors
    ///
    /// [`DeleteError`].
    pub async fn delete_manifest(
        &self,
        cx: &Context,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<(), DeleteError> {
        let ask = delete_manifest_ask(repository, digest, cx);
        let plan = |facts: &PushFacts| plan_delete_manifest(repository, digest, facts, &self.policy, cx);
        self.delete(cx, &ask, &Reference::Digest(*digest), plan).await.map(drop)
    }

    /// Ends all alive tags of a manifest, all or none; says which. The manifest stays by digest, and one without
    /// alive tags is no error.
    ///
    /// Example: [the guide](crate::guide#deleting-tags-and-manifests). As JSON: `docs/api.md`, "Manifests by state".
    ///
    /// # Errors
    ///
    /// [`DeleteError`]; `Immutable` if one of the tags is. Never `GuardFailed` or `ListedBy`.
    pub async fn delete_tags_of(
        &self,
        cx: &Context,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<Vec<TagName>, DeleteError> {
        let ask = delete_tags_of_ask(repository, digest, cx);
        let plan = |facts: &PushFacts| plan_delete_tags_of(repository, digest, facts, &self.policy, cx);
        let done = self.delete(cx, &ask, &Reference::Digest(*digest), plan).await?;
        Ok(done.tags.iter().map(TagChange::name).cloned().collect())
    }

    async fn delete(
        &self,
        cx: &Context,
        ask: &PushAsk,
        reference: &Reference,
        plan: impl Fn(&PushFacts) -> Result<Plan, DeleteRejection> + Send + Sync,
    ) -> Result<Plan, DeleteError> {
        let repository = &ask.repository;
        self.authorize::<DeleteError>(cx, repository, Action::Delete).await?;
        for _ in 0..ATTEMPTS {
            let facts = self.ports.manifests.push_facts(ask).await?;
            let plan = plan(&facts).map_err(|rejection| rejected(rejection, repository, reference))?;
            match self.ports.manifests.apply(&plan).await? {
                Applied::Done { .. } => return Ok(plan),
                Applied::ListedBy(parents) => return Err(DeleteError::ListedBy(parents)),
                Applied::Immutable(tag) => return Err(DeleteError::Immutable(tag)),
                // The world moved between facts and apply; new facts say what it is now.
                Applied::MissingBlobs(_)
                | Applied::MissingChildren(_)
                | Applied::ImagesTaken(_)
                | Applied::GuardFailed(_)
                | Applied::TagGone(_)
                | Applied::LabelGone
                | Applied::ManifestGone
                | Applied::RepositoryGone
                | Applied::ReadOnly => {}
            }
        }
        Err(DeleteError::Contended)
    }
}

fn rejected(rejection: DeleteRejection, repository: &RepositoryName, reference: &Reference) -> DeleteError {
    match rejection {
        DeleteRejection::RepositoryUnknown => DeleteError::RepositoryUnknown(repository.clone()),
        DeleteRejection::ReadOnly => DeleteError::ReadOnly(repository.clone()),
        DeleteRejection::TagUnknown | DeleteRejection::ManifestUnknown => {
            DeleteError::Unknown { repository: repository.clone(), reference: reference.clone() }
        }
        DeleteRejection::Immutable(tag) => DeleteError::Immutable(tag),
        DeleteRejection::GuardFailed(tag) => DeleteError::GuardFailed(tag),
    }
}

#[cfg(test)]
mod tests;
