//! Writes, but for plans: a call of a function of the migrations each, or one statement where that is all there is to do.

mod blobs;
mod lost;
mod once;
mod repositories;
mod sweep;
mod trash;
mod uploads;

pub(crate) use blobs::{in_the_way, mount, remove};
pub(crate) use lost::{is_lost, settled};
pub(crate) use once::{WriteToken, once, outcome};
pub(crate) use repositories::{create_repository, delete_repository, set_state, small};
pub(crate) use sweep::{sweep, sweep_uploads};
pub(crate) use trash::{discard, discard_unnamed, postpone_trash, trash_emptied};
pub(crate) use uploads::{begin, cancel, finish, publish};

use manifest_core::error::{Port, PortError, PortErrorKind};
use std::fmt;

/// An answer of a function that this program does not know.
#[derive(Debug, thiserror::Error)]
#[error("a function of the database answered {0}, which is none of the outcomes that it has")]
struct UnknownOutcomeError(String);

/// The only row that a function answers.
pub(crate) fn only<T>(mut rows: Vec<T>, what: &'static str) -> Port<T> {
    rows.pop().ok_or_else(|| unknown(&"nothing", what))
}

/// The error that a function answered what it never does.
pub(crate) fn unknown(outcome: &impl fmt::Display, what: &'static str) -> PortError {
    PortError::new(PortErrorKind::Internal, what).with_source(UnknownOutcomeError(outcome.to_string()))
}
