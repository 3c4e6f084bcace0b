//! Group g: labels. The JSON texts of this group belong to the legacy view.

use crate::cases::{self, Case, result};
use crate::deviations::{self, Rule};
use crate::observed::{config, content, document, own_labels};
use crate::report::{Report, Verdict};
use manifest_core::labels::{LabelKeyError, check_api_key, expires_after, is_json};
use serde_json::Value;

pub(crate) fn run(text: &str, report: &mut Report) {
    for case in cases::read(text) {
        let verdict = match case.kind.as_str() {
            "is-json" => json(&case),
            "label-key" => key(&case),
            "expires-after" => expiry(&case),
            "manifest-labels" => of_manifest(&case),
            "canonical-json" | "json-roundtrip" => continue,
            other => panic!("unknown kind {other}"),
        };
        report.case(&case.name, verdict);
    }
}

fn json(case: &Case) -> Verdict {
    let found = is_json(case.text("value"));
    let media_type = if found { "application/json" } else { "text/plain" };
    let expected = (result(&case.expected["is_json"]), result(&case.expected["media_type"]));
    if expected == (Ok(&found.into()), Ok(&media_type.into())) {
        Verdict::AsQuay
    } else {
        Verdict::Failed(format!("expected {expected:?}, found {found}"))
    }
}

fn key(case: &Case) -> Verdict {
    let key = case.text("key");
    // Reserved prefixes are refused elsewhere in Quay.
    let found = matches!(check_api_key(key), Ok(()) | Err(LabelKeyError::Reserved { .. }));
    let expected = case.expected["valid_for_api"].as_bool().unwrap();
    match (expected, found) {
        (true, true) | (false, false) => Verdict::AsQuay,
        (true, false) if key.ends_with('\n') => Verdict::ByRule(Rule::KeyEndsInLineFeed),
        _ => Verdict::Failed(format!("expected {expected}, found {found}")),
    }
}

fn expiry(case: &Case) -> Verdict {
    let label = case.text("value");
    let found = expires_after(label);
    let expected = result(&case.expected["seconds"]).map(|seconds| seconds.as_i64().unwrap());
    match (expected, found) {
        (Ok(expected), Some(found)) if expected * 1000 == found => Verdict::AsQuay,
        (Err(_), None) => Verdict::AsQuay,
        (Ok(expected), None) if expected <= 0 || !label.bytes().all(|b| b.is_ascii_alphanumeric()) => {
            Verdict::ByRule(Rule::Durations)
        }
        (expected, found) => Verdict::Failed(format!("expected {expected:?}, found {found:?}")),
    }
}

fn of_manifest(case: &Case) -> Verdict {
    let expected = result(&case.expected["labels"]).unwrap();
    let read = document(case).and_then(|document| {
        let config = config(&document, &content(case))?;
        Ok(own_labels(&document, config.as_ref()))
    });
    match read {
        Ok(found) if *expected == found => Verdict::AsQuay,
        Ok(found) => Verdict::Failed(format!("expected {expected}, found {found}")),
        Err(failure) => {
            let has_other_than_strings = expected.as_object().unwrap().values().any(|label| !Value::is_string(label));
            match deviations::of_refusal(None, &failure) {
                Some(rule) if has_other_than_strings => Verdict::ByRule(rule),
                _ => Verdict::Failed(format!("expected {expected}, found {failure:?}")),
            }
        }
    }
}
