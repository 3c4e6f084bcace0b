//! The load itself: requests on a fixed number of connections, each answer checked, each latency counted.
//!
//! [`requests`] serves all connections from one thread and takes single requests, since it must cost little where the
//! server answers ten thousands a second. [`operations`] has a thread for each connection and takes whatever a function does.

mod histogram;
mod operations;
mod requests;

use std::time::Duration;

pub(crate) use histogram::Histogram;
pub(crate) use operations::operations;
pub(crate) use requests::{Source, requests};

/// When a load ends.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Until {
    /// Nothing new is begun after that time; what was begun counts.
    Time(Duration),
    /// After so many.
    Count(u64),
}

/// What a load took.
#[derive(Clone, Debug)]
pub(crate) struct Timing {
    /// From the first request to the last answer.
    pub(crate) elapsed: Duration,
    /// One entry for each request or operation.
    pub(crate) latencies: Histogram,
}
