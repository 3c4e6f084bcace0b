//! Latencies, counted in buckets that are at most 3 % wide.

use std::time::Duration;

/// Buckets in each doubling.
const STEPS: u64 = 32;
const BITS: u32 = STEPS.trailing_zeros();
const BUCKETS: usize = 64 * 32;

/// How often which latency was seen.
#[derive(Clone, Debug)]
pub(crate) struct Histogram {
    counts: Vec<u64>,
    total: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: vec![0; BUCKETS], total: 0 }
    }
}

impl Histogram {
    /// Counts a latency.
    pub(crate) fn record(&mut self, latency: Duration) {
        let nanoseconds = u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX);
        self.counts[bucket(nanoseconds)] += 1;
        self.total += 1;
    }

    /// Adds what another has counted.
    pub(crate) fn add(&mut self, other: &Self) {
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
        self.total += other.total;
    }

    /// How many latencies were counted.
    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    /// The latency that so many per thousand do not exceed; zero where nothing was counted.
    pub(crate) fn per_mille(&self, part: u64) -> Duration {
        let wanted = (self.total * part).div_ceil(1000).max(1);
        let mut seen = 0;
        let found = self.counts.iter().position(|count| {
            seen += count;
            seen >= wanted
        });
        found.map_or(Duration::ZERO, |bucket| Duration::from_nanos(upper(bucket)))
    }
}

/// The first 32 buckets are a nanosecond wide, and from there each doubling has 32.
fn bucket(nanoseconds: u64) -> usize {
    let doublings = nanoseconds.max(1).ilog2().saturating_sub(BITS);
    let within = nanoseconds >> doublings;
    usize::try_from(u64::from(doublings) * STEPS + within).unwrap_or(BUCKETS).min(BUCKETS - 1)
}

/// The largest latency of a bucket, in nanoseconds.
fn upper(bucket: usize) -> u64 {
    let bucket = u64::try_from(bucket).unwrap_or(u64::MAX);
    if bucket < 2 * STEPS {
        return bucket;
    }
    let doublings = bucket / STEPS - 1;
    let within = bucket - doublings * STEPS;
    ((within + 1) << doublings) - 1
}

#[cfg(test)]
mod tests {
    use super::{BUCKETS, Histogram, bucket, upper};
    use std::time::Duration;

    #[test]
    fn buckets_follow_each_other_and_are_narrow() {
        let mut last = 0;
        for nanoseconds in 0..200_000 {
            let found = bucket(nanoseconds);
            assert!(found == last || found == last + 1, "{nanoseconds}");
            assert!(upper(found) >= nanoseconds && upper(found) - nanoseconds <= nanoseconds / 32, "{nanoseconds}");
            last = found;
        }
        assert!(bucket(u64::MAX) < BUCKETS);
    }

    #[test]
    fn quantiles_are_those_of_the_data() {
        let mut histogram = Histogram::default();
        for milliseconds in 1..=1000 {
            histogram.record(Duration::from_millis(milliseconds));
        }
        let close = |part, milliseconds: u64| {
            let (found, exact) = (histogram.per_mille(part), Duration::from_millis(milliseconds));
            assert!(found >= exact && found < exact + exact / 16, "{part}: {found:?}");
        };
        close(500, 500);
        close(990, 990);
        close(1000, 1000);
        assert_eq!(Histogram::default().per_mille(500), Duration::ZERO);
    }

    #[test]
    fn sums_are_as_if_counted_together() {
        let (mut one, mut other) = (Histogram::default(), Histogram::default());
        one.record(Duration::from_micros(1));
        other.record(Duration::from_secs(1));
        one.add(&other);
        assert_eq!(one.total(), 2);
        assert!(one.per_mille(500) < Duration::from_micros(2));
        assert!(one.per_mille(990) >= Duration::from_secs(1));
    }
}
