//! Numbers that look random.

use std::collections::BTreeSet;

/// Numbers that look random and are the same in each run.
pub(crate) struct Numbers(pub(crate) u64);

impl Numbers {
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    pub(crate) fn is_one_in(&mut self, bound: u64) -> bool {
        self.below(bound) == 0
    }

    /// Some of so many things of that kind, sorted by name.
    pub(crate) fn some(&mut self, kind: &str, of: u64) -> BTreeSet<String> {
        (0..=self.below(5)).map(|_| format!("{kind}-{}", self.below(of))).collect()
    }

    /// The name of one of two repositories.
    pub(crate) fn repository(&mut self) -> String {
        format!("app-{}", self.below(2))
    }
}
