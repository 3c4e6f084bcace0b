//! Whether a run of the conformance suite was a full pass.
//!
//! The suite's exit code is 0 for a configuration that it could not read, for tests that it skipped and for a run that a
//! filter left empty. So its printed result, its counts and its `results.yaml` are judged together.

use std::{collections::BTreeMap, fmt};

/// The tests that only a registry passes that does not check references.
const SPARSE: &str = "Sparse Manifests";

/// Which registry the suite was told to expect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expected {
    /// One that checks references: its tests of sparse manifests are disabled, and nothing else is.
    Checked,
    /// One that does not: nothing is disabled.
    Unchecked,
}

impl Expected {
    /// How the result of a group of tests must read.
    fn status(self, name: &str) -> &'static str {
        if self == Self::Checked && name == SPARSE { "Disabled" } else { "Pass" }
    }
}

/// The numbers under the suite's result line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Tests that were right.
    pub(crate) pass: u64,
    fail: u64,
    error: u64,
    skip: u64,
    disabled: u64,
}

/// What a run came to.
#[derive(Debug)]
pub(crate) struct Verdict {
    /// The suite's own numbers.
    pub(crate) counts: Counts,
    /// Why this is no full pass; empty if it is one.
    pub(crate) reasons: Vec<String>,
    disabled: Vec<String>,
}

impl Verdict {
    /// How many failures to count: at least one if there is any reason.
    pub(crate) fn failed(&self) -> u64 {
        let counted = self.counts.fail + self.counts.error + self.counts.skip;
        counted.max(u64::from(!self.reasons.is_empty()))
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counts { pass, fail, error, skip, .. } = self.counts;
        let number = self.disabled.len();
        write!(f, "{pass} passed, {} failed, {skip} skipped, {number} disabled", fail + error)?;
        if number > 0 {
            write!(f, " ({})", self.disabled.join(", "))?;
        }
        for reason in &self.reasons {
            write!(f, "\n  no full pass: {reason}")?;
        }
        Ok(())
    }
}

/// Judges the printed report and the text of `results.yaml`.
pub(crate) fn judge(expected: Expected, report: &str, results: &str) -> Verdict {
    let mut reasons = Vec::new();
    let (result, counts) = read_counts(report).unwrap_or_default();
    match result {
        "Pass" => {}
        "" => reasons.push("the suite printed no result with its counts".to_owned()),
        other => reasons.push(format!("the suite's result is `{other}`")),
    }
    let numbers = [("failed", counts.fail), ("errors", counts.error), ("skipped", counts.skip)];
    let turned_away = [("disabled while running", counts.disabled)];
    for (word, number) in numbers.into_iter().chain(turned_away) {
        if number > 0 {
            reasons.push(format!("{number} {word}"));
        }
    }
    if counts.pass == 0 {
        reasons.push("no test passed".to_owned());
    }
    let statuses = read_results(results);
    reasons.extend(wrong_statuses(expected, &statuses));
    if !results.lines().any(|line| line.trim() == "version: dev") {
        reasons.push("results.yaml does not say that the suite ran for version dev".to_owned());
    }
    let disabled = statuses.iter().filter(|(_, status)| **status == "Disabled").map(|(name, _)| (*name).to_owned());
    Verdict { counts, reasons, disabled: disabled.collect() }
}

/// Everything in `results.yaml` must have passed, but for what is off, which must be there and off.
fn wrong_statuses(expected: Expected, statuses: &BTreeMap<&str, &str>) -> Vec<String> {
    let mut reasons = Vec::new();
    if statuses.is_empty() {
        reasons.push("results.yaml has no results".to_owned());
    }
    for (name, status) in statuses {
        if *status != expected.status(name) {
            reasons.push(format!("`{name}` is {status}"));
        }
    }
    if !statuses.is_empty() && !statuses.contains_key(SPARSE) {
        reasons.push(format!("`{SPARSE}` is not named in results.yaml"));
    }
    reasons
}

/// Reads `OCI Conformance Result: Pass` and the lines of counts below it; `None` unless all are there and add up.
fn read_counts(report: &str) -> Option<(&str, Counts)> {
    let (_, rest) = report.split_once("OCI Conformance Result: ")?;
    let mut lines = rest.lines();
    let result = lines.next()?.trim();
    let mut numbers = BTreeMap::new();
    for line in lines.take_while(|line| !line.trim().is_empty()) {
        let (name, number) = line.trim().split_once('.')?;
        numbers.insert(name, number.trim_start_matches(['.', ':', ' ']).parse::<u64>().ok()?);
    }
    let number = |name| numbers.get(name).copied();
    let counts = Counts {
        pass: number("Pass")?,
        fail: number("FAIL")?,
        error: number("Error")?,
        skip: number("Skip")?,
        disabled: number("Disabled")?,
    };
    let sum = counts.pass + counts.fail + counts.error + counts.skip + counts.disabled;
    (number("Total")? == sum).then_some((result, counts))
}

