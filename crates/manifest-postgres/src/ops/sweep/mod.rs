//! Sweeps. Each step looks at a few rows in the order of their keys, which needs no lock, and then has those removed that its kind
//! describes, if there were any: by a function that locks, and holds each of them against the same words again.

/// What a row's repository has in a column.
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

use crate::store::PostgresStore;
use manifest_core::error::Port;
use manifest_core::ports::{Doomed, SweepAsk, SweepCursor, SweepKind};
use manifest_core::stored::cursor;
use manifest_core::time::Millis;

/// What a step saw.
#[derive(Debug)]
pub(crate) struct Looked {
    /// The rows that would go.
    pub(crate) doomed: Vec<Doomed>,
    /// Their keys, in the same order.
    pub(crate) keys: Keys,
    /// Where the next step goes on.
    pub(crate) next: Option<SweepCursor>,
}

/// The keys of doomed rows, as the functions that remove them take them.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Keys {
    /// Intervals of tags: repository, name, start.
    History(Vec<(i64, String, Millis)>),
    /// Repository, id.
    Manifests(Vec<(i64, i64)>),
    /// Repository, id in its stored form.
    LegacyImages(Vec<(i64, String)>),
    /// Repository, digest.
    Access(Vec<(i64, Vec<u8>)>),
    /// Digests.
    Blobs(Vec<Vec<u8>>),
    /// The ids of repositories.
    Repositories(Vec<i64>),
}

/// The most rows that a step looks at, so that other writers do not wait for long.
const MOST: u32 = 200;

/// The bounds of a step.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) now: Millis,
    /// The start of the history window.
    pub(crate) window: Millis,
    /// Leases that ended by then are over.
    pub(crate) lease: Millis,
    /// How many rows are looked at.
    pub(crate) rows: i64,
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
pub(crate) async fn look(store: &PostgresStore, ask: &SweepAsk) -> Port<Looked> {
    let (bounds, after) = (Bounds::from(ask), ask.after.as_ref());
    match ask.kind {
        SweepKind::History => history::look(store, bounds, after).await,
        SweepKind::Manifests => manifests::look(store, bounds, after).await,
        SweepKind::LegacyImages => images::look(store, bounds, after).await,
        SweepKind::Access => access::look(store, bounds, after).await,
        SweepKind::Blobs => blobs::look(store, bounds, after).await,
        SweepKind::Repositories => repositories::look(store, bounds, after).await,
    }
}
