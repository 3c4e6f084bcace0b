//! Uploads: begin, a part, seal, finish.

use super::mount;
use crate::locks::{Lock, Mode};
use crate::protocol::Rule;
use crate::rows::{Locations, Time, Upload, Write, location};
use crate::spec::Broken;
use crate::state::At;
use crate::turn::{Stepped, Turn};
use crate::world::{Op, World};

/// Where what is uploaded how.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) repository: u8,
    pub(super) blob: u8,
    pub(super) parts: bool,
}

pub(super) fn step(turn: Turn<'_>, at: At, place: Place) -> Result<Stepped, Stepped> {
    let (upload, blob) = (slot(&turn), place.blob);
    match at {
        At::Ready => Ok(begin(turn, upload, place)),
        At::StorePart => {
            let mut turn = turn;
            turn.process_mut().now = turn.state.clock;
            turn.state.bytes |= location(World::part(upload));
            Ok(turn.go("stores a part", At::Publish))
        }
        At::Publish => publish(turn, upload),
        At::Seal => Ok(seal(turn, upload, blob)),
        At::Finish => finish(turn, upload, blob),
        At::InsertBlob => insert_blob(turn, upload, blob),
        At::Locate => Ok(locate(turn, blob)),
        At::LockBlob => mount::lock_blob(turn, blob, At::Finish),
        At::WriteAccess => mount::write_access(turn, place.repository, blob),
        At::ForeignKey => mount::foreign_key(turn, blob, At::Finish),
        _ => {
            let mut turn = turn;
            let sealed = location(sealed(&turn, upload, blob));
            // What the blob row does not name is not kept.
            turn.write(Write::Discard(sealed));
            Ok(turn.commit("discards what is not kept, commits and answers"))
        }
    }
}

/// The row of the upload: one for each upload of a script.
fn slot(turn: &Turn<'_>) -> u8 {
    let script = &turn.model.world.scripts[turn.who];
    let before = script.iter().take(usize::from(turn.process().op)).filter(|op| matches!(op, Op::Upload { .. }));
    (0..).zip(0..before.count()).fold(if turn.who == 0 { 0 } else { 2 }, |slot, _: (u8, usize)| slot + 1)
}

fn sealed(turn: &Turn<'_>, upload: u8, blob: u8) -> u8 {
    if turn.keeps(Rule::FreshLocations) { World::sealed(upload) } else { World::by_digest(blob) }
}

fn begin(mut turn: Turn<'_>, upload: u8, place: Place) -> Stepped {
    let expires = turn.state.clock.saturating_add(turn.spans().upload);
    turn.state.rows.uploads[usize::from(upload)] = Upload::Open { expires, parts: 0 };
    turn.go("opens an upload", if place.parts { At::StorePart } else { At::Seal })
}

/// What is published, if the upload can go on at that time.
fn open(turn: &Turn<'_>, upload: u8, now: Time) -> Option<Locations> {
    match turn.view().uploads[usize::from(upload)] {
        Upload::Open { expires, parts } if expires > now => Some(parts),
        Upload::Open { .. } | Upload::Finished { .. } | Upload::Absent => None,
    }
}

fn publish(mut turn: Turn<'_>, upload: u8) -> Result<Stepped, Stepped> {
    turn.lock(Lock::Upload(upload), Mode::Exclusive)?;
    let (now, part) = (turn.process().now, location(World::part(upload)));
    if open(&turn, upload, now).is_none() {
        Write::Discard(part).apply(&mut turn.state.rows);
        return Ok(turn.refuse("finds no upload for its part and discards it"));
    }
    let expires = now.saturating_add(turn.spans().upload);
    turn.state.rows.uploads[usize::from(upload)] = Upload::Open { expires, parts: part };
    Ok(turn.roll_back("publishes the part", At::Seal))
}

/// The finishing request begins: it reads its clock, loads the upload and seals what there is.
fn seal(mut turn: Turn<'_>, upload: u8, blob: u8) -> Stepped {
    let now = turn.state.clock;
    turn.process_mut().now = now;
    let Some(parts) = open(&turn, upload, now) else { return turn.refuse("finds no upload to finish") };
    if parts & !turn.state.bytes != 0 {
        return turn.refuse("cannot seal: bytes are gone");
    }
    let at = location(sealed(&turn, upload, blob));
    if turn.keeps(Rule::FreshLocations) && (turn.state.bytes | turn.state.gone) & at != 0 {
        turn.state.broken = Some(Broken::LocationReused);
    }
    turn.state.bytes |= at;
    turn.go("loads the upload and seals it", At::Finish)
}

/// The compare-and-set. Its clock is that of the request, however long the seal took.
fn finish(mut turn: Turn<'_>, upload: u8, blob: u8) -> Result<Stepped, Stepped> {
    turn.lock(Lock::Upload(upload), Mode::Exclusive)?;
    if open(&turn, upload, turn.process().now).is_none() {
        let sealed = location(sealed(&turn, upload, blob));
        Write::Discard(sealed).apply(&mut turn.state.rows);
        return Ok(turn.refuse("finds no upload any more and discards the sealed copy"));
    }
    turn.write(Write::Finish(upload));
    Ok(turn.go("begins and marks the upload finished", At::InsertBlob))
}

/// `INSERT … ON CONFLICT DO NOTHING`: waits for whoever inserts the same key.
fn insert_blob(turn: Turn<'_>, upload: u8, blob: u8) -> Result<Stepped, Stepped> {
    if turn.view().blobs[usize::from(blob)].is_some() {
        return Ok(turn.go("finds that there is a blob row", At::Locate));
    }
    let mut turn = turn;
    turn.lock(Lock::Blob(blob), Mode::Exclusive)?;
    let sealed = sealed(&turn, upload, blob);
    turn.write(Write::PutBlob(blob, sealed));
    Ok(turn.go("inserts the blob row", At::Locate))
}

fn locate(mut turn: Turn<'_>, blob: u8) -> Stepped {
    let found = turn.view().blobs[usize::from(blob)];
    if found.is_none() {
        return turn.roll_back("finds that the blob row is gone and starts again", At::Finish);
    }
    turn.process_mut().found = found;
    let next = if turn.keeps(Rule::BlobFirst) { At::LockBlob } else { At::WriteAccess };
    turn.go("finds where the blob is", next)
}
