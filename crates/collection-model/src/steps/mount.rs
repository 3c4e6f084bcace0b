//! Mounting a blob from another repository, and the write of an access row, which mount and finish share.

use super::{Place, Step};
use crate::liveness::granted;
use crate::locks::{Lock, Mode};
use crate::protocol::Rule;
use crate::rows::{Access, Write};
use crate::state::At;
use crate::turn::{Stepped, Turn};
use crate::world::Op;

/// Whether the other repository grants the blob, and where it is.
pub(super) fn source(mut turn: Turn<'_>, place: Place) -> Stepped {
    if turn.process().at == At::Ready {
        turn.process_mut().now = turn.state.clock;
    }
    let (rows, now) = (turn.repository(place.from), turn.process().now);
    let grants = granted(&rows, &turn.model.world.definitions, place.blob, now);
    let access = rows.access[usize::from(place.blob)].filter(|_| grants);
    let Some(access) = access else { return turn.refuse("finds nothing to mount") };
    turn.process_mut().found = Some(access.location);
    let next = if turn.keeps(Rule::BlobFirst) { At::LockBlob } else { At::WriteAccess };
    turn.go("begins and finds the blob in the other repository", next)
}

/// `FOR KEY SHARE` on the blob row with the location that was found; if it is gone the transaction starts again.
pub(super) fn lock_blob(mut turn: Turn<'_>, b: u8) -> Step {
    turn.lock(Lock::Blob(b), Mode::Shared)?;
    if turn.view().blobs[usize::from(b)] != turn.process().found {
        return Ok(again(turn, "finds that the blob row is gone and starts again"));
    }
    Ok(turn.go("locks the blob row", At::WriteAccess))
}

/// The upsert of the access row: a second one prolongs the lease.
pub(super) fn write_access(mut turn: Turn<'_>, r: u8, b: u8) -> Step {
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
pub(super) fn foreign_key(mut turn: Turn<'_>, b: u8) -> Step {
    turn.lock(Lock::Blob(b), Mode::Shared)?;
    if turn.view().blobs[usize::from(b)] != turn.process().found {
        return Ok(again(turn, "fails by the foreign key and starts again"));
    }
    Ok(turn.go("passes the foreign key", At::Commit))
}

fn again(turn: Turn<'_>, what: &'static str) -> Stepped {
    let uploads = turn.op().is_some_and(|op| matches!(op, Op::Upload { .. }));
    turn.roll_back(what, if uploads { At::Finish } else { At::Source })
}
