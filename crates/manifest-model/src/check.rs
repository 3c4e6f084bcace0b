//! Many sequences, and the shortest that differs.

use crate::adapter::{Adapter, Store};
use crate::op::Op;
use crate::sequence::Sequence;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::error::Error;
use tokio::runtime::Runtime;

/// What was run without a difference.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ran {
    /// How many sequences.
    pub sequences: u64,
    /// How many operations, on each adapter.
    pub operations: u64,
    /// The names of the kinds that were among them.
    pub kinds: BTreeSet<String>,
}

impl Ran {
    fn add(&mut self, sequence: &Sequence) {
        self.sequences += 1;
        self.operations += sequence.ops().len() as u64;
        self.kinds.extend(sequence.ops().iter().map(Op::name));
    }
}

/// Runs so many random sequences of so many operations on the average over adapters, the same for the same seed. Each adapter is compared
/// with the first.
///
/// # Errors
///
/// The shortest sequence that was found to differ, and how; fewer than two adapters; or what stood in the way of running.
pub fn check(adapters: &[&dyn Adapter], sequences: u32, ops: usize, seed: u64) -> Result<Ran, Box<dyn Error>> {
    if adapters.len() < 2 {
        return Err("fewer than two adapters cannot differ".into());
    }
    // Whatever drivers need is switched on, and one runtime serves all sequences: a pool of connections belongs to one.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let config = Config { cases: sequences, failure_persistence: None, max_shrink_iters: 2_000, ..Config::default() };
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    let ran = RefCell::new(Ran::default());
    let found = runner.run(&Sequence::any(ops), |sequence| {
        compare(&runtime, adapters, &sequence).map_err(|error| TestCaseError::fail(error.to_string()))?;
        ran.borrow_mut().add(&sequence);
        Ok(())
    });
    found.map_err(|error| error.to_string())?;
    Ok(ran.into_inner())
}

/// Runs a sequence over a fresh store of each adapter.
fn compare(runtime: &Runtime, adapters: &[&dyn Adapter], sequence: &Sequence) -> Result<(), Box<dyn Error>> {
    runtime.block_on(async {
        let mut stores: Vec<(&str, Store)> = Vec::new();
        for adapter in adapters {
            stores.push((adapter.name(), adapter.fresh().await?));
        }
        let ports = stores.iter().map(|(name, store)| (*name, store.ports.clone())).collect();
        Ok(sequence.run(ports).await?)
    })
}
