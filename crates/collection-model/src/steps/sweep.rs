//! Sweeps: expired uploads, bytes that nobody names, and the bytes of what is in the trash.

use super::Step;
use crate::locks::{Lock, Mode};
use crate::protocol::Rule;
use crate::rows::{Locations, Rows, Time, Upload, Write, location};
use crate::state::At;
use crate::turn::{Stepped, Turn};
use crate::world::World;

/// What the collector finds to sweep. Bytes that were listed and have gone meanwhile are left out: there is nothing to delete.
pub(super) fn candidates(turn: &Turn<'_>) -> Vec<Stepped> {
    let (rows, now) = (&turn.state.rows, turn.process().now);
    let uploads = (0..).take(rows.uploads.len()).filter(|upload| expired(rows, *upload, now));
    let uploads = uploads.map(|upload| turn.clone().go("finds an expired upload", At::SweepUpload { upload }));
    let unnamed = locations(turn.state.bytes & !rows.named_by_blobs() & !rows.trash);
    let unnamed = unnamed.map(|at| turn.clone().go("lists bytes of the store", At::DiscardUnnamed { location: at }));
    uploads.chain(unnamed).collect()
}

fn locations(set: Locations) -> impl Iterator<Item = u8> {
    (0..16).filter(move |at| set & location(*at) != 0)
}

fn expired(rows: &Rows, upload: u8, now: Time) -> bool {
    match rows.uploads[usize::from(upload)] {
        Upload::Open { expires, .. } | Upload::Finished { expires } => expires <= now,
        Upload::Absent => false,
    }
}

/// Waits for the row, and tests its newest version.
pub(super) fn upload(mut turn: Turn<'_>, upload: u8) -> Step {
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
pub(super) fn discard_unnamed(mut turn: Turn<'_>, at: u8) -> Stepped {
    let (rows, now) = (turn.state.rows, turn.process().now);
    let names = |upload: u8| {
        let stored = location(World::part(upload)) | location(World::sealed(upload));
        match rows.uploads[usize::from(upload)] {
            Upload::Open { expires, .. } if expires > now || turn.keeps(Rule::RowsNameUntilTheyGo) => stored,
            Upload::Open { parts, .. } => parts,
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

/// What the sweeper finds in the trash, but for what a blob row names.
pub(super) fn list(turn: &Turn<'_>) -> Vec<Stepped> {
    let listed = locations(turn.state.rows.trash & !turn.state.rows.named_by_blobs());
    listed.map(|at| turn.clone().go("finds a location in the trash", At::DeleteBytes { location: at })).collect()
}

/// Bytes first …
pub(super) fn delete_bytes(mut turn: Turn<'_>, at: u8) -> Stepped {
    turn.state.bytes &= !location(at);
    turn.state.gone |= location(at);
    turn.go("deletes the bytes", At::EmptyTrash { location: at })
}

/// … then the row.
pub(super) fn empty_trash(mut turn: Turn<'_>, at: u8) -> Stepped {
    turn.state.rows.trash &= !location(at);
    turn.commit("deletes the trash row")
}
