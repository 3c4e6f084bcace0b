use super::metrics::Collected;
use super::round::Removed;
use crate::clock;
use manifest_core::Registry;
use manifest_core::service::{Collector, CollectorOptions, Stage};
use std::error::Error;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long a step rests at least that found something locked, or failed.
const AFTER_TROUBLE: Duration = Duration::from_secs(1);

/// How long bytes that nobody needs stay at most, whatever the interval: parts that were joined take as much room as the blob.
const SWEEP: Duration = Duration::from_mins(1);

/// Collects until it is dropped: a round at once, and another one each time that it has rested for `interval`; in between it drops
/// uploads and empties the trash every minute.
///
/// Dropping the future between or within two steps is safe: the next start begins a round of its own. After each step it rests as long
/// as the step took, so that pushes have at least half of the database's writer.
pub(crate) async fn run(registry: Registry, interval: Duration, metrics: Collected) {
    let sweeping = async {
        let mut collector = Collector::with_options(&registry, CollectorOptions::sweep(registry.policy()));
        loop {
            round(&mut collector, &metrics).await;
            sleep(interval.min(SWEEP)).await;
        }
    };
    let collecting = async {
        let mut collector = Collector::new(&registry);
        loop {
            round(&mut collector, &metrics).await;
            metrics.round();
            sleep(interval).await;
        }
    };
    // Neither ends.
    let ((), ()) = tokio::join!(sweeping, collecting);
}

async fn round(collector: &mut Collector, metrics: &Collected) {
    let (started, mut removed) = (Instant::now(), Removed::default());
    loop {
        let from = Instant::now();
        let rest = step(collector, metrics, &mut removed).await;
        if collector.between_rounds() {
            break;
        }
        sleep(rest.max(from.elapsed())).await;
    }
    report(&removed, started.elapsed());
}

/// One step, and how long to rest after it at least.
async fn step(collector: &mut Collector, metrics: &Collected, removed: &mut Removed) -> Duration {
    match collector.step(clock::now()).await {
        Ok(step) => {
            metrics.step(&step);
            removed.add(&step);
            if step.busy { AFTER_TROUBLE } else { Duration::ZERO }
        }
        Err(error) => {
            metrics.failed();
            tracing::warn!(error = &error as &dyn Error, "a step of the collection failed; it goes on");
            AFTER_TROUBLE
        }
    }
}

fn report(removed: &Removed, took: Duration) {
    if removed.given_up > 0 {
        tracing::warn!(batches = removed.given_up, "repositories that were busy are left to the next round");
    }
    if removed.any() {
        tracing::info!(
            history = removed.of(Stage::History),
            manifests = removed.of(Stage::Manifests),
            access = removed.of(Stage::Access),
            blobs = removed.of(Stage::Blobs),
            repositories = removed.of(Stage::Repositories),
            uploads = removed.of(Stage::Uploads),
            trash = removed.of(Stage::Trash),
            unnamed = removed.of(Stage::Unnamed),
            took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            "collected"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::{Collected, run};
    use manifest_core::{AllowAll, Policy, Registry};
    use registry_http::prometheus_client::encoding::text::encode;
    use registry_http::prometheus_client::registry::Registry as Metrics;
    use std::time::Duration;

    #[tokio::test(start_paused = true)]
    async fn rounds_follow_one_another_and_are_counted() {
        let registry = Registry::new(manifest_memory::ports(AllowAll), Policy::default());
        let mut metrics = Metrics::with_prefix("manifestd");
        let collected = Collected::register(&mut metrics);
        let minute = Duration::from_mins(1);
        let running = tokio::spawn(run(registry, minute, collected));
        // Time passes here as soon as everybody waits for it.
        tokio::time::sleep(minute * 2 + minute / 2).await;
        running.abort();
        let mut text = String::new();
        encode(&mut text, &metrics).unwrap();
        assert!(text.contains("manifestd_collection_rounds_total 3"), "{text}");
        assert!(text.contains("manifestd_collection_removed_total{stage=\"trash\"} 0"), "{text}");
    }
}
