//! The sweeper of bytes: bytes first, then the trash row.

use crate::rows::location;
use crate::state::At;
use crate::turn::{Stepped, Turn};

pub(super) fn step(turn: &Turn<'_>, at: At) -> Vec<Stepped> {
    let mut turn = *turn;
    match at {
        At::DeleteBytes { location: at } => {
            turn.state.bytes &= !location(at);
            turn.state.gone |= location(at);
            vec![turn.go("deletes the bytes", At::EmptyTrash { location: at })]
        }
        At::EmptyTrash { location: at } => {
            turn.state.rows.trash &= !location(at);
            vec![turn.commit("deletes the trash row")]
        }
        _ => {
            let listed = turn.state.rows.trash & !turn.state.rows.named_by_blobs();
            let locations = (0..16).filter(|at| listed & location(*at) != 0);
            locations.map(|at| turn.go("finds a location in the trash", At::DeleteBytes { location: at })).collect()
        }
    }
}
