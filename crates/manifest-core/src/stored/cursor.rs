//! Cursors of sweeps, which are keys in text: [`SweepCursor`].

use crate::error::{Port, PortError, PortErrorKind};
use crate::ports::SweepCursor;
use std::str::FromStr;

/// The parts of a cursor, which `:` separates in the last of them alone. From the start if there is none.
pub fn parts<const N: usize>(after: Option<&SweepCursor>) -> Port<Option<[&str; N]>> {
    let Some(SweepCursor(text)) = after else { return Ok(None) };
    let parts: Vec<&str> = text.splitn(N, ':').collect();
    parts.try_into().map(Some).map_err(|_| unknown(text))
}

/// A part of a cursor that is a number or a digest.
pub fn part<T: FromStr>(text: &str) -> Port<T> {
    text.parse().map_err(|_| unknown(text))
}

/// The error that a text is no cursor.
#[must_use]
pub fn unknown(text: &str) -> PortError {
    PortError::new(PortErrorKind::Internal, format!("`{text}` is no cursor that a step of a sweep gave"))
}

/// Where the next step goes on: behind the last row, if there were as many as were asked for.
pub fn next<T>(rows: &[T], asked: i64, key: impl FnOnce(&T) -> Port<String>) -> Port<Option<SweepCursor>> {
    match rows.last() {
        Some(last) if rows.len() as u64 >= asked.unsigned_abs() => Ok(Some(SweepCursor(key(last)?))),
        Some(_) | None => Ok(None),
    }
}
