use super::change::{Guard, Plan, TagChange};
use crate::access::Context;
use crate::facts::{PushAsk, PushFacts, RepositoryState};
use crate::policy::Policy;
use crate::time::after;
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

/// Decides about the deletion of a manifest, which ends its tags and hides it at once (semantics 5). Whether a tag
/// is immutable or a visible index lists it is found by the write itself.
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

fn writable(facts: &PushFacts) -> Result<(), DeleteRejection> {
    match facts.repository {
        RepositoryState::Absent => Err(DeleteRejection::RepositoryUnknown),
        RepositoryState::ReadOnly => Err(DeleteRejection::ReadOnly),
        RepositoryState::Open => Ok(()),
    }
}

pub(super) fn empty_ask(repository: &RepositoryName, cx: &Context) -> PushAsk {
    PushAsk {
        repository: repository.clone(),
        now: cx.now,
        digest: None,
        blobs: BTreeSet::new(),
        children: BTreeSet::new(),
        tags: BTreeSet::new(),
        visibility: false,
    }
}

pub(super) fn empty_plan(repository: &RepositoryName, policy: &Policy, cx: &Context) -> Plan {
    Plan {
        repository: repository.clone(),
        create_repository: None,
        now: cx.now,
        actor: cx.caller.actor().cloned(),
        manifest: None,
        tags: Vec::new(),
        pin: None,
        displaced_until: policy.pin_on_untag.then(|| after(cx.now, policy.untagged_ttl)),
        delete: None,
    }
}
