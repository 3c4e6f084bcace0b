//! Group f: malformed documents and near misses.

use crate::cases::{self, Case};
use crate::deviations;
use crate::observed::{Failure, config, content, document};
use crate::report::{Report, Verdict};
use serde_json::Value;

/// The stages of Quay's that we have, in its order. What Quay finds late we may find while parsing.
const STAGES: [&str; 6] = ["parse", "payload", "validate", "labels", "blob_digests", "layers_compressed_size"];

pub(crate) fn run(text: &str, report: &mut Report) {
    for case in cases::read(text) {
        report.case(&case.name, judge(&case));
    }
}

fn judge(case: &Case) -> Verdict {
    let stages = STAGES.into_iter().filter_map(|stage| case.expected["stages"].get(stage).and_then(Value::as_str));
    let expected = stages.into_iter().find(|outcome| *outcome != "ok");
    // Where Quay does not come as far as the config, the case brings none.
    let has_no_config =
        |failure: &Failure| matches!(failure, Failure::ConfigMissing) && expected != Some(failure.kind());
    let found = read(case).err().filter(|failure| !has_no_config(failure));
    match (expected, &found) {
        (None, None) | (Some("unhandled"), Some(_)) => Verdict::AsQuay,
        (Some(expected), Some(failure)) if expected == failure.kind() => Verdict::AsQuay,
        (expected, Some(failure)) => match deviations::of_refusal(expected, failure) {
            Some(rule) => Verdict::ByRule(rule),
            None => Verdict::Failed(format!("expected {expected:?}, found {failure:?}")),
        },
        (Some(expected), None) => match deviations::of_acceptance(expected, case) {
            Some(rule) => Verdict::ByRule(rule),
            None => Verdict::Failed(format!("expected {expected}, but it was accepted")),
        },
    }
}

fn read(case: &Case) -> Result<(), Failure> {
    let document = document(case)?;
    config(&document, &content(case)).map(|_| ())
}
