//! Uploads: begin, a part, seal, finish.

use super::{Place, Step};
use crate::locks::{Lock, Mode};
use crate::protocol::Rule;
use crate::rows::{Locations, Time, Upload, Write, location};
use crate::spec::Broken;
use crate::state::At;
use crate::turn::{Stepped, Turn};
use crate::world::{Op, World};

/// The row of the upload: one for each upload of a script.
fn slot(turn: &Turn<'_>) -> u8 {
    let script = &turn.model.world.scripts[turn.who];
    let before = script.iter().take(usize::from(turn.process().op)).filter(|op| matches!(op, Op::Upload { .. }));
    before.fold(if turn.who == 0 { 0 } else { 2 }, |slot, _| slot + 1)
}

fn sealed(turn: &Turn<'_>, blob: u8) -> u8 {
    if turn.keeps(Rule::FreshLocations) { World::sealed(slot(turn)) } else { World::by_digest(blob) }
}

pub(super) fn begin(mut turn: Turn<'_>, place: Place) -> Stepped {
    let expires = turn.state.clock.saturating_add(turn.spans().upload);
    let slot = slot(&turn);
    turn.state.rows.uploads[usize::from(slot)] = Upload::Open { expires, parts: 0 };
    turn.go("opens an upload", if place.parts { At::StorePart } else { At::Seal })
}

/// A request brings a part; it reads its clock at its start.
pub(super) fn store_part(mut turn: Turn<'_>) -> Stepped {
    turn.process_mut().now = turn.state.clock;
    turn.state.bytes |= location(World::part(slot(&turn)));
    turn.go("stores a part", At::Publish)
}

/// What is published, if the upload can go on at that time.
fn open(turn: &Turn<'_>, now: Time) -> Option<Locations> {
    match turn.view().uploads[usize::from(slot(turn))] {
        Upload::Open { expires, parts } if expires > now => Some(parts),
        Upload::Open { .. } | Upload::Finished { .. } | Upload::Absent => None,
    }
}

pub(super) fn publish(mut turn: Turn<'_>) -> Step {
    let slot = slot(&turn);
    turn.lock(Lock::Upload(slot), Mode::Exclusive)?;
    let (now, part) = (turn.process().now, location(World::part(slot)));
    if open(&turn, now).is_none() {
        Write::Discard(part).apply(&mut turn.state.rows);
        return Ok(turn.refuse("finds no upload for its part and discards it"));
    }
    let expires = now.saturating_add(turn.spans().upload);
    turn.state.rows.uploads[usize::from(slot)] = Upload::Open { expires, parts: part };
    Ok(turn.roll_back("publishes the part", At::Seal))
}

/// The finishing request begins: it reads its clock, loads the upload and seals what there is.
pub(super) fn seal(mut turn: Turn<'_>, blob: u8) -> Stepped {
    let now = turn.state.clock;
    turn.process_mut().now = now;
    let Some(parts) = open(&turn, now) else { return turn.refuse("finds no upload to finish") };
    if parts & !turn.state.bytes != 0 {
        return turn.refuse("cannot seal: bytes are gone");
    }
    let at = location(sealed(&turn, blob));
    if turn.keeps(Rule::FreshLocations) && (turn.state.bytes | turn.state.gone) & at != 0 {
        turn.state.broken = Some(Broken::LocationReused);
    }
    turn.state.bytes |= at;
    turn.go("loads the upload and seals it", At::Finish)
}

/// The compare-and-set. Its clock is that of the request, however long the seal took.
pub(super) fn finish(mut turn: Turn<'_>, blob: u8) -> Step {
    let slot = slot(&turn);
    turn.lock(Lock::Upload(slot), Mode::Exclusive)?;
    if open(&turn, turn.process().now).is_none() {
        let sealed = location(sealed(&turn, blob));
        Write::Discard(sealed).apply(&mut turn.state.rows);
        return Ok(turn.refuse("finds no upload any more and discards the sealed copy"));
    }
    turn.write(Write::Finish(slot));
    Ok(turn.go("begins and marks the upload finished", At::InsertBlob))
}

/// `INSERT … ON CONFLICT DO NOTHING`: waits for whoever inserts the same key.
pub(super) fn insert_blob(mut turn: Turn<'_>, blob: u8) -> Step {
    if turn.view().blobs[usize::from(blob)].is_some() {
        return Ok(turn.go("finds that there is a blob row", At::Locate));
    }
    turn.lock(Lock::Blob(blob), Mode::Exclusive)?;
    let sealed = sealed(&turn, blob);
    turn.write(Write::PutBlob(blob, sealed));
    Ok(turn.go("inserts the blob row", At::Locate))
}

pub(super) fn locate(mut turn: Turn<'_>, blob: u8) -> Stepped {
    let found = turn.view().blobs[usize::from(blob)];
    if found.is_none() {
        return turn.roll_back("finds that the blob row is gone and starts again", At::Finish);
    }
    turn.process_mut().found = found;
    let next = if turn.keeps(Rule::BlobFirst) { At::LockBlob } else { At::WriteAccess };
    turn.go("finds where the blob is", next)
}

/// What the blob row does not name is not kept.
pub(super) fn commit(mut turn: Turn<'_>, blob: u8) -> Stepped {
    let sealed = location(sealed(&turn, blob));
    turn.write(Write::Discard(sealed));
    turn.commit("discards what is not kept, commits and answers")
}
