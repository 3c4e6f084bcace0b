mod copy;

use super::authorize::UseCaseError;
use super::{ATTEMPTS, Registry};
use crate::access::{AccessRefusal, Action, Context};
use crate::document::Document;
use crate::error::PortError;
use crate::facts::PushFacts;
use crate::plan::{
    Applied, Guard, Plan, RetagCase, RetagKind, RetagRejection, TagChange, plan_retag, retag_ask, retag_wants_document,
};
use crate::ports::{FetchAsk, Fetched, Liveness};
use crate::time::Millis;
use oci_types::{Digest, Reference, RepositoryName, TagName};
use std::collections::BTreeSet;

/// What pointing a tag came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retagged {
    /// Where the tag points now.
    pub digest: Digest,
    /// Where it pointed, if it was alive and that was elsewhere.
    pub displaced: Option<Digest>,
    /// When it ends; [`NEVER`](crate::NEVER) for never. None where an immutable tag pointed there already, which
    /// changed nothing.
    pub expires: Option<Millis>,
    /// Whether it may not be moved or deleted from now on.
    pub immutable: bool,
    /// Whether the manifest had been deleted and is back.
    pub revived: bool,
}

/// Why a tag was not pointed at a manifest.
#[derive(Debug, thiserror::Error)]
pub enum TagError {
    /// The caller may not do that here.
    #[error(transparent)]
    Access(#[from] AccessRefusal),
    /// There is no such repository, or the caller may not know of it.
    #[error("repository {0} is unknown")]
    RepositoryUnknown(RepositoryName),
    /// The repository has no such manifest. One that was deleted can be restored, not tagged.
    #[error("manifest {digest} is unknown in {repository}")]
    ManifestUnknown {
        /// Where it was looked for.
        repository: RepositoryName,
        /// What was looked for.
        digest: Digest,
    },
    /// What the manifest needs is not there any more: all of it. It cannot be restored.
    #[error("manifest {digest} cannot be restored: {} and {} that it needs are gone", count(.blobs, "blob"), count(.children, "manifest"))]
    Gone {
        /// What was to be restored.
        digest: Digest,
        /// Blobs to which the repository has no access.
        blobs: BTreeSet<Digest>,
        /// Manifests that it lists.
        children: BTreeSet<Digest>,
    },
    /// The repository takes no writes.
    #[error("repository {0} is read-only")]
    ReadOnly(RepositoryName),
    /// A schema 1 manifest carries its tag in itself. It is restored under another one as a signed copy, where the registry has a key
    /// to sign with, and the copy is not larger than manifests may be.
    #[error("the manifest is for the tag `{embedded}`, not {tag}")]
    EmbeddedTag {
        /// As the manifest says it.
        embedded: String,
        /// As the caller says it.
        tag: TagName,
    },
    /// The tag is immutable and points elsewhere.
    #[error("tag {0} is immutable")]
    Immutable(TagName),
    /// The tag exists, and the caller may not move tags.
    #[error("tag {0} exists, and the caller may not overwrite tags")]
    OverwriteDenied(TagName),
    /// The tag is not what the caller expected it to be.
    #[error("tag {0} is not what the request expects")]
    GuardFailed(TagName),
    /// Others kept changing what this depends on.
    #[error("other writers kept changing what this depends on")]
    Contended,
    /// A port failed.
    #[error(transparent)]
    Port(#[from] PortError),
}

fn count(digests: &BTreeSet<Digest>, one: &str) -> String {
    match digests.len() {
        1 => format!("1 {one}"),
        many => format!("{many} {one}s"),
    }
}

impl UseCaseError for TagError {
    fn hidden(repository: &RepositoryName) -> Self {
        Self::RepositoryUnknown(repository.clone())
    }
}

impl Registry {
    /// Points a tag at a manifest that is there undeleted, whether or not anything still keeps it. The manifest's
    /// acting labels bound the tag's life, as if it were pushed.
    ///
    /// Example: [the guide](crate::guide#moving-a-tag). As JSON: `docs/api.md`, "Moving a tag".
    ///
    /// # Errors
    ///
    /// [`TagError`]; never `Gone`. Nothing was written.
    pub async fn retag(
        &self,
        cx: &Context,
        repository: &RepositoryName,
        tag: &TagName,
        digest: &Digest,
        guard: Guard,
    ) -> Result<Retagged, TagError> {
        self.point_tag(cx, repository, tag, digest, guard, RetagKind::Move).await
    }

    /// Points a tag back at a manifest, which the history shows as a reversion. A manifest that was deleted comes
    /// back, as long as it was not collected and all that it needs is still there. Acting labels count anew, from
    /// now.
    ///
    /// A schema 1 manifest carries its tag in itself. Where that is another one, a copy is built for `tag`, signed, stored and
    /// pointed at; [`Retagged::digest`] is the copy's. Source: quay-semantics, section 5.5.
    ///
    /// Example: [the guide](crate::guide#restoring). As JSON: `docs/api.md`, "Restoring".
    ///
    /// # Errors
    ///
    /// [`TagError`]; `Gone` names what is not there any more. Nothing was written.
    pub async fn restore(
        &self,
        cx: &Context,
        repository: &RepositoryName,
        tag: &TagName,
        digest: &Digest,
        guard: Guard,
    ) -> Result<Retagged, TagError> {
        self.point_tag(cx, repository, tag, digest, guard, RetagKind::Restore).await
    }

    async fn point_tag(
        &self,
        cx: &Context,
        repository: &RepositoryName,
        tag: &TagName,
        digest: &Digest,
        guard: Guard,
        kind: RetagKind,
    ) -> Result<Retagged, TagError> {
        let may = self.decide::<TagError>(cx, repository, &[Action::Push, Action::Overwrite]).await?;
        let overwrite = may.get(1) == Some(&true);
        let policy = &self.policy;
        let case = RetagCase { repository, tag, digest: *digest, guard, kind, context: cx, overwrite, policy };
        let ask = retag_ask(&case);
        for _ in 0..ATTEMPTS {
            let facts = self.ports.manifests.push_facts(&ask).await?;
            let embedded = self.embedded_tag(&case, &facts).await?;
            let plan = match plan_retag(&case, embedded.as_deref(), &facts) {
                Ok(plan) => plan,
                Err(RetagRejection::EmbeddedTag(embedded)) if kind == RetagKind::Restore => {
                    return self.restore_copy(&case, embedded).await;
                }
                Err(rejection) => return Err(rejected(rejection, &case)),
            };
            match self.ports.manifests.apply(&plan).await? {
                Applied::Done { displaced, .. } => {
                    return Ok(retagged(&case, &plan, &facts, displaced.get(tag).copied()));
                }
                Applied::MissingBlobs(blobs) => {
                    return Err(TagError::Gone { digest: *digest, blobs, children: BTreeSet::new() });
                }
                Applied::MissingChildren(children) => {
                    return Err(TagError::Gone { digest: *digest, blobs: BTreeSet::new(), children });
                }
                // The world moved between facts and apply; new facts say what it is now.
                Applied::ImagesTaken(_)
                | Applied::GuardFailed(_)
                | Applied::Immutable(_)
                | Applied::TagGone(_)
                | Applied::ListedBy(_)
                | Applied::LabelGone
                | Applied::ManifestGone
                | Applied::RepositoryGone
                | Applied::ReadOnly => {}
            }
        }
        Err(TagError::Contended)
    }

    /// The tag that a schema 1 manifest carries in itself; none for others, whose bytes are not read.
    async fn embedded_tag(&self, case: &RetagCase<'_>, facts: &PushFacts) -> Result<Option<String>, TagError> {
        if !retag_wants_document(facts) {
            return Ok(None);
        }
        let Some(document) = self.stored_document(case.context, case.repository, &case.digest).await? else {
            // Collected since: applying finds that out.
            return Ok(None);
        };
        Ok(document.embedded_tag().map(str::to_owned))
    }

    /// A manifest as it was pushed, deleted or not, read again.
    pub(super) async fn stored_document(
        &self,
        cx: &Context,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<Option<Document>, PortError> {
        let ask = FetchAsk {
            repository: repository.clone(),
            reference: Reference::Digest(*digest),
            now: cx.now,
            liveness: Liveness::Any,
            have: None,
            at: None,
        };
        let Fetched::Found(found) = self.ports.manifests.fetch(&ask).await? else {
            return Ok(None);
        };
        let bytes = found.bytes.ok_or_else(|| PortError::corrupt("manifest", "bytes", "found without bytes"))?;
        let document = Document::parse(Some(&found.media_type), bytes, &self.policy.limits);
        document.map(Some).map_err(|error| PortError::corrupt("manifest", "bytes", error))
    }
}

fn retagged(case: &RetagCase<'_>, plan: &Plan, facts: &PushFacts, displaced: Option<Digest>) -> Retagged {
    let revived = plan.manifest.is_some() && facts.existing.as_ref().is_some_and(|existing| existing.deleted);
    pointed(plan, case.digest, displaced, revived)
}

/// What a plan with one tag came to.
fn pointed(plan: &Plan, digest: Digest, displaced: Option<Digest>, revived: bool) -> Retagged {
    let change = plan.tags.first().and_then(|change| match change {
        TagChange::Point { expires, immutable, .. } => Some((*expires, *immutable)),
        TagChange::Amend { .. } | TagChange::End { .. } => None,
    });
    Retagged {
        digest,
        displaced,
        expires: change.map(|(expires, _)| expires),
        // Without a change the tag pointed there and was immutable.
        immutable: change.is_none_or(|(_, immutable)| immutable),
        revived,
    }
}

fn rejected(rejection: RetagRejection, case: &RetagCase<'_>) -> TagError {
    let (repository, tag) = (case.repository.clone(), case.tag.clone());
    match rejection {
        RetagRejection::RepositoryUnknown => TagError::RepositoryUnknown(repository),
        RetagRejection::ReadOnly => TagError::ReadOnly(repository),
        RetagRejection::ManifestUnknown => TagError::ManifestUnknown { repository, digest: case.digest },
        RetagRejection::EmbeddedTag(embedded) => TagError::EmbeddedTag { embedded, tag },
        RetagRejection::Immutable => TagError::Immutable(tag),
        RetagRejection::OverwriteDenied => TagError::OverwriteDenied(tag),
        RetagRejection::GuardFailed => TagError::GuardFailed(tag),
    }
}

#[cfg(test)]
mod tests;
