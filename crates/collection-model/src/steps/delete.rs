//! The deletion of a manifest by its digest.

use super::apply;
use crate::liveness::{undeleted, visible};
use crate::locks::{Lock, Mode};
use crate::protocol::Rule;
use crate::rows::{MANIFESTS, Write};
use crate::state::At;
use crate::turn::{Stepped, Turn};

pub(super) fn step(turn: Turn<'_>, at: At, r: u8, m: u8) -> Result<Stepped, Stepped> {
    match at {
        At::Ready | At::Facts => Ok(apply::facts(turn, at, r, Some(m))),
        At::Begin => apply::begin_as(turn, r, Rule::DeletesAlone),
        At::Look if undeleted(&turn.repository(r), m) => Ok(turn.go("finds the manifest to delete", At::Holders)),
        At::Look => Ok(turn.roll_back("finds no manifest to delete and rolls back", At::Facts)),
        At::Holders => Ok(holders(turn, r, m)),
        At::EndTag => end_tag(turn, r, m),
        At::MarkDeleted => mark_deleted(turn, r, m),
        _ => Ok(turn.commit("commits and answers")),
    }
}

/// The alive tags of the manifest and the visible indexes that list it.
fn holders(turn: Turn<'_>, r: u8, m: u8) -> Stepped {
    let (rows, now, definitions) = (turn.repository(r), turn.process().now, &turn.model.world.definitions);
    let lists =
        |parent: u8| definitions[usize::from(parent)].child == Some(m) && visible(&rows, definitions, parent, now);
    if (0..).take(MANIFESTS).any(lists) {
        return turn.refuse("finds an index that lists the manifest: 405");
    }
    let tagged = rows.tag.is_some_and(|tag| tag.to == m && tag.expires > now);
    turn.go("finds the tags of the manifest", if tagged { At::EndTag } else { At::MarkDeleted })
}

/// Waits for the tag's row, and ends it only if it still points there.
fn end_tag(mut turn: Turn<'_>, r: u8, m: u8) -> Result<Stepped, Stepped> {
    turn.lock(Lock::Tag(r), Mode::Exclusive)?;
    if turn.repository(r).tag.is_some_and(|tag| tag.to == m) {
        let now = turn.process().now;
        turn.write(Write::End(r, now));
    }
    Ok(turn.go("ends the tag", At::MarkDeleted))
}

fn mark_deleted(mut turn: Turn<'_>, r: u8, m: u8) -> Result<Stepped, Stepped> {
    turn.lock(Lock::Manifest(r, m), Mode::Exclusive)?;
    if !undeleted(&turn.repository(r), m) {
        return Ok(turn.roll_back("finds no manifest to delete and rolls back", At::Facts));
    }
    let now = turn.process().now;
    turn.write(Write::MarkDeleted(r, m, now));
    Ok(turn.go("marks the manifest deleted", At::Commit))
}
