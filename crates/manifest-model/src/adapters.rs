//! The two adapters, each with its own bytes in memory.

use crate::sequence::Sequence;
use manifest_core::{AllowAll, Ports};
use manifest_memory::{MemoryBlobs, MemoryStore};
use manifest_sqlite::{SqliteOptions, SqliteStore};
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};
use std::error::Error;
use std::sync::Arc;

const ROOM: u64 = 1 << 20;

/// Runs so many random sequences of so many operations on the average over memory and SQLite, the same for the same seed.
///
/// # Errors
///
/// The shortest sequence that was found to differ, and how; or what stood in the way of running.
pub fn check(sequences: u32, ops: usize, seed: u64) -> Result<(), Box<dyn Error>> {
    check_against(memory, sequences, ops, seed)
}

/// The same over other ports than those of memory, which are made anew for each sequence.
///
/// # Errors
///
/// As [`check`].
pub fn check_against(ports: impl Fn() -> Ports, sequences: u32, ops: usize, seed: u64) -> Result<(), Box<dyn Error>> {
    let config = Config { cases: sequences, failure_persistence: None, max_shrink_iters: 2_000, ..Config::default() };
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    let found = runner.run(&Sequence::any(ops), |sequence| {
        compare(&sequence, ports()).map_err(|error| TestCaseError::fail(error.to_string()))
    });
    Ok(found.map_err(|error| error.to_string())?)
}

/// Runs a sequence over these ports and a fresh SQLite store.
///
/// # Errors
///
/// A [`Difference`](crate::Difference), or what stood in the way of running.
pub fn compare(sequence: &Sequence, ports: Ports) -> Result<(), Box<dyn Error>> {
    let directory = tempfile::tempdir()?;
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let store = SqliteStore::open(&directory.path().join("registry.sqlite"), SqliteOptions::default())?;
    let ran = runtime.block_on(sequence.run(ports, sqlite(&store)));
    store.close();
    Ok(ran?)
}

/// A fresh store in memory.
#[must_use]
pub fn memory() -> Ports {
    MemoryStore::new().ports(MemoryBlobs::new(ROOM), AllowAll)
}

fn sqlite(store: &SqliteStore) -> Ports {
    let store = Arc::new(store.clone());
    Ports {
        manifests: Arc::<SqliteStore>::clone(&store),
        listings: Arc::<SqliteStore>::clone(&store),
        repositories: Arc::<SqliteStore>::clone(&store),
        blobs: Arc::<SqliteStore>::clone(&store),
        uploads: Arc::<SqliteStore>::clone(&store),
        collection: Arc::<SqliteStore>::clone(&store),
        records: store,
        bytes: Arc::new(MemoryBlobs::new(ROOM)),
        access: Arc::new(AllowAll),
    }
}
