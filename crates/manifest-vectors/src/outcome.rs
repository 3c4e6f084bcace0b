//! What became of one case.

use crate::case::Case;
use crate::deviations::Rule;

/// What became of what is judged of a case.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// We answer as Quay does.
    AsQuay,
    /// We answer otherwise, as the rule says that we must.
    ByRule(Rule),
    /// We answer otherwise and no rule says so: the first difference.
    Failed(String),
    /// Nothing of the case is judged yet.
    Later,
}

/// The verdict on a case, and the expected fields that are not judged yet because what they are about does not exist.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) verdict: Verdict,
    pub(crate) later: Vec<String>,
}

impl Verdict {
    /// With nothing left for later.
    pub(crate) fn whole(self) -> Outcome {
        Outcome { verdict: self, later: Vec::new() }
    }

    /// With all expected fields left for later but those that are judged.
    pub(crate) fn on(self, case: &Case, judged: &[&str]) -> Outcome {
        let later = case.expected.keys().filter(|name| !judged.contains(&name.as_str()));
        Outcome { verdict: self, later: later.cloned().collect() }
    }
}
