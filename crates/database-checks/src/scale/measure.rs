//! How long operations take.

use super::Filled;
use super::operations::Operation;
use anyhow::Result;
use std::time::{Duration, Instant};

/// Rounds, the first of which prepare the statements and are not counted.
const ROUNDS: usize = 25;
/// Those that are not counted.
const FIRST: usize = 5;
/// Questions of a round to each database.
const QUESTIONS: usize = 100;

/// What half and what 99 of 100 questions took at most.
#[derive(Clone, Copy, Debug)]
pub(super) struct Latency {
    /// The median of the medians of the rounds, so that what happened on the machine during a few of them does not count.
    pub(super) half: Duration,
    /// Of all questions of all rounds.
    pub(super) most: Duration,
}

/// Asks both, one question each in turn, so that both see the same noise of the machine.
pub(super) async fn latencies(
    operation: Operation,
    small: &mut Filled,
    large: &mut Filled,
) -> Result<(Latency, Latency)> {
    let (mut of_small, mut of_large) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let (mut small_times, mut large_times) = (Vec::new(), Vec::new());
        for _ in 0..QUESTIONS {
            small_times.push(time(operation, small).await?);
            large_times.push(time(operation, large).await?);
        }
        if round >= FIRST {
            of_small.push(small_times);
            of_large.push(large_times);
        }
    }
    Ok((Latency::of(&of_small), Latency::of(&of_large)))
}

async fn time(operation: Operation, filled: &mut Filled) -> Result<Duration> {
    let ask = filled.asker.next(operation)?;
    let start = Instant::now();
    ask.ask(&filled.ports).await?;
    Ok(start.elapsed())
}

impl Latency {
    fn of(rounds: &[Vec<Duration>]) -> Self {
        let medians = rounds.iter().map(|times| at(50, times.clone())).collect();
        Self { half: at(50, medians), most: at(99, rounds.concat()) }
    }
}

fn at(percent: usize, mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() * percent / 100).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::Latency;
    use std::time::Duration;

    #[test]
    fn a_bad_round_does_not_count() {
        let round = |micros: [u64; 3]| micros.map(Duration::from_micros).to_vec();
        let latency = Latency::of(&[round([900, 800, 700]), round([1, 2, 3]), round([3, 50, 2])]);
        assert_eq!((latency.half.as_micros(), latency.most.as_micros()), (3, 900));
    }
}
