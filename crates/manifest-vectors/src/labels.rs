//! Group g: labels, and JSON texts written anew.

use crate::case::{Case, result};
use crate::compare::{first_difference, shown};
use crate::deviations::{self, Rule};
use crate::observed::{config, document, own_labels};
use crate::outcome::{Outcome, Verdict};
use crate::unusable::InputError;
use manifest_core::labels::{LabelKeyError, check_api_key, expires_after, is_json};
use manifest_core::legacy::{canonical_json, plain_json};
use serde_json::{Value, json};

pub(crate) fn judge(case: &Case) -> Result<Outcome, InputError> {
    let verdict = match case.kind.as_str() {
        "is-json" => json(case.text("value")?, case),
        "label-key" => key(case.text("key")?, case),
        "expires-after" => expiry(case.text("value")?, case),
        "manifest-labels" => of_manifest(case)?,
        "canonical-json" => {
            let found = canonical_json(case.text("json")?);
            let found = found.map_or_else(|error| json!({"error": error.to_string()}), Value::from);
            first_difference("text", case.expected("text"), &found).map_or(Verdict::AsQuay, Verdict::Failed)
        }
        "json-roundtrip" => {
            let found = plain_json(case.text("json")?);
            let found = found.map_or_else(|error| json!({"error": error.to_string()}), |text| json!({"ok": text}));
            first_difference("dumps", case.expected("dumps"), &found).map_or(Verdict::AsQuay, Verdict::Failed)
        }
        other => return Err(InputError::Kind { kind: other.to_owned() }),
    };
    Ok(verdict.whole())
}

fn json(value: &str, case: &Case) -> Verdict {
    let found = is_json(value);
    let media_type = if found { "application/json" } else { "text/plain" };
    let difference = first_difference("is_json", case.expected("is_json"), &json!({"ok": found}))
        .or_else(|| first_difference("media_type", case.expected("media_type"), &json!({"ok": media_type})));
    difference.map_or(Verdict::AsQuay, Verdict::Failed)
}

fn key(key: &str, case: &Case) -> Verdict {
    // Reserved prefixes are refused elsewhere in Quay.
    let found = matches!(check_api_key(key), Ok(()) | Err(LabelKeyError::Reserved { .. }));
    let expected = case.expected("valid_for_api");
    match first_difference("valid_for_api", expected, &json!(found)) {
        None => Verdict::AsQuay,
        Some(_) if *expected == json!(true) && key.ends_with('\n') => Verdict::by([Rule::KeyEndsInLineFeed]),
        Some(difference) => Verdict::Failed(difference),
    }
}

fn expiry(label: &str, case: &Case) -> Verdict {
    let found = expires_after(label);
    let expected = result(case.expected("seconds")).map(|seconds| seconds.map(Value::as_i64));
    match (expected, found) {
        (Some(Ok(Some(expected))), Some(found)) if expected.checked_mul(1000) == Some(found) => Verdict::AsQuay,
        (Some(Err(_)), None) => Verdict::AsQuay,
        (Some(Ok(Some(expected))), None) if deviations::is_python_duration(label, expected) => {
            Verdict::by([Rule::Durations])
        }
        _ => {
            let found = found.map_or_else(|| "nothing".to_owned(), |found| format!("{found} ms"));
            Verdict::Failed(format!("seconds: expected {}, found {found}", shown(case.expected("seconds"))))
        }
    }
}

fn of_manifest(case: &Case) -> Result<Verdict, InputError> {
    let content = case.content()?;
    let expected = case.expected("labels");
    let read = document(case)?.and_then(|document| {
        let config = config(&document, &content)?;
        Ok(own_labels(&document, config.as_ref()))
    });
    Ok(match read {
        Ok(found) => {
            let found = json!({"ok": found});
            match (first_difference("labels", expected, &found), deviations::of_odd_labels(expected, &found)) {
                (None, _) => Verdict::AsQuay,
                (Some(_), Some(rule)) => Verdict::by([rule]),
                (Some(difference), None) => Verdict::Failed(difference),
            }
        }
        Err(failure) => match deviations::of_labels(expected, &failure, case) {
            Some(rule) => Verdict::by([rule]),
            None => Verdict::Failed(format!("labels: expected {}, found {failure}", shown(expected))),
        },
    })
}
