//! The statements, one a step, as an adapter on Postgres runs them.

mod access;
mod apply;
mod collect;
mod delete;
mod mount;
mod sweep;
mod upload;

use crate::state::{At, COLLECTOR, SWEEPER};
use crate::turn::{Stepped, Turn};
use crate::world::Op;

/// All ways in which the process can take its next step, or what it waits for.
pub(crate) fn steps(turn: &Turn<'_>) -> Vec<Stepped> {
    match (turn.who, turn.process().at) {
        (COLLECTOR, at) => collect::step(turn, at),
        (SWEEPER, at) => sweep::step(turn, at),
        (_, At::Killed) => Vec::new(),
        (_, At::Queued) => vec![wait(apply::locked(*turn)), turn.refuse("gives up waiting for the lock: 503")],
        (_, at) => match turn.op() {
            Some(op) => vec![wait(write(*turn, op, at))],
            None => Vec::new(),
        },
    }
}

fn write(turn: Turn<'_>, op: Op, at: At) -> Result<Stepped, Stepped> {
    match op {
        Op::Push { repository, manifest, .. } => apply::step(turn, at, repository, Some(manifest)),
        Op::DeleteTag { repository, .. } => apply::step(turn, at, repository, None),
        Op::DeleteManifest { repository, manifest } => delete::step(turn, at, repository, manifest),
        Op::DeleteBlob { repository, blob } => access::step(turn, at, repository, blob),
        Op::Mount { from, to, blob } => mount::step(turn, at, from, to, blob),
        Op::Upload { repository, blob, parts } => upload::step(turn, at, upload::Place { repository, blob, parts }),
    }
}

/// A step that was taken, or that waits.
fn wait(step: Result<Stepped, Stepped>) -> Stepped {
    match step {
        Ok(stepped) | Err(stepped) => stepped,
    }
}
