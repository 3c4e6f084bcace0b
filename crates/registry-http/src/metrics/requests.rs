use crate::request::Kind;
use http::StatusCode;
use prometheus_client::encoding::{EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Upper bounds in microseconds; what is beyond is in one more bucket.
const BOUNDS: [u64; 14] =
    [100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 500_000, 2_500_000, 10_000_000, 60_000_000];
const CLASSES: [&str; 4] = ["2xx", "3xx", "4xx", "5xx"];
const KINDS: usize = Kind::ALL.len();

/// How often each kind of request was answered how, and how long it took.
///
/// Plain atomics in a table, rather than families of histograms behind locks: they are touched by every request.
#[derive(Debug)]
pub(super) struct Requests([PerKind; KINDS]);

#[derive(Debug, Default)]
struct PerKind {
    answers: [AtomicU64; CLASSES.len()],
    buckets: [AtomicU64; BOUNDS.len() + 1],
    microseconds: AtomicU64,
}

/// The table as a family of counters.
#[derive(Debug)]
pub(super) struct Counts(pub(super) Arc<Requests>);

/// The table as a family of histograms.
#[derive(Debug)]
pub(super) struct Durations(pub(super) Arc<Requests>);

impl Default for Requests {
    fn default() -> Self {
        Self(std::array::from_fn(|_| PerKind::default()))
    }
}

impl Requests {
    pub(super) fn count(&self, kind: Kind, status: StatusCode, took: Duration) {
        let per_kind = &self.0[kind.index()];
        let class = usize::from(status.as_u16() / 100).clamp(2, CLASSES.len() + 1) - 2;
        per_kind.answers[class].fetch_add(1, Ordering::Relaxed);
        let microseconds = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let bucket = BOUNDS.partition_point(|&bound| bound < microseconds);
        per_kind.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        per_kind.microseconds.fetch_add(microseconds, Ordering::Relaxed);
    }

    fn seen(&self) -> impl Iterator<Item = (Kind, &PerKind)> {
        // Kinds that nobody has asked for would only fill the page.
        Kind::ALL.into_iter().zip(&self.0).filter(|(_, per_kind)| per_kind.buckets.iter().any(|count| load(count) > 0))
    }
}

impl EncodeMetric for Counts {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        for (kind, per_kind) in self.0.seen() {
            let (operation, method) = kind.labels();
            for (class, count) in CLASSES.into_iter().zip(&per_kind.answers) {
                let labels = [("operation", operation), ("method", method), ("status", class)];
                encoder.encode_family(&labels)?.encode_counter::<NoLabelSet, u64, u64>(&load(count), None)?;
            }
        }
        Ok(())
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Counter
    }
}

impl EncodeMetric for Durations {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        for (kind, per_kind) in self.0.seen() {
            let (operation, method) = kind.labels();
            let bounds = BOUNDS.into_iter().map(seconds).chain([f64::INFINITY]);
            let buckets: Vec<(f64, u64)> = bounds.zip(per_kind.buckets.iter().map(load)).collect();
            let count = buckets.iter().map(|(_, count)| count).sum();
            let sum = seconds(load(&per_kind.microseconds));
            let labels = [("operation", operation), ("method", method)];
            encoder.encode_family(&labels)?.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)?;
        }
        Ok(())
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Histogram
    }
}

fn load(count: &AtomicU64) -> u64 {
    count.load(Ordering::Relaxed)
}

fn seconds(microseconds: u64) -> f64 {
    Duration::from_micros(microseconds).as_secs_f64()
}

#[cfg(test)]
mod tests {
    use crate::metrics::Metrics;
    use crate::request::Kind;
    use http::StatusCode;
    use prometheus_client::encoding::text::encode;
    use prometheus_client::registry::Registry;
    use std::time::Duration;

    #[test]
    fn requests_are_shown_by_kind_and_class() {
        let mut registry = Registry::default();
        let metrics = Metrics::register(registry.sub_registry_with_prefix("manifestd"));
        metrics.answered(Kind::GetManifest, StatusCode::OK, Duration::from_micros(200));
        metrics.answered(Kind::GetManifest, StatusCode::OK, Duration::from_secs(100));
        metrics.answered(Kind::GetManifest, StatusCode::NOT_FOUND, Duration::ZERO);
        let upload = metrics.upload();
        let mut text = String::new();
        encode(&mut text, &registry).unwrap();
        drop(upload);
        let has = |line: &str| assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
        has(r#"manifestd_http_requests_total{operation="manifest",method="GET",status="2xx"} 2"#);
        has(r#"manifestd_http_requests_total{operation="manifest",method="GET",status="4xx"} 1"#);
        has(r#"manifestd_http_request_duration_seconds_bucket{le="0.0001",operation="manifest",method="GET"} 1"#);
        has(r#"manifestd_http_request_duration_seconds_bucket{le="0.00025",operation="manifest",method="GET"} 2"#);
        has(r#"manifestd_http_request_duration_seconds_bucket{le="+Inf",operation="manifest",method="GET"} 3"#);
        has(r#"manifestd_http_request_duration_seconds_count{operation="manifest",method="GET"} 3"#);
        has(r#"manifestd_http_request_duration_seconds_sum{operation="manifest",method="GET"} 100.0002"#);
        has("manifestd_http_uploads 1");
        assert!(!text.contains("catalogue"), "{text}");
    }
}
