//! The collector of rows: manifests, access rows, blob rows.

use super::{Step, sweep};
use crate::liveness::{access_ended, lease_ended, retained};
use crate::locks::{Lock, Mode};
use crate::protocol::Rule;
use crate::rows::{BLOBS, MANIFESTS, REPOSITORIES, Time, Write, members, set};
use crate::spec::Broken;
use crate::state::At;
use crate::turn::{Stepped, Turn};

fn unretained(turn: &Turn<'_>, r: u8, now: Time) -> u8 {
    let (rows, world) = (turn.repository(r), &turn.model.world);
    set(MANIFESTS, |m| {
        rows.manifests[usize::from(m)].there && !retained(&rows, &world.definitions, m, now, world.spans.window)
    })
}

fn ended(turn: &Turn<'_>, r: u8, now: Time) -> u8 {
    let (rows, world) = (turn.repository(r), &turn.model.world);
    set(BLOBS, |b| access_ended(&rows, &world.definitions, b, now, world.spans.grace))
}

/// The statement that finds candidates, before any lock. One that finds none changes nothing and is left out.
pub(super) fn candidates(turn: &Turn<'_>) -> Vec<Stepped> {
    let mut turn = turn.clone();
    let now = turn.state.clock;
    turn.process_mut().now = now;
    let mut found = Vec::new();
    for repository in (0..).take(REPOSITORIES) {
        let manifests = unretained(&turn, repository, now);
        if manifests != 0 {
            found.push(turn.clone().go("finds manifests to collect", At::TryManifests { repository, manifests }));
        }
        let blobs = ended(&turn, repository, now);
        if blobs != 0 {
            found.push(turn.clone().go("finds access rows to collect", At::TryAccess { repository, blobs }));
        }
    }
    let rows = &turn.state.rows;
    let blobs = set(BLOBS, |b| rows.blobs[usize::from(b)].is_some() && !rows.has_access(b));
    if blobs != 0 {
        found.push(turn.clone().go("begins and finds blob rows to collect", At::LockBlobs { blobs }));
    }
    found.extend(sweep::candidates(&turn));
    found
}

pub(super) fn try_manifests(turn: Turn<'_>, repository: u8, manifests: u8) -> Stepped {
    let again = At::AgainManifests { repository, manifests };
    try_lock(turn, repository, again, At::RemoveManifests { repository, manifests })
}

pub(super) fn try_access(turn: Turn<'_>, repository: u8, blobs: u8) -> Stepped {
    let again = At::AgainAccess { repository, blobs };
    try_lock(turn, repository, again, At::RemoveAccessRows { repository, blobs })
}

fn try_lock(mut turn: Turn<'_>, r: u8, again: At, at_once: At) -> Stepped {
    if turn.keeps(Rule::RepositoryLock) && turn.lock(Lock::Repository(r), Mode::Exclusive).is_err() {
        return turn.refuse("is not given the lock: busy");
    }
    let next = if turn.keeps(Rule::LookAgain) { again } else { at_once };
    turn.go("begins, with the repository lock alone", next)
}

pub(super) fn again_manifests(turn: Turn<'_>, repository: u8, manifests: u8) -> Stepped {
    let manifests = manifests & unretained(&turn, repository, turn.process().now);
    again(turn, manifests, At::RemoveManifests { repository, manifests })
}

/// The snapshot of the statement that deletes.
pub(super) fn again_access(turn: Turn<'_>, repository: u8, blobs: u8) -> Stepped {
    let blobs = blobs & ended(&turn, repository, turn.process().now);
    again(turn, blobs, At::RemoveAccessRows { repository, blobs })
}

fn again(turn: Turn<'_>, left: u8, at: At) -> Stepped {
    if left == 0 { turn.refuse("looks again, and nothing is left to do") } else { turn.go("looks again", at) }
}

pub(super) fn remove_manifests(mut turn: Turn<'_>, r: u8, manifests: u8) -> Step {
    let Some(m) = members(manifests).next() else { return Ok(turn.commit("commits")) };
    turn.lock(Lock::Manifest(r, m), Mode::Exclusive)?;
    let by = turn.process().now.saturating_sub(turn.spans().window);
    turn.write(Write::RemoveManifest(r, m, by));
    let rest = manifests & !(1 << m);
    let next = if rest == 0 { At::Commit } else { At::RemoveManifests { repository: r, manifests: rest } };
    Ok(turn.go("deletes a manifest with its links", next))
}

/// Waits for the row, and tests what the statement says about the row itself on its newest version.
pub(super) fn remove_access(mut turn: Turn<'_>, r: u8, blobs: u8) -> Step {
    let Some(b) = members(blobs).next() else { return Ok(turn.commit("commits")) };
    turn.lock(Lock::Access(r, b), Mode::Exclusive)?;
    let (now, grace) = (turn.process().now, turn.spans().grace);
    let row = turn.repository(r).access[usize::from(b)];
    if row.is_some_and(|row| lease_ended(row.lease, now, grace) || !turn.keeps(Rule::LookAgain)) {
        turn.write(Write::RemoveAccess(r, b));
    }
    let rest = blobs & !(1 << b);
    let next = if rest == 0 { At::Commit } else { At::RemoveAccessRows { repository: r, blobs: rest } };
    Ok(turn.go("deletes an access row", next))
}

/// `FOR UPDATE SKIP LOCKED`. The snapshot is older than the locks: rows can have been locked and left again in between.
pub(super) fn lock_blobs(mut turn: Turn<'_>, blobs: u8) -> Stepped {
    let mut taken = 0;
    for b in members(blobs) {
        let there = turn.state.rows.blobs[usize::from(b)].is_some();
        if there && turn.lock(Lock::Blob(b), Mode::Exclusive).is_ok() {
            taken |= 1 << b;
        }
    }
    if taken == 0 {
        return turn.refuse("locks no blob row");
    }
    if turn.keeps(Rule::NextStatement) {
        return turn.go("locks blob rows", At::RemoveBlobs { blobs: taken });
    }
    // By the statement that found them, what is known of access rows is as old as its snapshot.
    drop_blobs(turn, taken, "locks blob rows and deletes them at once")
}

/// Deletes those to which no access row refers now.
pub(super) fn remove_blobs(turn: Turn<'_>, blobs: u8) -> Stepped {
    let blobs = blobs & set(BLOBS, |b| !turn.state.rows.has_access(b));
    drop_blobs(turn, blobs, "deletes blob rows without access rows")
}

/// The end of the statement checks the foreign key against the newest rows.
fn drop_blobs(mut turn: Turn<'_>, blobs: u8, what: &'static str) -> Stepped {
    for b in members(blobs) {
        if turn.keeps(Rule::ForeignKey) && turn.state.rows.has_access(b) {
            turn.state.broken = Some(Broken::CollectorFailed);
        }
        turn.write(Write::RemoveBlob(b));
    }
    turn.go(what, At::Commit)
}
