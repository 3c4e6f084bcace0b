use super::change::{Guard, ManifestChange, Plan};
use super::empty::{empty_ask, empty_plan};
use super::point::{PointRefusal, Pointing, point};
use crate::access::Context;
use crate::facts::{PushAsk, PushFacts, RepositoryState};
use crate::policy::Policy;
use oci_types::{Digest, RepositoryName, TagName};
use std::collections::BTreeSet;

/// A tag that is to point at a manifest that is there already.
#[derive(Clone, Copy, Debug)]
pub struct RetagCase<'a> {
    /// Where.
    pub repository: &'a RepositoryName,
    /// Which tag.
    pub tag: &'a TagName,
    /// At which manifest.
    pub digest: Digest,
    /// On what condition.
    pub guard: Guard,
    /// To a new target, or back to an old one.
    pub kind: RetagKind,
    /// Who and when.
    pub context: &'a Context,
    /// Whether the caller may move a tag that exists.
    pub overwrite: bool,
    /// What the operator chose.
    pub policy: &'a Policy,
}

/// What pointing a tag is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetagKind {
    /// To an undeleted manifest.
    Move,
    /// To what the tag pointed at before; a deleted manifest is revived, if all that it needs is still there.
    Restore,
}

/// Why a tag is not pointed at a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RetagRejection {
    /// There is no such repository.
    RepositoryUnknown,
    /// The repository takes no writes.
    ReadOnly,
    /// The manifest is not there; for a move, not undeleted.
    ManifestUnknown,
    /// The manifest is schema 1, and carries this other tag in itself.
    EmbeddedTag(String),
    /// The tag is immutable and points elsewhere.
    Immutable,
    /// The tag exists, and the caller may not move tags.
    OverwriteDenied,
    /// The tag is not what the caller expected.
    GuardFailed,
}

/// What pointing a tag needs to know.
#[must_use]
pub fn retag_ask(case: &RetagCase<'_>) -> PushAsk {
    let tags = BTreeSet::from([case.tag.clone()]);
    PushAsk { digest: Some(case.digest), tags, ..empty_ask(case.repository, case.context) }
}

/// Whether the manifest's bytes are needed: schema 1 carries its own tag.
#[must_use]
pub fn retag_wants_document(facts: &PushFacts) -> bool {
    facts.existing.as_ref().is_some_and(|existing| existing.media_type.is_schema1())
}

/// Decides about pointing a tag at a manifest that is there. `embedded_tag` is the tag that the manifest itself
/// names, for those of which [`retag_wants_document`] asked for the bytes.
///
/// The manifest's acting labels bound the tag from now on, also when it is restored (quay-semantics, section 5.5).
/// Whether all blobs and children of a deleted manifest are still there is found by the write itself.
///
/// ```
/// # use manifest_core::facts::{Acting, Existing, PushFacts, RepositoryState};
/// # use manifest_core::plan::{Guard, RetagCase, RetagKind, RetagRejection, plan_retag};
/// # use manifest_core::oci_types::{Algorithm, Digest, MediaType};
/// # use manifest_core::{Context, Policy};
/// # let (repository, tag) = ("team/app".parse().unwrap(), "v1".parse().unwrap());
/// # let (context, policy) = (Context::anonymous(0), Policy::default());
/// # let digest = Digest::of(Algorithm::Sha256, b"");
/// let retag = RetagCase {
///     repository: &repository,
///     tag: &tag,
///     digest,
///     guard: Guard::Absent,
///     kind: RetagKind::Move,
///     context: &context,
///     overwrite: true,
///     policy: &policy,
/// };
/// let mut facts = PushFacts::nothing_in(RepositoryState::Open);
/// assert_eq!(plan_retag(&retag, None, &facts), Err(RetagRejection::ManifestUnknown));
///
/// let media_type = MediaType::from_static(MediaType::OCI_MANIFEST);
/// facts.existing = Some(Existing { media_type, acting: Acting::default(), deleted: false, visible: true });
/// assert_eq!(plan_retag(&retag, None, &facts).unwrap().tags[0].name(), &tag);
/// ```
///
/// # Errors
///
/// [`RetagRejection`].
pub fn plan_retag(case: &RetagCase<'_>, embedded_tag: Option<&str>, facts: &PushFacts) -> Result<Plan, RetagRejection> {
    match facts.repository {
        RepositoryState::Absent => return Err(RetagRejection::RepositoryUnknown),
        RepositoryState::ReadOnly => return Err(RetagRejection::ReadOnly),
        RepositoryState::Open => {}
    }
    let existing = facts.existing.as_ref().ok_or(RetagRejection::ManifestUnknown)?;
    if existing.deleted && case.kind == RetagKind::Move {
        return Err(RetagRejection::ManifestUnknown);
    }
    if let Some(embedded) = embedded_tag.filter(|embedded| *embedded != case.tag.as_str()) {
        return Err(RetagRejection::EmbeddedTag(embedded.to_owned()));
    }
    let pointing = Pointing {
        name: case.tag,
        row: facts.tags.get(case.tag),
        to: case.digest,
        guard: case.guard,
        acting: existing.acting,
        reversion: case.kind == RetagKind::Restore,
        overwrite: case.overwrite,
        policy: case.policy,
        now: case.context.now,
    };
    let change = point(&pointing).map_err(|refusal| match refusal {
        PointRefusal::GuardFailed => RetagRejection::GuardFailed,
        PointRefusal::Immutable => RetagRejection::Immutable,
        PointRefusal::OverwriteDenied => RetagRejection::OverwriteDenied,
    })?;
    // A move must not revive what somebody deletes meanwhile; keeping does, so only a restore keeps.
    let keep = case.kind == RetagKind::Restore;
    Ok(Plan {
        manifest: keep.then_some(ManifestChange::Keep(case.digest)),
        tags: change.into_iter().collect(),
        ..empty_plan(case.repository, case.policy, case.context)
    })
}

#[cfg(test)]
mod tests;
