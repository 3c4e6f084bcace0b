use super::change::{Plan, TagChange};
use super::empty::{empty_ask, empty_plan};
use crate::access::Context;
use crate::facts::{PushAsk, PushFacts, RepositoryState, TagState};
use crate::policy::Policy;
use crate::tags::clamp_expiry;
use crate::time::{Millis, NEVER};
use oci_types::{RepositoryName, TagName};
use std::collections::BTreeSet;

/// What is changed about a tag without moving it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amendment {
    /// When it ends: about then, see [`clamp_expiry`], or never.
    Expiry(Option<Millis>),
    /// Whether it may be moved and deleted.
    Immutable(bool),
}

/// A tag before and after an amendment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Amended {
    /// When the tag would have ended; [`NEVER`] for never.
    pub previous_expires: Millis,
    /// When it ends now; [`NEVER`] for never.
    pub expires: Millis,
    /// Whether it was immutable.
    pub was_immutable: bool,
    /// Whether it is now.
    pub immutable: bool,
}

/// Why a tag is not amended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AmendRejection {
    /// There is no such repository.
    RepositoryUnknown,
    /// The repository takes no writes.
    ReadOnly,
    /// The tag is not alive.
    TagUnknown,
    /// The tag is immutable, so that its end stays as it is.
    Immutable,
    /// The tag would have ended by now: this is its end, once clamped. Delete it instead.
    Past(Millis),
}

/// What an amendment needs to know.
#[must_use]
pub fn amend_ask(repository: &RepositoryName, tag: &TagName, cx: &Context) -> PushAsk {
    PushAsk { tags: BTreeSet::from([tag.clone()]), ..empty_ask(repository, cx) }
}

/// Decides about a change of a tag's end or immutability. The interval stays the same one; the history does not show it.
///
/// An immutable tag never expires, so one that becomes immutable loses its end; it gets none back when it becomes
/// mutable.
///
/// ```
/// # use manifest_core::facts::{PushFacts, RepositoryState, TagState};
/// # use manifest_core::plan::{AmendRejection, Amendment, plan_amend};
/// # use manifest_core::oci_types::{Algorithm, Digest};
/// # use manifest_core::time::{DAY, HOUR};
/// # use manifest_core::{Context, NEVER, Policy};
/// # let (repository, tag) = ("team/app".parse().unwrap(), "v1".parse().unwrap());
/// # let (cx, policy) = (Context::anonymous(HOUR), Policy::default());
/// # let target = Digest::of(Algorithm::Sha256, b"");
/// let mut facts = PushFacts::nothing_in(RepositoryState::Open);
/// facts.tags.insert(tag, TagState { target, start: 0, expires: NEVER, immutable: false, actor: None });
/// # let tag = "v1".parse().unwrap();
/// let amend = |amendment| plan_amend(&repository, &tag, amendment, &facts, &policy, &cx);
///
/// let (_, amended) = amend(Amendment::Expiry(Some(DAY))).unwrap();
/// assert_eq!((amended.previous_expires, amended.expires), (NEVER, DAY));
/// assert_eq!(amend(Amendment::Expiry(Some(0))), Err(AmendRejection::Past(HOUR)));
/// ```
///
/// # Errors
///
/// [`AmendRejection`]; `Immutable` and `Past` only for an expiry.
pub fn plan_amend(
    repository: &RepositoryName,
    tag: &TagName,
    amendment: Amendment,
    facts: &PushFacts,
    policy: &Policy,
    cx: &Context,
) -> Result<(Plan, Amended), AmendRejection> {
    match facts.repository {
        RepositoryState::Absent => return Err(AmendRejection::RepositoryUnknown),
        RepositoryState::ReadOnly => return Err(AmendRejection::ReadOnly),
        RepositoryState::Open => {}
    }
    let state = facts.tags.get(tag).filter(|state| state.alive(cx.now)).ok_or(AmendRejection::TagUnknown)?;
    let (expires, immutable) = match amendment {
        Amendment::Expiry(_) if state.immutable => return Err(AmendRejection::Immutable),
        Amendment::Expiry(None) => (NEVER, false),
        Amendment::Expiry(Some(wish)) => (end_by_hand(state, wish, policy, cx.now)?, false),
        Amendment::Immutable(true) => (NEVER, true),
        Amendment::Immutable(false) => (state.expires, false),
    };
    let change = amend(tag, state, expires, immutable);
    let amended = Amended { previous_expires: state.expires, expires, was_immutable: state.immutable, immutable };
    Ok((Plan { tags: vec![change], ..empty_plan(repository, policy, cx) }, amended))
}

/// The bounds count from the tag's start, so a wish for later than now can still mean an end before now for an old
/// tag. Quay ends the tag at once then; whoever wants that can delete it.
fn end_by_hand(state: &TagState, wish: Millis, policy: &Policy, now: Millis) -> Result<Millis, AmendRejection> {
    let end = clamp_expiry(state.start, wish, policy);
    if wish <= now || end <= now { Err(AmendRejection::Past(end)) } else { Ok(end) }
}

/// That change of that interval.
pub(super) fn amend(name: &TagName, state: &TagState, expires: Millis, immutable: bool) -> TagChange {
    TagChange::Amend { name: name.clone(), start: state.start, was_immutable: state.immutable, expires, immutable }
}

#[cfg(test)]
mod tests;
