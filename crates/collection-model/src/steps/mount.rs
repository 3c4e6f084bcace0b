//! Mounting a blob from another repository, and the write of an access row, which mount and finish share.

use crate::liveness::granted;
use crate::locks::{Lock, Mode};
use crate::protocol::Rule;
use crate::rows::{Access, Write};
use crate::state::At;
use crate::turn::{Stepped, Turn};

pub(super) fn step(mut turn: Turn<'_>, at: At, from: u8, to: u8, b: u8) -> Result<Stepped, Stepped> {
    match at {
        At::Ready | At::Source => {
            if at == At::Ready {
                turn.process_mut().now = turn.state.clock;
            }
            let (rows, now) = (turn.repository(from), turn.process().now);
            let access = rows.access[usize::from(b)].filter(|_| granted(&rows, &turn.model.world.definitions, b, now));
            let Some(access) = access else { return Ok(turn.refuse("finds nothing to mount")) };
            turn.process_mut().found = Some(access.location);
            let next = if turn.keeps(Rule::BlobFirst) { At::LockBlob } else { At::WriteAccess };
            Ok(turn.go("begins and finds the blob in the other repository", next))
        }
        At::LockBlob => lock_blob(turn, b, At::Source),
        At::WriteAccess => write_access(turn, to, b),
        At::ForeignKey => foreign_key(turn, b, At::Source),
        _ => Ok(turn.commit("commits and answers")),
    }
}

/// `FOR KEY SHARE` on the blob row with the location that was found; if it is gone the transaction starts again.
pub(super) fn lock_blob(mut turn: Turn<'_>, b: u8, again: At) -> Result<Stepped, Stepped> {
    turn.lock(Lock::Blob(b), Mode::Shared)?;
    if turn.view().blobs[usize::from(b)] != turn.process().found {
        return Ok(turn.roll_back("finds that the blob row is gone and starts again", again));
    }
    Ok(turn.go("locks the blob row", At::WriteAccess))
}

/// The upsert of the access row: a second one prolongs the lease.
pub(super) fn write_access(mut turn: Turn<'_>, r: u8, b: u8) -> Result<Stepped, Stepped> {
    turn.lock(Lock::Access(r, b), Mode::Exclusive)?;
    let lease = turn.process().now.saturating_add(turn.spans().lease);
    if turn.repository(r).access[usize::from(b)].is_some() {
        turn.write(Write::Lease(r, b, lease));
        return Ok(turn.go("prolongs the lease", At::Commit));
    }
    let location = turn.process().found.unwrap_or_default();
    turn.write(Write::PutAccess(r, b, Access { location, lease }));
    let checks = turn.keeps(Rule::ForeignKey) && !turn.keeps(Rule::BlobFirst);
    Ok(turn.go("inserts the access row", if checks { At::ForeignKey } else { At::Commit }))
}

/// The check of the foreign key locks the blob row `FOR KEY SHARE` and sees its newest version.
pub(super) fn foreign_key(mut turn: Turn<'_>, b: u8, again: At) -> Result<Stepped, Stepped> {
    turn.lock(Lock::Blob(b), Mode::Shared)?;
    if turn.view().blobs[usize::from(b)] != turn.process().found {
        return Ok(turn.roll_back("fails by the foreign key and starts again", again));
    }
    Ok(turn.go("passes the foreign key", At::Commit))
}
