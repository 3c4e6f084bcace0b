//! Who counts.

use crate::deviations::Rule;
use std::collections::BTreeMap;

#[derive(Default)]
pub(crate) struct Report {
    passed: usize,
    deviations: BTreeMap<Rule, usize>,
    failures: Vec<String>,
}

/// What became of one case.
pub(crate) enum Verdict {
    AsQuay,
    ByRule(Rule),
    Failed(String),
}

impl Report {
    pub(crate) fn case(&mut self, name: &str, verdict: Verdict) {
        match verdict {
            Verdict::AsQuay => self.passed += 1,
            Verdict::ByRule(rule) => *self.deviations.entry(rule).or_default() += 1,
            Verdict::Failed(why) => self.failures.push(format!("{name}: {why}")),
        }
    }

    #[expect(clippy::print_stdout, reason = "the count is what this test is run for")]
    pub(crate) fn finish(self) {
        let (failed, deviations) = (self.failures.len(), self.deviations.values().sum::<usize>());
        for (rule, count) in &self.deviations {
            println!("{count:3} by {rule:?}: {}", rule.says());
        }
        println!("{} passed, {failed} failed, {deviations} deviations", self.passed);
        assert!(self.failures.is_empty(), "{}", self.failures.join("\n"));
        assert!(self.passed > 400, "too few cases were run");
    }
}
