//! What became of one case.

use crate::case::Case;
use crate::deviations::Rule;
use std::collections::BTreeSet;
use std::fmt;

/// What became of what is judged of a case.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// We answer as Quay does.
    AsQuay,
    /// We answer otherwise, as these rules say that we must.
    ByRule(BTreeSet<Rule>),
    /// We answer otherwise and no rule says so: the first difference.
    Failed(String),
}

/// The verdict on a case, and the expected fields that are not judged yet because what they are about does not exist.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) verdict: Verdict,
    pub(crate) later: Vec<String>,
    /// How the case's operations were answered, if it has any.
    pub(crate) operations: Operations,
}

/// How operations were answered: all of them at last, whatever the case as a whole came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Operations {
    /// As Quay answers them.
    pub(crate) as_quay: usize,
    /// Otherwise, by a rule that says so of this very operation.
    pub(crate) by_rule: usize,
    /// Otherwise, because a deviation before left another state: what the memory store answers is taken for right.
    pub(crate) by_memory: usize,
}

impl Operations {
    pub(crate) fn add(&mut self, other: Self) {
        self.as_quay += other.as_quay;
        self.by_rule += other.by_rule;
        self.by_memory += other.by_memory;
    }
}

impl fmt::Display for Operations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { as_quay, by_rule, by_memory } = self;
        write!(
            f,
            "operations: {as_quay} as Quay, {by_rule} by rule, {by_memory} after a deviation, judged by the memory store"
        )
    }
}

impl Verdict {
    /// As Quay if there are no rules, else by them.
    pub(crate) fn by(rules: impl IntoIterator<Item = Rule>) -> Self {
        let rules: BTreeSet<Rule> = rules.into_iter().collect();
        if rules.is_empty() { Self::AsQuay } else { Self::ByRule(rules) }
    }

    /// With these expected fields left for later.
    pub(crate) fn but(self, later: Vec<String>) -> Outcome {
        Outcome { verdict: self, later, operations: Operations::default() }
    }

    /// With nothing left for later.
    pub(crate) fn whole(self) -> Outcome {
        self.but(Vec::new())
    }

    /// With all expected fields left for later but those that are judged.
    pub(crate) fn on(self, case: &Case, judged: &[&str]) -> Outcome {
        let later = case.expected.keys().filter(|name| !judged.contains(&name.as_str()));
        self.but(later.cloned().collect())
    }
}
