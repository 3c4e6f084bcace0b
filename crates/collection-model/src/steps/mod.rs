//! The statements, one a step, as an adapter on Postgres runs them.

mod access;
mod apply;
mod collect;
mod delete;
mod mount;
mod sweep;
mod tags;
mod upload;

use crate::protocol::Rule;
use crate::state::{At, COLLECTOR, SWEEPER};
use crate::turn::{Stepped, Turn};
use crate::world::Op;

/// A step that was taken, or a wait.
type Step = Result<Stepped, Stepped>;

/// What a request is about; what it is not about is 0.
#[derive(Clone, Copy, Default)]
struct Place {
    repository: u8,
    from: u8,
    blob: u8,
    manifest: u8,
    parts: bool,
}

/// All ways in which the process can take its next step, or what it waits for.
pub(crate) fn steps(turn: &Turn<'_>) -> Vec<Stepped> {
    match (turn.who, turn.process().at, turn.op()) {
        (COLLECTOR, At::Ready, _) => collect::candidates(turn),
        (SWEEPER, At::Ready, _) => sweep::list(turn),
        (_, At::Killed, _) | (_, At::Ready, None) => Vec::new(),
        (_, At::Queued, _) => {
            vec![either(apply::locked(turn.clone())), turn.clone().refuse("gives up waiting for the lock: 503")]
        }
        (_, at, op) => vec![either(step(turn.clone(), at, op))],
    }
}

/// A step is one whether it was taken or waits; the difference is for `?`.
fn either(step: Step) -> Stepped {
    match step {
        Ok(stepped) | Err(stepped) => stepped,
    }
}

fn step(turn: Turn<'_>, at: At, op: Option<Op>) -> Step {
    let place = op.map(place).unwrap_or_default();
    let Place { repository, blob, manifest, .. } = place;
    match at {
        At::Ready => Ok(ready(turn, place)),
        At::Killed | At::Queued | At::Commit => Ok(commit(turn, place)),
        At::Facts => Ok(apply::facts(turn, at, place)),
        At::Begin if turn.deletes() => apply::begin_as(turn, repository, Rule::DeletesAlone),
        At::Begin => apply::begin_shared(turn, repository),
        At::Look => Ok(look(turn, place)),
        At::Insert => apply::insert(turn, repository, manifest),
        At::Check { deleted } => Ok(apply::check(turn, repository, manifest, deleted)),
        At::Revive => apply::revive(turn, repository, manifest),
        At::LookAtTag => Ok(tags::look(turn, repository)),
        At::WriteTag => tags::write(turn, repository),
        At::Pin { manifests } => tags::pin(turn, repository, manifests),
        At::Holders => Ok(delete::holders(turn, repository, manifest)),
        At::EndTag => delete::end_tag(turn, repository, manifest),
        At::MarkDeleted => delete::mark_deleted(turn, repository, manifest),
        At::RemoveAccess => access::remove(turn, repository, blob),
        At::Source => Ok(mount::source(turn, place)),
        At::LockBlob => mount::lock_blob(turn, blob),
        At::WriteAccess => mount::write_access(turn, repository, blob),
        At::ForeignKey => mount::foreign_key(turn, blob),
        At::StorePart => Ok(upload::store_part(turn)),
        At::Publish => upload::publish(turn),
        At::Seal => Ok(upload::seal(turn, blob)),
        At::Finish => upload::finish(turn, blob),
        At::InsertBlob => upload::insert_blob(turn, blob),
        At::Locate => Ok(upload::locate(turn, blob)),
        At::TryManifests { repository, manifests } => Ok(collect::try_manifests(turn, repository, manifests)),
        At::AgainManifests { repository, manifests } => Ok(collect::again_manifests(turn, repository, manifests)),
        At::RemoveManifests { repository, manifests } => collect::remove_manifests(turn, repository, manifests),
        At::TryAccess { repository, blobs } => Ok(collect::try_access(turn, repository, blobs)),
        At::AgainAccess { repository, blobs } => Ok(collect::again_access(turn, repository, blobs)),
        At::RemoveAccessRows { repository, blobs } => collect::remove_access(turn, repository, blobs),
        At::LockBlobs { blobs } => Ok(collect::lock_blobs(turn, blobs)),
        At::RemoveBlobs { blobs } => Ok(collect::remove_blobs(turn, blobs)),
        At::SweepUpload { upload } => sweep::upload(turn, upload),
        At::DiscardUnnamed { location } => Ok(sweep::discard_unnamed(turn, location)),
        At::DeleteBytes { location } => Ok(sweep::delete_bytes(turn, location)),
        At::EmptyTrash { location } => Ok(sweep::empty_trash(turn, location)),
    }
}

fn place(op: Op) -> Place {
    let nowhere = Place::default();
    match op {
        Op::Upload { repository, blob, parts } => Place { repository, blob, parts, ..nowhere },
        Op::Mount { from, to, blob } => Place { repository: to, from, blob, ..nowhere },
        Op::Push { repository, manifest, .. } | Op::DeleteManifest { repository, manifest } => {
            Place { repository, manifest, ..nowhere }
        }
        Op::DeleteTag { repository, .. } => Place { repository, ..nowhere },
        Op::DeleteBlob { repository, blob } => Place { repository, blob, ..nowhere },
    }
}

/// The first statement of a request.
fn ready(turn: Turn<'_>, place: Place) -> Stepped {
    match turn.op() {
        Some(Op::Upload { .. }) => upload::begin(turn, place),
        Some(Op::Mount { .. }) => mount::source(turn, place),
        Some(Op::DeleteBlob { .. }) => access::begin(turn, place.repository),
        Some(Op::Push { .. } | Op::DeleteTag { .. } | Op::DeleteManifest { .. }) | None => {
            apply::facts(turn, At::Ready, place)
        }
    }
}

/// The first statement behind the lock.
fn look(turn: Turn<'_>, place: Place) -> Stepped {
    let Place { repository, blob, manifest, .. } = place;
    match turn.op() {
        Some(Op::DeleteBlob { .. }) => access::look(turn, repository, blob),
        Some(Op::DeleteManifest { .. }) => delete::look(turn, repository, manifest),
        Some(Op::Push { .. }) => apply::look(turn, repository, manifest),
        Some(Op::DeleteTag { .. } | Op::Upload { .. } | Op::Mount { .. }) | None => {
            let next = tags::first(&turn);
            turn.go("finds the repository", next)
        }
    }
}

fn commit(turn: Turn<'_>, place: Place) -> Stepped {
    match turn.op() {
        Some(Op::Upload { .. }) => upload::commit(turn, place.blob),
        Some(_) => turn.commit("commits and answers"),
        None => turn.commit("commits"),
    }
}
