//! What one round on one server was like.

use std::time::Duration;

use anyhow::Result;

use crate::{load::Timing, processes, servers::Server};

/// What a rate counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Requests, or whole operations of several requests, a second.
    Operations,
    /// Bytes a second.
    Bytes,
    /// Nothing: the figure is a time.
    Time,
    /// Nothing: the figure is memory.
    Memory,
}

/// A round.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    /// Of the line's unit a second; of a time or of memory, seconds or bytes.
    pub(crate) figure: f64,
    /// Latency that half of the operations did not exceed.
    pub(crate) p50: Duration,
    /// Latency that 99 of 100 operations did not exceed.
    pub(crate) p99: Duration,
    /// The largest that the server was during the round, in bytes.
    pub(crate) peak: u64,
    /// Processor time of the server for each 1,000 operations.
    pub(crate) cpu: Option<Duration>,
    /// The same of the load.
    pub(crate) own_cpu: Option<Duration>,
}

impl Sample {
    /// A time or a memory, which was not asked for under load.
    pub(crate) fn alone(figure: f64, peak: u64) -> Self {
        Self { figure, p50: Duration::ZERO, p99: Duration::ZERO, peak, cpu: None, own_cpu: None }
    }

    /// Measures a load whose operations are what the rate counts.
    pub(crate) fn of(server: &Server, load: impl FnOnce() -> Result<Timing>) -> Result<Self> {
        Self::measured(server, None, load)
    }

    /// Measures a load whose operations move so many bytes each.
    pub(crate) fn of_bytes(server: &Server, each: u64, load: impl FnOnce() -> Result<Timing>) -> Result<Self> {
        Self::measured(server, Some(each), load)
    }

    #[expect(clippy::cast_precision_loss, reason = "figures have three digits")]
    fn measured(server: &Server, each: Option<u64>, load: impl FnOnce() -> Result<Timing>) -> Result<Self> {
        server.tree()?.reset_peak()?;
        let (cpu, own) = (server.cpu()?, processes::own_cpu()?);
        let Timing { elapsed, latencies } = load()?;
        let (cpu, own) = (server.cpu()?.saturating_sub(cpu), processes::own_cpu()?.saturating_sub(own));
        let operations = latencies.total();
        anyhow::ensure!(operations > 0, "no operation ended");
        let work = each.map_or(operations as f64, |each| (operations * each) as f64);
        let per_thousand = |time: Duration| Some(time.mul_f64(1000.0 / operations as f64));
        Ok(Self {
            figure: work / elapsed.as_secs_f64().max(1e-9),
            p50: latencies.per_mille(500),
            p99: latencies.per_mille(990),
            peak: server.tree()?.peak()?,
            cpu: per_thousand(cpu),
            own_cpu: per_thousand(own),
        })
    }

    /// The median of each figure, and the largest peak.
    pub(crate) fn median(samples: &[Self]) -> Option<Self> {
        let of = |figure: &dyn Fn(&Self) -> f64| {
            let mut all: Vec<f64> = samples.iter().map(figure).collect();
            all.sort_by(f64::total_cmp);
            all.get(all.len() / 2).copied()
        };
        let time = |figure: &dyn Fn(&Self) -> Duration| {
            of(&|sample| figure(sample).as_secs_f64()).map(Duration::from_secs_f64)
        };
        let first = samples.first()?;
        Some(Self {
            figure: of(&|sample| sample.figure)?,
            p50: time(&|sample| sample.p50)?,
            p99: time(&|sample| sample.p99)?,
            peak: samples.iter().map(|sample| sample.peak).max()?,
            cpu: first.cpu.and_then(|_| time(&|sample| sample.cpu.unwrap_or_default())),
            own_cpu: first.own_cpu.and_then(|_| time(&|sample| sample.own_cpu.unwrap_or_default())),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Sample;
    use std::time::Duration;

    #[test]
    fn medians_are_taken_of_each_figure() {
        let sample = |figure, p99, peak, cpu| Sample {
            figure,
            p50: Duration::ZERO,
            p99: Duration::from_millis(p99),
            peak,
            cpu: Some(Duration::from_millis(cpu)),
            own_cpu: None,
        };
        let median = Sample::median(&[sample(1.0, 30, 5, 7), sample(9.0, 10, 9, 8), sample(4.0, 20, 7, 1)]).unwrap();
        assert!((median.figure - 4.0).abs() < 1e-9);
        assert_eq!((median.p99, median.peak), (Duration::from_millis(20), 9));
        assert_eq!((median.cpu, median.own_cpu), (Some(Duration::from_millis(7)), None));
        assert!(Sample::median(&[]).is_none());
    }
}
