//! The deletion of a repository's access to a blob.

use super::{Step, apply};
use crate::liveness::{linked, undeleted};
use crate::locks::{Lock, Mode};
use crate::rows::Write;
use crate::state::At;
use crate::turn::{Stepped, Turn};

pub(super) fn begin(mut turn: Turn<'_>, r: u8) -> Stepped {
    turn.process_mut().now = turn.state.clock;
    apply::begin_alone(turn, r)
}

pub(super) fn look(turn: Turn<'_>, r: u8, b: u8) -> Stepped {
    let rows = turn.repository(r);
    if linked(&turn.model.world.definitions, b, |m| undeleted(&rows, m)) {
        return turn.refuse("finds a manifest that links the blob: 405");
    }
    turn.go("finds no manifest that links the blob", At::RemoveAccess)
}

pub(super) fn remove(mut turn: Turn<'_>, r: u8, b: u8) -> Step {
    turn.lock(Lock::Access(r, b), Mode::Exclusive)?;
    if turn.repository(r).access[usize::from(b)].is_none() {
        return Ok(turn.refuse("finds no access row: 404"));
    }
    turn.write(Write::RemoveAccess(r, b));
    Ok(turn.go("deletes the access row", At::Commit))
}
