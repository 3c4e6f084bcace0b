//! Pushes, moves and ends of tags: facts, plan, apply.

use crate::liveness::{granted, undeleted, visible};
use crate::locks::{Lock, Mode};
use crate::planner::{Change, Facts, Planned, TagStep};
use crate::protocol::Rule;
use crate::rows::{BLOBS, MANIFESTS, Repository, Tag, Write, members};
use crate::state::At;
use crate::turn::{Stepped, Turn};
use crate::world::Condition;

pub(super) fn step(turn: Turn<'_>, at: At, r: u8, m: Option<u8>) -> Result<Stepped, Stepped> {
    match at {
        At::Ready | At::Facts => Ok(facts(turn, at, r, m)),
        At::Begin => begin_shared(turn, r),
        At::Look => Ok(look(turn, r, m)),
        At::Insert => insert(turn, r, m),
        At::Check { deleted } => Ok(check(turn, r, m, deleted)),
        At::Revive => revive(turn, r, m),
        At::LookAtTag => Ok(look_at_tag(turn, r)),
        At::WriteTag => write_tag(turn, r, m),
        At::Pin { manifests } => pin(turn, r, m, manifests),
        _ => Ok(turn.commit("commits and answers")),
    }
}

/// The facts statement and the plan, which is pure. A request that comes back to facts keeps its time.
pub(super) fn facts(mut turn: Turn<'_>, at: At, r: u8, m: Option<u8>) -> Stepped {
    if at == At::Ready {
        turn.process_mut().now = turn.state.clock;
    }
    let (now, rows) = (turn.process().now, turn.repository(r));
    let definitions = &turn.model.world.definitions;
    let row = m.map(|m| rows.manifests[usize::from(m)]).filter(|row| row.there);
    let set = |most: usize, is: &dyn Fn(u8) -> bool| {
        (0..).take(most).filter(|item| is(*item)).fold(0, |all, item| all | 1 << item)
    };
    let facts = Facts {
        now,
        there: row.is_some(),
        deleted: m.is_some_and(|m| row.is_some() && !undeleted(&rows, m)),
        visible: m.is_some_and(|m| visible(&rows, definitions, m, now)),
        blobs: set(BLOBS, &|b| granted(&rows, definitions, b, now)),
        manifests: set(MANIFESTS, &|m| undeleted(&rows, m)),
        tag: rows.tag,
    };
    let Some(op) = turn.op() else { return turn.refuse("has nothing to do") };
    match turn.model.planner.plan(op, facts) {
        Some(plan) => {
            turn.process_mut().plan = Some(plan);
            turn.go("takes facts and plans", At::Begin)
        }
        None => turn.refuse("takes facts and is refused by the plan"),
    }
}

fn begin_shared(mut turn: Turn<'_>, r: u8) -> Result<Stepped, Stepped> {
    if turn.keeps(Rule::RepositoryLock) {
        turn.lock(Lock::Repository(r), Mode::Shared)?;
    }
    Ok(turn.go("begins, with the repository lock shared", At::Look))
}

/// Begins with the repository lock alone, or goes into the queue for it.
pub(super) fn begin_alone(turn: Turn<'_>, r: u8) -> Result<Stepped, Stepped> {
    if !turn.keeps(Rule::RepositoryLock) {
        return Ok(turn.go("begins", At::Look));
    }
    let mut taken = turn;
    match taken.lock(Lock::Repository(r), Mode::Exclusive) {
        Ok(()) => Ok(taken.go("begins, with the repository lock alone", At::Look)),
        Err(_) => Ok(turn.go("begins and waits for the repository lock alone", At::Queued)),
    }
}

/// What a process does that was in the queue once it has the lock.
pub(super) fn locked(mut turn: Turn<'_>) -> Result<Stepped, Stepped> {
    if let Some(op) = turn.op() {
        turn.lock(op.lock(), Mode::Exclusive)?;
    }
    Ok(turn.go("has the repository lock alone", At::Look))
}

pub(super) fn begin_as(turn: Turn<'_>, r: u8, rule: Rule) -> Result<Stepped, Stepped> {
    if turn.keeps(rule) { begin_alone(turn, r) } else { begin_shared(turn, r) }
}

fn look(turn: Turn<'_>, r: u8, m: Option<u8>) -> Stepped {
    let Some(m) = m else { return turn.go("finds the repository", to_tag(turn)) };
    let row = turn.repository(r).manifests[usize::from(m)];
    let creates = turn.plan().is_some_and(|plan| plan.manifest == Change::Create);
    match (row.there, creates) {
        (true, _) => {
            let deleted = !undeleted(&turn.repository(r), m);
            turn.go("finds the manifest row", At::Check { deleted })
        }
        (false, true) => turn.go("finds no manifest row", At::Insert),
        (false, false) => turn.roll_back("finds no manifest row any more and rolls back", At::Facts),
    }
}

/// `INSERT … ON CONFLICT DO NOTHING`: waits for whoever inserts the same key.
fn insert(mut turn: Turn<'_>, r: u8, m: Option<u8>) -> Result<Stepped, Stepped> {
    let m = m.unwrap_or_default();
    let mut taken = turn;
    taken.lock(Lock::Manifest(r, m), Mode::Exclusive)?;
    if turn.repository(r).manifests[usize::from(m)].there {
        return Ok(turn.go("finds that another one inserted the manifest", At::Look));
    }
    turn = taken;
    turn.write(Write::PutManifest(r, m));
    Ok(turn.go("inserts the manifest and its links", At::Check { deleted: false }))
}

