use manifest_core::service::{CollectorStep, Stage};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// What the steps of one or several rounds removed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Removed {
    by_stage: BTreeMap<Stage, u64>,
    /// Batches that were left to the next round because a lock could not be had.
    pub(super) given_up: u64,
}

impl Removed {
    pub(super) fn add(&mut self, step: &CollectorStep) {
        *self.by_stage.entry(step.stage).or_default() += step.removed;
        self.given_up += u64::from(step.given_up);
    }

    pub(super) fn of(&self, stage: Stage) -> u64 {
        self.by_stage.get(&stage).copied().unwrap_or_default()
    }

    pub(super) fn any(&self) -> bool {
        self.by_stage.values().any(|count| *count > 0)
    }

    pub(super) fn json(&self) -> Map<String, Value> {
        Stage::ALL.iter().map(|stage| (stage.name().to_owned(), self.of(*stage).into())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Removed;
    use manifest_core::service::{CollectorStep, Stage};

    #[test]
    fn steps_add_up() {
        let mut removed = Removed::default();
        assert!(!removed.any());
        let step = |removed, given_up| CollectorStep {
            stage: Stage::Manifests,
            removed,
            busy: given_up,
            given_up,
            done_round: false,
        };
        removed.add(&step(2, false));
        removed.add(&step(3, true));
        assert_eq!((removed.of(Stage::Manifests), removed.of(Stage::Blobs), removed.given_up), (5, 0, 1));
        assert!(removed.any());
        assert_eq!(removed.json()["manifests"], 5);
    }
}
