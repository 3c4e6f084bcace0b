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
    /// The median of the medians of a quarter of the rounds, the quickest: what else happens on the machine makes answers slower and
    /// never quicker, so that these are the rounds in which it did least.
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
    let ask = filled.next(operation).await?;
    let start = Instant::now();
    ask.ask(&filled.ports).await?;
    Ok(start.elapsed())
}

impl Latency {
    fn of(rounds: &[Vec<Duration>]) -> Self {
        let mut medians: Vec<Duration> = rounds.iter().map(|times| at(50, times.clone())).collect();
        medians.sort_unstable();
        medians.truncate(rounds.len().div_ceil(4));
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
    fn the_quietest_quarter_of_the_rounds_counts() {
        let round = |micros: [u64; 3]| micros.map(Duration::from_micros).to_vec();
        let check = |medians: &[u64], expected: u128| {
            let rounds: Vec<_> = medians.iter().map(|median| round([900, *median, 1])).collect();
            let latency = Latency::of(&rounds);
            assert_eq!((latency.half.as_micros(), latency.most.as_micros()), (expected, 900), "{medians:?}");
        };
        check(&[7], 7);
        check(&[800, 20, 700, 600], 20);
        check(&[800, 20, 700, 21, 600, 22, 500, 23, 400, 300, 24, 200], 21);
    }
}
