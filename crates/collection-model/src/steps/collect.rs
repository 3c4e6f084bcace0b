//! The collector: manifests, access rows, blob rows, expired uploads, bytes that nobody names.

use crate::liveness::{access_ended, lease_ended, retained};
use crate::locks::{Lock, Mode, Want};
use crate::protocol::Rule;
use crate::rows::{BLOBS, Locations, MANIFESTS, REPOSITORIES, Rows, Time, Upload, Write, location, members};
use crate::spec::Broken;
use crate::state::At;
use crate::turn::{Stepped, Turn};
use crate::world::World;

pub(super) fn step(turn: &Turn<'_>, at: At) -> Vec<Stepped> {
    let turn = *turn;
    let stepped = match at {
        At::Ready => return candidates(turn),
        At::TryManifests { repository, manifests } => {
            let next = At::AgainManifests { repository, manifests };
            try_lock(turn, repository, next, At::RemoveManifests { repository, manifests })
        }
        At::AgainManifests { repository, manifests } => {
            let manifests = manifests & unretained(&turn, repository, turn.process().now);
            go_unless_empty(turn, manifests, At::RemoveManifests { repository, manifests })
        }
        At::RemoveManifests { repository, manifests } => remove_manifests(turn, repository, manifests),
        At::TryAccess { repository, blobs } => {
            let next = At::AgainAccess { repository, blobs };
            try_lock(turn, repository, next, At::DropAccess { repository, blobs })
        }
        At::AgainAccess { repository, blobs } => {
            let blobs = blobs & ended(&turn, repository, turn.process().now);
            go_unless_empty(turn, blobs, At::DropAccess { repository, blobs })
        }
        At::DropAccess { repository, blobs } => drop_access(turn, repository, blobs),
        At::LockBlobs { blobs } => lock_blobs(turn, blobs),
        At::RemoveBlobs { blobs } => Ok(remove_blobs(turn, blobs, &turn.state.rows)),
        At::SweepUpload { upload } => sweep_upload(turn, upload),
        At::DiscardUnnamed { location } => Ok(discard_unnamed(turn, location)),
        _ => Ok(turn.commit("commits")),
    };
    vec![super::wait(stepped)]
}

fn set(most: usize, is: impl Fn(u8) -> bool) -> u8 {
    (0..).take(most).filter(|item| is(*item)).fold(0, |all, item| all | 1 << item)
}

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
fn candidates(mut turn: Turn<'_>) -> Vec<Stepped> {
    let now = turn.state.clock;
    turn.process_mut().now = now;
    let rows = turn.state.rows;
    let mut found = Vec::new();
    for repository in (0..).take(REPOSITORIES) {
        let manifests = unretained(&turn, repository, now);
        if manifests != 0 {
            found.push(turn.go("finds manifests to collect", At::TryManifests { repository, manifests }));
        }
        let blobs = ended(&turn, repository, now);
        if blobs != 0 {
            found.push(turn.go("finds access rows to collect", At::TryAccess { repository, blobs }));
        }
    }
    let blobs = set(BLOBS, |b| rows.blobs[usize::from(b)].is_some() && !rows.has_access(b));
    if blobs != 0 {
        found.push(turn.go("begins and finds blob rows to collect", At::LockBlobs { blobs }));
    }
    for upload in (0..).take(rows.uploads.len()) {
        if expired(&rows, upload, now) {
            found.push(turn.go("finds an expired upload", At::SweepUpload { upload }));
        }
    }
    for at in 0..16 {
        if turn.state.bytes & !rows.named_by_blobs() & !rows.trash & location(at) != 0 {
            found.push(turn.go("lists bytes of the store", At::DiscardUnnamed { location: at }));
        }
    }
    found
}

fn try_lock(mut turn: Turn<'_>, r: u8, again: At, at_once: At) -> Result<Stepped, Stepped> {
    let what = "begins, with the repository lock alone";
    if turn.keeps(Rule::RepositoryLock) && turn.lock(Lock::Repository(r), Mode::Exclusive).is_err() {
        return Ok(turn.refuse("is not given the lock: busy"));
    }
    Ok(turn.go(what, if turn.keeps(Rule::LookAgain) { again } else { at_once }))
}

fn go_unless_empty(turn: Turn<'_>, set: u8, at: At) -> Result<Stepped, Stepped> {
    Ok(if set == 0 { turn.refuse("looks again, and nothing is left to do") } else { turn.go("looks again", at) })
}

fn remove_manifests(mut turn: Turn<'_>, r: u8, manifests: u8) -> Result<Stepped, Stepped> {
    let Some(m) = members(manifests).next() else { return Ok(turn.commit("commits")) };
    turn.lock(Lock::Manifest(r, m), Mode::Exclusive)?;
    let by = turn.process().now.saturating_sub(turn.spans().window);
    turn.write(Write::RemoveManifest(r, m, by));
    let rest = manifests & !(1 << m);
    let next = if rest == 0 { At::Commit } else { At::RemoveManifests { repository: r, manifests: rest } };
    Ok(turn.go("deletes a manifest with its links", next))
}

