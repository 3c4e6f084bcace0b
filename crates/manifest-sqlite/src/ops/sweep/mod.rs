//! Sweeps. Each step looks at a few rows in the order of their keys, which needs no lock, and then removes those that its kind
//! describes, if there were any: in one write, which holds each of them against the same words again. There is one writer, so
//! nobody else writes between that question and the removal.

/// What a row's repository has in a column. A lookup of its own, by row id: of a join SQLite thinks that a scan costs nothing, if there
/// was one repository when ANALYZE ran.
macro_rules! repository_of {
    ($row:literal, $column:literal) => {
        concat!("(SELECT ", $column, " FROM repository WHERE id = ", $row, ".repository_id)")
    };
}

pub(crate) mod access;
pub(crate) mod blobs;
pub(crate) mod history;
pub(crate) mod images;
pub(crate) mod manifests;
pub(crate) mod reclaim;
pub(crate) mod repositories;

use crate::writer::Verdict;
use diesel::SqliteConnection;
use manifest_core::error::Port;
use manifest_core::ports::{Doomed, SweepAsk, SweepCursor, SweepDone, SweepKind};
use manifest_core::stored::cursor;
use manifest_core::time::Millis;

/// What a step saw.
#[derive(Debug)]
pub(crate) struct Looked {
    /// The rows that would go.
    pub(crate) doomed: Vec<Doomed>,
    /// Their keys, as the statement that removes them takes them.
    keys: String,
    /// Where the next step goes on.
    pub(crate) next: Option<SweepCursor>,
}

/// The most rows that a step looks at, so that other writers do not wait for long.
const MOST: u32 = 200;

/// The bounds of a step.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    now: Millis,
    /// The start of the history window.
    window: Millis,
    /// Leases that ended by then are over.
    lease: Millis,
    /// How many rows are looked at.
    rows: i64,
}

impl From<&SweepAsk> for Bounds {
    fn from(ask: &SweepAsk) -> Self {
        let before = |span| ask.now.saturating_sub(span);
        // A step that looked at nothing would never get on.
        let rows = i64::from(ask.limit.clamp(1, MOST));
        Self { now: ask.now, window: before(ask.window), lease: before(ask.grace), rows }
    }
}

/// Looks at the rows of a step.
pub(crate) fn look(connection: &mut SqliteConnection, ask: &SweepAsk) -> Port<Looked> {
    let (bounds, after) = (Bounds::from(ask), ask.after.as_ref());
    match ask.kind {
        SweepKind::History => history::look(connection, bounds, after),
        SweepKind::Manifests => manifests::look(connection, bounds, after),
        SweepKind::LegacyImages => images::look(connection, bounds, after),
        SweepKind::Access => access::look(connection, bounds, after),
        SweepKind::Blobs => blobs::look(connection, bounds, after),
        SweepKind::Repositories => repositories::look(connection, bounds, after),
    }
}

/// Removes what a step saw, so far as it still has to go.
pub(crate) fn remove(connection: &mut SqliteConnection, ask: &SweepAsk, looked: &Looked) -> Port<Verdict<SweepDone>> {
    let (bounds, keys) = (Bounds::from(ask), looked.keys.as_str());
    let removed = match ask.kind {
        SweepKind::History => history::remove(connection, bounds, keys)?,
        SweepKind::Manifests => manifests::remove(connection, bounds, keys)?,
        SweepKind::LegacyImages => images::remove(connection, keys)?,
        SweepKind::Access => access::remove(connection, bounds, keys)?,
        SweepKind::Blobs => blobs::remove(connection, keys)?,
        SweepKind::Repositories => return repositories::remove(connection, bounds, ask.after.as_ref()),
    };
    Ok(Verdict::Keep(SweepDone { removed: removed as u64, next: looked.next.clone(), busy: false }))
}
