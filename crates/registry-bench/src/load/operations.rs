//! Whatever a function does with a connection, on a thread for each.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Instant,
};

use anyhow::Result;

use super::{Histogram, Timing, Until};
use crate::http::Client;

/// Runs operations on that many connections, numbered from 0 in the order in which they begin. The first that fails ends
/// all.
pub(crate) fn operations(
    address: &str,
    connections: u32,
    until: Until<'_>,
    operation: impl Fn(&mut Client, u64) -> Result<()> + Sync,
) -> Result<Timing> {
    let clients: Vec<Client> = (0..connections).map(|_| Client::connect(address)).collect::<Result<_>>()?;
    let (begun, failed) = (AtomicU64::new(0), AtomicBool::new(false));
    let first_failure = Mutex::new(None);
    let start = Instant::now();
    let next = || {
        let number = begun.fetch_add(1, Ordering::Relaxed);
        (until.more(start, number) && !failed.load(Ordering::Relaxed)).then_some(number)
    };
    let work = |mut client: Client| {
        let mut latencies = Histogram::default();
        while let Some(number) = next() {
            let since = Instant::now();
            if let Err(error) = operation(&mut client, number) {
                failed.store(true, Ordering::Relaxed);
                first_failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                break;
            }
            latencies.record(since.elapsed());
        }
        latencies
    };
    let mut latencies = Histogram::default();
    thread::scope(|scope| {
        let workers: Vec<_> = clients.into_iter().map(|client| scope.spawn(|| work(client))).collect();
        for worker in workers {
            match worker.join() {
                Ok(counted) => latencies.add(&counted),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
    });
    let elapsed = start.elapsed();
    match first_failure.into_inner().unwrap_or_else(PoisonError::into_inner) {
        Some(error) => Err(error),
        None => Ok(Timing { elapsed, latencies }),
    }
}
