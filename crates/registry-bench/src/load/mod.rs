//! The load itself: requests on a fixed number of connections, each answer checked, each latency counted.
//!
//! [`requests()`] serves all connections from one thread and takes single requests, since it must cost little where the
//! server answers ten thousands a second. [`operations()`] has a thread for each connection and takes whatever a function does.

mod histogram;
#[cfg(test)]
mod lies;
mod operations;
mod requests;

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

pub(crate) use histogram::Histogram;
pub(crate) use operations::operations;
pub(crate) use requests::requests;

/// When a load ends.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Until<'a> {
    /// Nothing new is begun after that time; what was begun counts.
    Time(Duration),
    /// After so many.
    Count(u64),
    /// Nothing new is begun once that is set.
    Flag(&'a AtomicBool),
}

impl Until<'_> {
    /// Whether another may begin after so many.
    fn more(self, start: Instant, begun: u64) -> bool {
        match self {
            Self::Time(limit) => start.elapsed() < limit,
            Self::Count(limit) => begun < limit,
            Self::Flag(over) => !over.load(Ordering::Relaxed),
        }
    }
}

/// What a load took.
#[derive(Clone, Debug)]
pub(crate) struct Timing {
    /// From the first request to the last answer.
    pub(crate) elapsed: Duration,
    /// One entry for each request or operation.
    pub(crate) latencies: Histogram,
}
