//! How long operations take.

use super::Filled;
use super::operations::Operation;
use anyhow::Result;
use std::time::{Duration, Instant};

/// Rounds in which both databases are asked one after the other, so that both see the same noise of the machine.
const ROUNDS: u32 = 20;
/// Questions in each round.
const QUESTIONS: u32 = 100;

/// What half and what 99 of 100 questions took at most.
#[derive(Clone, Copy, Debug)]
pub(super) struct Latency {
    pub(super) half: Duration,
    pub(super) most: Duration,
}

/// Asks both, in turn.
pub(super) async fn latencies(
    operation: Operation,
    small: &mut Filled,
    large: &mut Filled,
) -> Result<(Latency, Latency)> {
    let (mut of_small, mut of_large) = (Vec::new(), Vec::new());
    // Statements are prepared and pages are cached by the first rounds, whose times do not count.
    round(operation, small, &mut Vec::new()).await?;
    for _ in 0..ROUNDS / 4 {
        round(operation, large, &mut Vec::new()).await?;
    }
    for _ in 0..ROUNDS {
        round(operation, small, &mut of_small).await?;
        round(operation, large, &mut of_large).await?;
    }
    Ok((Latency::of(of_small), Latency::of(of_large)))
}

async fn round(operation: Operation, filled: &mut Filled, times: &mut Vec<Duration>) -> Result<()> {
    for _ in 0..QUESTIONS {
        let ask = filled.asker.next(operation)?;
        let start = Instant::now();
        ask.ask(&filled.ports).await?;
        times.push(start.elapsed());
    }
    Ok(())
}

impl Latency {
    fn of(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        let at = |percent: usize| times.get(times.len() * percent / 100).copied().unwrap_or_default();
        Self { half: at(50), most: at(99) }
    }
}
