//! The deletion of a manifest by its digest.

use super::Step;
use crate::liveness::{undeleted, visible};
use crate::locks::{Lock, Mode};
use crate::rows::{MANIFESTS, Write};
use crate::state::At;
use crate::turn::{Stepped, Turn};

pub(super) fn look(turn: Turn<'_>, r: u8, m: u8) -> Stepped {
    if undeleted(&turn.repository(r), m) {
        turn.go("finds the manifest to delete", At::Holders)
    } else {
        turn.roll_back("finds no manifest to delete and rolls back", At::Facts)
    }
}

/// The alive tags of the manifest and the visible indexes that list it.
pub(super) fn holders(turn: Turn<'_>, r: u8, m: u8) -> Stepped {
    let (rows, now, definitions) = (turn.repository(r), turn.process().now, &turn.model.world.definitions);
    let lists =
        |parent: u8| definitions[usize::from(parent)].child == Some(m) && visible(&rows, definitions, parent, now);
    if (0..).take(MANIFESTS).any(lists) {
        return turn.refuse("finds an index that lists the manifest: 405");
    }
    let tagged = rows.tag.is_some_and(|tag| tag.to == m && tag.expires > now);
    turn.go("finds who holds the manifest", if tagged { At::EndTag } else { At::MarkDeleted })
}

/// Waits for the tag's row, and ends it only if it still points there.
pub(super) fn end_tag(mut turn: Turn<'_>, r: u8, m: u8) -> Step {
    turn.lock(Lock::Tag(r), Mode::Exclusive)?;
    if turn.repository(r).tag.is_some_and(|tag| tag.to == m) {
        let now = turn.process().now;
        turn.write(Write::End(r, now));
    }
    Ok(turn.go("ends the tag of what it deletes", At::MarkDeleted))
}

pub(super) fn mark_deleted(mut turn: Turn<'_>, r: u8, m: u8) -> Step {
    turn.lock(Lock::Manifest(r, m), Mode::Exclusive)?;
    if !undeleted(&turn.repository(r), m) {
        return Ok(turn.roll_back("finds no manifest to delete and rolls back", At::Facts));
    }
    let now = turn.process().now;
    turn.write(Write::MarkDeleted(r, m, now));
    Ok(turn.go("marks the manifest deleted", At::Commit))
}
