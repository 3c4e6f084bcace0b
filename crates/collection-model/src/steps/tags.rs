//! What a plan does to the tag, and the pins that follow from it.

use super::Step;
use crate::liveness::undeleted;
use crate::locks::{Lock, Mode};
use crate::planner::{Planned, TagStep};
use crate::protocol::Rule;
use crate::rows::{Repository, Tag, Time, Write, members};
use crate::state::At;
use crate::turn::{Stepped, Turn};
use crate::world::{Condition, Op};

/// Where a plan goes on behind its manifest.
pub(super) fn first(turn: &Turn<'_>) -> At {
    match turn.plan().map(|plan| plan.tag) {
        Some(TagStep::Point { .. } | TagStep::End { .. }) if turn.keeps(Rule::WritesTest) => At::WriteTag,
        Some(TagStep::Point { .. } | TagStep::End { .. }) => At::LookAtTag,
        Some(TagStep::None) | None => pins(turn, None),
    }
}

/// The manifest that a push is about.
fn pushed(turn: &Turn<'_>) -> Option<u8> {
    if let Some(Op::Push { manifest, .. }) = turn.op() { Some(manifest) } else { None }
}

fn pins(turn: &Turn<'_>, left: Option<u8>) -> At {
    let Some(plan) = turn.plan() else { return At::Commit };
    let own = pushed(turn).filter(|_| plan.pin.is_some());
    let left = left.filter(|_| plan.displaced_until.is_some());
    match own.into_iter().chain(left).fold(0, |all, m| all | 1 << m) {
        0 => At::Commit,
        manifests => At::Pin { manifests },
    }
}

fn alive(rows: &Repository, now: Time) -> Option<u8> {
    rows.tag.filter(|tag| tag.expires > now).map(|tag| tag.to)
}

/// Whether the plan's guard holds; the end of a tag wants one that is alive, too.
fn holds(plan: Planned, current: Option<u8>) -> bool {
    match plan.tag {
        TagStep::Point { guard, .. } => guard.holds(current),
        TagStep::End { guard } => current.is_some() && guard.holds(current),
        TagStep::None => Condition::Any.holds(current),
    }
}

/// Without [`Rule::WritesTest`]: a statement that only reads decides what the next one writes.
pub(super) fn look(mut turn: Turn<'_>, r: u8) -> Stepped {
    let current = alive(&turn.repository(r), turn.process().now);
    if !turn.plan().is_some_and(|plan| holds(plan, current)) {
        return turn.roll_back("finds that the guard does not hold and rolls back", At::Facts);
    }
    turn.process_mut().found = current;
    turn.go("looks at the tag", At::WriteTag)
}

/// The upsert or the delete of the tag's row: it waits for the row, and then tests and replaces its newest version.
pub(super) fn write(mut turn: Turn<'_>, r: u8) -> Step {
    let Some(plan) = turn.plan() else { return Ok(turn.refuse("has no plan")) };
    turn.lock(Lock::Tag(r), Mode::Exclusive)?;
    let (rows, now) = (turn.repository(r), turn.process().now);
    let mut current = alive(&rows, now);
    if !turn.keeps(Rule::WritesTest) {
        current = turn.process_mut().found.take();
    } else if !holds(plan, current) {
        return Ok(turn.roll_back("finds that the guard does not hold and rolls back", At::Facts));
    }
    let to = match (plan.tag, pushed(&turn)) {
        (TagStep::Point { expires, .. }, Some(to)) => {
            if !undeleted(&rows, to) {
                return Ok(turn.roll_back("finds no manifest to point at and rolls back", At::Facts));
            }
            turn.write(Write::Point(r, Tag { to, start: now, expires }));
            Some(to)
        }
        (TagStep::Point { .. } | TagStep::End { .. } | TagStep::None, _) => {
            turn.write(Write::End(r, now));
            None
        }
    };
    let next = pins(&turn, current.filter(|left| Some(*left) != to));
    Ok(turn.go(if to.is_some() { "points the tag" } else { "ends the tag" }, next))
}

/// One statement; its rows are locked one after the other, in the order of their keys.
pub(super) fn pin(mut turn: Turn<'_>, r: u8, manifests: u8) -> Step {
    let (Some(plan), Some(m)) = (turn.plan(), members(manifests).next()) else {
        return Ok(turn.go("has pinned", At::Commit));
    };
    turn.lock(Lock::Manifest(r, m), Mode::Exclusive)?;
    let own = plan.pin.filter(|_| pushed(&turn) == Some(m));
    match own.or(plan.displaced_until) {
        Some(until) if undeleted(&turn.repository(r), m) => turn.write(Write::Pin(r, m, until)),
        Some(_) if own.is_some() => return Ok(turn.roll_back("finds nothing to pin and rolls back", At::Facts)),
        Some(_) | None => {}
    }
    let rest = manifests & !(1 << m);
    Ok(turn.go("pins a manifest", if rest == 0 { At::Commit } else { At::Pin { manifests: rest } }))
}
