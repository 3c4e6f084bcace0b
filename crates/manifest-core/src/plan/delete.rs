use super::change::{Guard, Plan, TagChange};
use super::empty::{empty_ask, empty_plan};
use crate::access::Context;
use crate::facts::{PushAsk, PushFacts, RepositoryState};
use crate::policy::Policy;
use oci_types::{Digest, RepositoryName, TagName};
use std::collections::BTreeSet;

/// Why a deletion is not planned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeleteRejection {
    /// There is no such repository.
    RepositoryUnknown,
    /// The repository takes no writes.
    ReadOnly,
    /// The tag is not alive.
    TagUnknown,
    /// The manifest is not there, or not visible.
    ManifestUnknown,
    /// The tag is immutable.
    Immutable(TagName),
    /// The tag is not what the caller expected.
    GuardFailed(TagName),
}

/// What deleting a tag needs to know.
#[must_use]
pub fn delete_tag_ask(repository: &RepositoryName, tag: &TagName, cx: &Context) -> PushAsk {
    PushAsk { tags: BTreeSet::from([tag.clone()]), ..empty_ask(repository, cx) }
}

/// What deleting a manifest needs to know.
#[must_use]
pub fn delete_manifest_ask(repository: &RepositoryName, digest: &Digest, cx: &Context) -> PushAsk {
    PushAsk { digest: Some(*digest), visibility: true, ..empty_ask(repository, cx) }
}

/// What ending all tags of a manifest needs to know.
#[must_use]
pub fn delete_tags_of_ask(repository: &RepositoryName, digest: &Digest, cx: &Context) -> PushAsk {
    PushAsk { digest: Some(*digest), tags_of: Some(*digest), ..empty_ask(repository, cx) }
}

/// Decides about the deletion of a tag. The manifest stays, pinned for a while (semantics 4).
///
/// # Errors
///
/// [`DeleteRejection`]; never `ManifestUnknown`.
pub fn plan_delete_tag(
    repository: &RepositoryName,
    tag: &TagName,
    guard: Guard,
    facts: &PushFacts,
    policy: &Policy,
    cx: &Context,
) -> Result<Plan, DeleteRejection> {
    writable(facts)?;
    let state = facts.tags.get(tag).filter(|state| state.alive(cx.now)).ok_or(DeleteRejection::TagUnknown)?;
    if !guard.holds(Some(&state.target)) {
        return Err(DeleteRejection::GuardFailed(tag.clone()));
    }
    if state.immutable {
        return Err(DeleteRejection::Immutable(tag.clone()));
    }
    let end = TagChange::End { name: tag.clone(), guard };
    Ok(Plan { tags: vec![end], ..empty_plan(repository, policy, cx) })
}

/// Decides about the deletion of a manifest, which ends its tags and hides it at once (semantics 5). Whether
/// a tag is immutable or a visible index lists it is found by the write itself.
///
/// # Errors
///
/// [`DeleteRejection`]; never `TagUnknown` or `GuardFailed`.
pub fn plan_delete_manifest(
    repository: &RepositoryName,
    digest: &Digest,
    facts: &PushFacts,
    policy: &Policy,
    cx: &Context,
) -> Result<Plan, DeleteRejection> {
    writable(facts)?;
    match &facts.existing {
        Some(existing) if existing.visible && !existing.deleted => {
            Ok(Plan { delete: Some(*digest), ..empty_plan(repository, policy, cx) })
        }
        Some(_) | None => Err(DeleteRejection::ManifestUnknown),
    }
}

/// Decides about the end of all alive tags of a manifest, all or none. The manifest stays, pinned for a while, as
/// when each were deleted by itself. One without alive tags has nothing to end: that is no error.
///
/// ```
/// # use manifest_core::facts::{Acting, Existing, PushFacts, RepositoryState, TagState};
/// # use manifest_core::oci_types::{Algorithm, Digest, MediaType};
/// # use manifest_core::plan::{DeleteRejection, plan_delete_tags_of};
/// # use manifest_core::{Context, NEVER, Policy};
/// # let (repository, digest) = ("team/app".parse().unwrap(), Digest::of(Algorithm::Sha256, b""));
/// # let media_type = MediaType::from_static(MediaType::OCI_MANIFEST);
/// # let mut facts = PushFacts::nothing_in(RepositoryState::Open);
/// # facts.existing = Some(Existing { media_type, acting: Acting::default(), deleted: false, visible: true });
/// let plan = |facts: &PushFacts| {
///     plan_delete_tags_of(&repository, &digest, facts, &Policy::default(), &Context::anonymous(0))
/// };
/// let state = TagState { target: digest, start: 0, expires: NEVER, immutable: true, actor: None };
/// assert_eq!(plan(&facts).unwrap().tags, []);
/// facts.tags_of.insert("v1".parse().unwrap(), state);
/// assert_eq!(plan(&facts), Err(DeleteRejection::Immutable("v1".parse().unwrap())));
/// ```
///
/// # Errors
///
/// [`DeleteRejection`]; `Immutable` names the first immutable tag, then none ends. Never `TagUnknown` or `GuardFailed`.
pub fn plan_delete_tags_of(
    repository: &RepositoryName,
    digest: &Digest,
    facts: &PushFacts,
    policy: &Policy,
    cx: &Context,
) -> Result<Plan, DeleteRejection> {
    writable(facts)?;
    if facts.existing.as_ref().is_none_or(|existing| existing.deleted) {
        return Err(DeleteRejection::ManifestUnknown);
    }
    if let Some((name, _)) = facts.tags_of.iter().find(|(_, state)| state.immutable) {
        return Err(DeleteRejection::Immutable(name.clone()));
    }
    let end = |name: &TagName| TagChange::End { name: name.clone(), guard: Guard::Is(*digest) };
    Ok(Plan { tags: facts.tags_of.keys().map(end).collect(), ..empty_plan(repository, policy, cx) })
}

fn writable(facts: &PushFacts) -> Result<(), DeleteRejection> {
    match facts.repository {
        RepositoryState::Absent => Err(DeleteRejection::RepositoryUnknown),
        RepositoryState::ReadOnly => Err(DeleteRejection::ReadOnly),
        RepositoryState::Open => Ok(()),
    }
}

#[cfg(test)]
mod tests;