/// Waits for the row, and tests what the statement says about the row itself on its newest version.
fn drop_access(mut turn: Turn<'_>, r: u8, blobs: u8) -> Result<Stepped, Stepped> {
    let Some(b) = members(blobs).next() else { return Ok(turn.commit("commits")) };
    turn.lock(Lock::Access(r, b), Mode::Exclusive)?;
    let (now, grace) = (turn.process().now, turn.spans().grace);
    let row = turn.repository(r).access[usize::from(b)];
    if row.is_some_and(|row| lease_ended(row.lease, now, grace) || !turn.keeps(Rule::LookAgain)) {
        turn.write(Write::RemoveAccess(r, b));
    }
    let rest = blobs & !(1 << b);
    let next = if rest == 0 { At::Commit } else { At::DropAccess { repository: r, blobs: rest } };
    Ok(turn.go("deletes an access row", next))
}

/// `FOR UPDATE SKIP LOCKED`. The snapshot is older than the locks: rows can have been locked and left again in between.
fn lock_blobs(mut turn: Turn<'_>, blobs: u8) -> Result<Stepped, Stepped> {
    let rows = turn.state.rows;
    let free = |turn: &Turn<'_>, b: u8| {
        let want = Want { lock: Lock::Blob(b), mode: Mode::Exclusive };
        rows.blobs[usize::from(b)].is_some() && turn.barred_by(want) == 0
    };
    let mut taken = 0;
    for b in members(blobs) {
        if free(&turn, b) && turn.lock(Lock::Blob(b), Mode::Exclusive).is_ok() {
            taken |= 1 << b;
        }
    }
    if taken == 0 {
        return Ok(turn.refuse("locks no blob row"));
    }
    if turn.keeps(Rule::NextStatement) {
        return Ok(turn.go("locks blob rows", At::RemoveBlobs { blobs: taken }));
    }
    // Deleted by the statement that found them: what it knows of access rows is as old as its snapshot.
    let mut old = rows;
    for repository in &mut old.repositories {
        for b in members(taken) {
            repository.access[usize::from(b)] = None;
        }
    }
    Ok(remove_blobs(turn, taken, &old))
}

/// Deletes those to which no access row refers, as far as the statement sees, and then checks the foreign key against the newest rows.
fn remove_blobs(mut turn: Turn<'_>, blobs: u8, seen: &Rows) -> Stepped {
    let rows = turn.state.rows;
    for b in members(blobs) {
        if seen.has_access(b) {
            continue;
        }
        if turn.keeps(Rule::ForeignKey) && rows.has_access(b) {
            turn.state.broken = Some(Broken::CollectorFailed);
        }
        turn.write(Write::RemoveBlob(b));
    }
    turn.go("deletes blob rows without access rows", At::Commit)
}

fn expired(rows: &Rows, upload: u8, now: Time) -> bool {
    match rows.uploads[usize::from(upload)] {
        Upload::Open { expires, .. } | Upload::Finished { expires } => expires <= now,
        Upload::Absent => false,
    }
}

fn sweep_upload(mut turn: Turn<'_>, upload: u8) -> Result<Stepped, Stepped> {
    turn.lock(Lock::Upload(upload), Mode::Exclusive)?;
    if !expired(&turn.state.rows, upload, turn.process().now) {
        return Ok(turn.refuse("finds that the upload goes on"));
    }
    let row = &mut turn.state.rows.uploads[usize::from(upload)];
    let parts = if let Upload::Open { parts, .. } = *row { parts } else { 0 };
    *row = Upload::Absent;
    Write::Discard(parts).apply(&mut turn.state.rows);
    Ok(turn.commit("deletes an expired upload and discards its parts"))
}

/// One statement that tests and writes. An upload names everything that was stored under its id.
fn discard_unnamed(mut turn: Turn<'_>, at: u8) -> Stepped {
    let (rows, now) = (turn.state.rows, turn.process().now);
    let names = |upload: u8| {
        let stored: Locations = location(World::part(upload)) | location(World::sealed(upload));
        match rows.uploads[usize::from(upload)] {
            Upload::Open { expires, parts } => {
                let all = expires > now || turn.keeps(Rule::RowsNameUntilTheyGo);
                if all { stored } else { parts }
            }
            Upload::Finished { .. } | Upload::Absent => 0,
        }
    };
    let by_uploads = (0..).take(rows.uploads.len()).fold(0, |all, upload| all | names(upload));
    if (rows.named_by_blobs() | by_uploads) & location(at) != 0 {
        return turn.refuse("finds that the bytes are named");
    }
    Write::Discard(location(at)).apply(&mut turn.state.rows);
    turn.commit("discards bytes that nobody names")
}
