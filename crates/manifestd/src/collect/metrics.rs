use manifest_core::service::{CollectorStep, Stage};
use registry_http::prometheus_client::metrics::counter::Counter;
use registry_http::prometheus_client::metrics::family::Family;
use registry_http::prometheus_client::registry::Registry;

type ByStage = Family<Vec<(&'static str, &'static str)>, Counter>;

/// What the background collection counts. Clones count together.
#[derive(Clone, Debug, Default)]
pub(crate) struct Collected {
    removed: ByStage,
    busy: ByStage,
    failed: Counter,
    rounds: Counter,
}

impl Collected {
    pub(crate) fn register(metrics: &mut Registry) -> Self {
        let collected = Self::default();
        let Self { removed, busy, failed, rounds } = &collected;
        let help = "Rows, or locations of bytes, that collection removed, by stage";
        metrics.register("collection_removed", help, removed.clone());
        metrics.register("collection_busy", "Steps that could not have a lock, by stage", busy.clone());
        metrics.register("collection_failed", "Steps that failed", failed.clone());
        metrics.register("collection_rounds", "Rounds that ended", rounds.clone());
        // Zeros, so that a rate can be taken from the first scrape on.
        for stage in Stage::ALL {
            removed.get_or_create(&labels(stage)).inc_by(0);
        }
        collected
    }

    pub(super) fn step(&self, step: &CollectorStep) {
        self.removed.get_or_create(&labels(step.stage)).inc_by(step.removed);
        if step.busy {
            self.busy.get_or_create(&labels(step.stage)).inc();
        }
    }

    pub(super) fn round(&self) {
        self.rounds.inc();
    }

    pub(super) fn failed(&self) {
        self.failed.inc();
    }
}

fn labels(stage: Stage) -> Vec<(&'static str, &'static str)> {
    vec![("stage", stage.name())]
}
