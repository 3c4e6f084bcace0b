//! The rule of pointing one tag at a manifest, for pushes, retags and restores alike.

use super::change::{Guard, TagChange};
use crate::facts::{Acting, TagState};
use crate::policy::Policy;
use crate::tags;
use crate::time::Millis;
use oci_types::{Digest, TagName};

/// One tag and the manifest that it is to point at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pointing<'a> {
    pub name: &'a TagName,
    /// The row of that name, alive or not.
    pub row: Option<&'a TagState>,
    pub to: Digest,
    pub guard: Guard,
    /// What the manifest's labels make of the tag.
    pub acting: Acting,
    pub reversion: bool,
    /// Whether the caller may move a tag that exists.
    pub overwrite: bool,
    pub policy: &'a Policy,
    pub now: Millis,
}

/// Why a tag is not pointed at a manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PointRefusal {
    GuardFailed,
    Immutable,
    OverwriteDenied,
}

/// The change of the tag. None where an immutable tag points there already: that changes nothing (semantics 15).
pub(super) fn point(pointing: &Pointing<'_>) -> Result<Option<TagChange>, PointRefusal> {
    let Pointing { name, to, guard, acting, overwrite, policy, now, reversion, .. } = *pointing;
    let current = pointing.row.filter(|state| state.alive(now));
    if !guard.holds(current.map(|state| &state.target)) {
        return Err(PointRefusal::GuardFailed);
    }
    let moves = current.is_some_and(|state| state.target != to);
    if current.is_some_and(|state| state.immutable) {
        return if moves { Err(PointRefusal::Immutable) } else { Ok(None) };
    }
    if moves && !overwrite {
        return Err(PointRefusal::OverwriteDenied);
    }
    let immutable = acting.immutable || policy.is_immutable_name(name);
    Ok(Some(TagChange::Point {
        name: name.clone(),
        to,
        expires: tags::expires(Acting { immutable, ..acting }, now),
        immutable,
        reversion,
        guard: if guard == Guard::Any && !overwrite { Guard::AbsentOrIs(to) } else { guard },
    }))
}