/// Required blobs need an access row, required children an undeleted row.
fn check(turn: Turn<'_>, r: u8, m: Option<u8>, deleted: bool) -> Stepped {
    let (rows, definition) = (turn.repository(r), turn.model.world.definitions[usize::from(m.unwrap_or_default())]);
    let whole = members(definition.blobs).all(|b| rows.access[usize::from(b)].is_some())
        && definition.child.is_none_or(|child| undeleted(&rows, child));
    if !whole {
        return turn.roll_back("misses a blob or child and rolls back", At::Facts);
    }
    let next = if deleted { At::Revive } else { to_tag(turn) };
    turn.go("finds everything that the manifest requires", next)
}

fn revive(mut turn: Turn<'_>, r: u8, m: Option<u8>) -> Result<Stepped, Stepped> {
    let m = m.unwrap_or_default();
    turn.lock(Lock::Manifest(r, m), Mode::Exclusive)?;
    if !turn.repository(r).manifests[usize::from(m)].there {
        return Ok(turn.roll_back("finds nothing to revive and rolls back", At::Facts));
    }
    turn.write(Write::Revive(r, m));
    let next = to_tag(turn);
    Ok(turn.go("revives the manifest", next))
}

/// Where the plan goes on behind its manifest.
fn to_tag(turn: Turn<'_>) -> At {
    match turn.plan().map(|plan| plan.tag) {
        Some(TagStep::Point { .. } | TagStep::End { .. }) if turn.keeps(Rule::WritesTest) => At::WriteTag,
        Some(TagStep::Point { .. } | TagStep::End { .. }) => At::LookAtTag,
        Some(TagStep::None) | None => to_pins(turn, None),
    }
}

fn to_pins(turn: Turn<'_>, left: Option<u8>) -> At {
    let Some(plan) = turn.plan() else { return At::Commit };
    let own = match turn.op() {
        Some(crate::world::Op::Push { manifest, .. }) => plan.pin.map(|_| 1 << manifest),
        _ => None,
    };
    let left = left.filter(|_| plan.displaced_until.is_some()).map(|left| 1_u8 << left);
    match own.unwrap_or(0) | left.unwrap_or(0) {
        0 => At::Commit,
        manifests => At::Pin { manifests },
    }
}

fn alive(rows: &Repository, now: u8) -> Option<u8> {
    rows.tag.filter(|tag| tag.expires > now).map(|tag| tag.to)
}

fn guard(plan: Planned) -> (Condition, bool) {
    match plan.tag {
        TagStep::Point { guard, .. } => (guard, false),
        TagStep::End { guard } => (guard, true),
        TagStep::None => (Condition::Any, false),
    }
}

/// Without [`Rule::WritesTest`]: a statement that only reads decides what the next one writes.
fn look_at_tag(mut turn: Turn<'_>, r: u8) -> Stepped {
    let Some(plan) = turn.plan() else { return turn.refuse("has no plan") };
    let current = alive(&turn.repository(r), turn.process().now);
    let (guard, ends) = guard(plan);
    if !guard.holds(current) || ends && current.is_none() {
        return turn.roll_back("finds that the guard does not hold and rolls back", At::Facts);
    }
    turn.process_mut().found = current;
    turn.go("looks at the tag", At::WriteTag)
}

/// The upsert or the delete of the tag's row: it waits for the row, and then tests and replaces its newest version.
fn write_tag(mut turn: Turn<'_>, r: u8, m: Option<u8>) -> Result<Stepped, Stepped> {
    let Some(plan) = turn.plan() else { return Ok(turn.refuse("has no plan")) };
    turn.lock(Lock::Tag(r), Mode::Exclusive)?;
    let (rows, now) = (turn.repository(r), turn.process().now);
    let mut current = alive(&rows, now);
    let (guard, ends) = guard(plan);
    if turn.keeps(Rule::WritesTest) && (!guard.holds(current) || ends && current.is_none()) {
        return Ok(turn.roll_back("finds that the guard does not hold and rolls back", At::Facts));
    }
    if !turn.keeps(Rule::WritesTest) {
        current = turn.process_mut().found.take();
    }
    match (plan.tag, m) {
        (TagStep::Point { expires, .. }, Some(m)) => {
            if !undeleted(&rows, m) {
                return Ok(turn.roll_back("finds no manifest to point at and rolls back", At::Facts));
            }
            turn.write(Write::Point(r, Tag { to: m, start: now, expires }));
        }
        _ => turn.write(Write::End(r, now)),
    }
    let next = to_pins(turn, current.filter(|left| ends || Some(*left) != m));
    Ok(turn.go(if ends { "ends the tag" } else { "points the tag" }, next))
}

/// One statement; its rows are locked one after the other, in the order of their keys.
fn pin(mut turn: Turn<'_>, r: u8, m: Option<u8>, manifests: u8) -> Result<Stepped, Stepped> {
    let (Some(plan), Some(first)) = (turn.plan(), members(manifests).next()) else {
        return Ok(turn.go("has pinned", At::Commit));
    };
    turn.lock(Lock::Manifest(r, first), Mode::Exclusive)?;
    let own = if m == Some(first) { plan.pin } else { None };
    match own.or(plan.displaced_until) {
        Some(until) if undeleted(&turn.repository(r), first) => turn.write(Write::Pin(r, first, until)),
        _ if own.is_some() => return Ok(turn.roll_back("finds nothing to pin and rolls back", At::Facts)),
        _ => {}
    }
    let rest = manifests & !(1 << first);
    Ok(turn.go("pins a manifest", if rest == 0 { At::Commit } else { At::Pin { manifests: rest } }))
}