/// Reads the names and statuses below the keys `apis` and `data`. The configuration has keys of the same names, deeper.
///
/// The file is written by the suite in one known form, so its lines are read without a parser of all of YAML.
fn read_results(results: &str) -> BTreeMap<&str, &str> {
    let mut section = "";
    let mut statuses = BTreeMap::new();
    for line in results.lines() {
        if !line.starts_with(' ') {
            section = line.trim_end_matches(':');
        } else if matches!(section, "apis" | "data")
            && let Some((name, status)) = line.trim().split_once(": ")
        {
            statuses.insert(name, status);
        }
    }
    statuses
}

#[cfg(test)]
mod tests {
    use super::{Counts, Expected, judge};

    const REPORT: &str = "  version: dev\n\nOCI Conformance Result: Pass\n  Disabled......................:          0\n  \
        Skip..........................:          0\n  Pass..........................:        990\n  \
        FAIL..........................:          0\n  Error.........................:          0\n  \
        Total.........................:        990\n\nAPI conformance:\n  Ping..........................:       Pass\n";

    const RESULTS: &str = "config:\n  apis:\n    ping: true\n  data:\n    sparse: false\n  version: dev\napis:\n  \
        Blob chunked: Pass\n  Ping: Pass\ndata:\n  Image: Pass\n  Sparse Manifests: Disabled\n";

    /// The reasons against a pair that was spoiled by replacing text, in the report and in the results.
    fn spoiled(report: (&str, &str), results: (&str, &str)) -> String {
        let report = REPORT.replace(report.0, report.1);
        let results = RESULTS.replace(results.0, results.1);
        assert!(report != REPORT || results != RESULTS, "nothing was spoiled");
        let verdict = judge(Expected::Checked, &report, &results);
        assert!(verdict.failed() > 0);
        verdict.reasons.join("; ")
    }

    #[test]
    fn a_full_pass() {
        let verdict = judge(Expected::Checked, REPORT, RESULTS);
        assert_eq!(verdict.reasons, Vec::<String>::new());
        assert_eq!(verdict.counts, Counts { pass: 990, ..Counts::default() });
        assert_eq!(verdict.to_string(), "990 passed, 0 failed, 0 skipped, 1 disabled (Sparse Manifests)");
    }

    #[test]
    fn a_full_pass_without_checks_has_nothing_disabled() {
        let results = RESULTS.replace("Manifests: Disabled", "Manifests: Pass");
        let verdict = judge(Expected::Unchecked, REPORT, &results);
        assert_eq!(verdict.reasons, Vec::<String>::new());
        assert_eq!(verdict.to_string(), "990 passed, 0 failed, 0 skipped, 0 disabled");
        assert_eq!(judge(Expected::Unchecked, REPORT, RESULTS).reasons, ["`Sparse Manifests` is Disabled"]);
        let unnamed = RESULTS.replace("  Sparse Manifests: Disabled\n", "");
        assert_eq!(judge(Expected::Unchecked, REPORT, &unnamed).reasons.len(), 1);
    }

    #[test]
    fn spoiled_reports_do_not_pass() {
        let same = ("Image: Pass", "Image: Pass");
        let report = |from, to| {
            let report = REPORT.replace(from, to);
            judge(Expected::Checked, &report, RESULTS.replace(same.0, same.1).as_str()).reasons.join("; ")
        };
        assert_eq!(report("Result: Pass", "Result: FAIL"), "the suite's result is `FAIL`");
        assert_eq!(
            report("OCI Conformance Result", "Result"),
            "the suite printed no result with its counts; no test passed"
        );
        assert!(report("990\n\nAPI", "991\n\nAPI").contains("no result with its counts"));
        let skipped =
            REPORT.replace("Skip..........................:          0", "Skip...:  1").replace("990\n\n", "991\n\n");
        assert_eq!(judge(Expected::Checked, &skipped, RESULTS).reasons, ["1 skipped"]);
        assert_eq!(judge(Expected::Checked, "failed to load config", "").failed(), 1);
    }

    #[test]
    fn spoiled_results_do_not_pass() {
        let none = ("\u{0}", "");
        assert_eq!(spoiled(none, ("Image: Pass", "Image: Skip")), "`Image` is Skip");
        assert_eq!(spoiled(none, ("Ping: Pass", "Ping: Disabled")), "`Ping` is Disabled");
        assert_eq!(spoiled(none, ("Manifests: Disabled", "Manifests: Pass")), "`Sparse Manifests` is Pass");
        assert!(spoiled(none, ("  Sparse Manifests: Disabled\n", "")).contains("is not named"));
        assert!(spoiled(none, ("version: dev", "version: 1.1")).contains("version dev"));
        assert!(spoiled(none, (RESULTS, "")).contains("results.yaml has no results"));
    }
}
