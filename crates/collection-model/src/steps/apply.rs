//! Applying a plan: facts, the repository lock, the manifest.

use super::{Place, Step, tags};
use crate::liveness::{granted, undeleted, visible};
use crate::locks::{Lock, Mode};
use crate::planner::{Change, Facts};
use crate::protocol::Rule;
use crate::rows::{BLOBS, MANIFESTS, Write, members, set};
use crate::state::At;
use crate::turn::{Stepped, Turn};

/// The facts statement and the plan, which is pure. A request that comes back to facts keeps its time.
pub(super) fn facts(mut turn: Turn<'_>, at: At, place: Place) -> Stepped {
    if at == At::Ready {
        turn.process_mut().now = turn.state.clock;
    }
    let (now, rows) = (turn.process().now, turn.repository(place.repository));
    let definitions = &turn.model.world.definitions;
    let there = rows.manifests[usize::from(place.manifest)].there;
    let facts = Facts {
        now,
        there,
        deleted: there && !undeleted(&rows, place.manifest),
        visible: visible(&rows, definitions, place.manifest, now),
        blobs: set(BLOBS, |b| granted(&rows, definitions, b, now)),
        manifests: set(MANIFESTS, |m| undeleted(&rows, m)),
        tag: rows.tag,
    };
    match turn.op().and_then(|op| turn.model.planner.plan(op, facts)) {
        Some(plan) => {
            turn.process_mut().plan = Some(plan);
            turn.go("takes facts and plans", At::Begin)
        }
        None => turn.refuse("takes facts and is refused by the plan"),
    }
}

pub(super) fn begin_shared(mut turn: Turn<'_>, r: u8) -> Step {
    if turn.keeps(Rule::RepositoryLock) {
        turn.lock(Lock::Repository(r), Mode::Shared)?;
    }
    Ok(turn.go("begins, with the repository lock shared", At::Look))
}

pub(super) fn begin_as(turn: Turn<'_>, r: u8, rule: Rule) -> Step {
    if turn.keeps(rule) { Ok(begin_alone(turn, r)) } else { begin_shared(turn, r) }
}

/// Begins with the repository lock alone, or goes into the queue for it.
pub(super) fn begin_alone(turn: Turn<'_>, r: u8) -> Stepped {
    if !turn.keeps(Rule::RepositoryLock) {
        return turn.go("begins", At::Look);
    }
    let mut taken = turn.clone();
    match taken.lock(Lock::Repository(r), Mode::Exclusive) {
        Ok(()) => taken.go("begins, with the repository lock alone", At::Look),
        Err(_) => turn.go("begins and waits for the repository lock alone", At::Queued),
    }
}

/// What a process does that was in the queue once it has the lock.
pub(super) fn locked(mut turn: Turn<'_>) -> Step {
    if let Some(op) = turn.op() {
        turn.lock(op.lock(), Mode::Exclusive)?;
    }
    Ok(turn.go("has the repository lock alone", At::Look))
}

/// The row of the plan's manifest.
pub(super) fn look(turn: Turn<'_>, r: u8, m: u8) -> Stepped {
    let rows = turn.repository(r);
    let creates = turn.plan().is_some_and(|plan| plan.manifest == Change::Create);
    match (rows.manifests[usize::from(m)].there, creates) {
        (true, _) => turn.go("finds the manifest row", At::Check { deleted: !undeleted(&rows, m) }),
        (false, true) => turn.go("finds no manifest row", At::Insert),
        (false, false) => turn.roll_back("finds no manifest row any more and rolls back", At::Facts),
    }
}

/// `INSERT … ON CONFLICT DO NOTHING`: waits for whoever inserts the same key.
pub(super) fn insert(turn: Turn<'_>, r: u8, m: u8) -> Step {
    let mut taken = turn.clone();
    taken.lock(Lock::Manifest(r, m), Mode::Exclusive)?;
    if turn.repository(r).manifests[usize::from(m)].there {
        return Ok(turn.go("finds that another one inserted the manifest", At::Look));
    }
    taken.write(Write::PutManifest(r, m));
    Ok(taken.go("inserts the manifest and its links", At::Check { deleted: false }))
}

/// Required blobs need an access row, required children an undeleted row.
pub(super) fn check(turn: Turn<'_>, r: u8, m: u8, deleted: bool) -> Stepped {
    let (rows, definition) = (turn.repository(r), turn.model.world.definitions[usize::from(m)]);
    let whole = members(definition.blobs).all(|b| rows.access[usize::from(b)].is_some())
        && definition.child.is_none_or(|child| undeleted(&rows, child));
    if !whole {
        return turn.roll_back("misses a blob or child and rolls back", At::Facts);
    }
    let next = if deleted { At::Revive } else { tags::first(&turn) };
    turn.go("finds everything that the manifest requires", next)
}

pub(super) fn revive(mut turn: Turn<'_>, r: u8, m: u8) -> Step {
    turn.lock(Lock::Manifest(r, m), Mode::Exclusive)?;
    if !turn.repository(r).manifests[usize::from(m)].there {
        return Ok(turn.roll_back("finds nothing to revive and rolls back", At::Facts));
    }
    turn.write(Write::Revive(r, m));
    let next = tags::first(&turn);
    Ok(turn.go("revives the manifest", next))
}
