//! Group a as the seed has it: docker images, compared by structure.

use crate::case::Case;
use crate::compare::{first_difference, shown};
use crate::deviations::{self, Rule};
use crate::legacy::config_bytes;
use crate::observed::{Failure, document};
use crate::outcome::{Outcome, Verdict};
use crate::unusable::InputError;
use manifest_core::document::Document;
use manifest_core::legacy::{AsSchema1, ImageHistory, LegacyError, canonical_json, has_legacy_images, to_schema1};
use manifest_core::oci_types::{Algorithm, Digest};
use serde_json::{Value, json};

pub(super) fn judge(case: &Case) -> Result<Outcome, InputError> {
    let content = case.content()?;
    let document = match document(case)? {
        Ok(document) => document,
        Err(failure) => return Ok(Verdict::Failed(format!("a document: found {failure}")).whole()),
    };
    let config = config_bytes(&document, &content);
    let verdict = match ImageHistory::read(&document, config) {
        Ok(history) => compare(case, &document, config, history.as_ref())?,
        Err(error) => refused(case, error),
    };
    Ok(match (verdict, has_legacy_images(&document), case.expected("has_legacy_image")) {
        (verdict, found, Value::Bool(expected)) if found == *expected => verdict,
        // An image without layers made the seed fail later.
        (Verdict::AsQuay, false, Value::Bool(true)) if document.layers().is_empty() => Verdict::by([Rule::TodaysQuay]),
        (failed @ Verdict::Failed(_), _, _) => failed,
        (_, found, expected) => Verdict::Failed(format!("has_legacy_image: expected {expected}, found {found}")),
    }
    .on(case, &["has_legacy_image", "v1_ids", "validate", "schema1"]))
}

/// What we refuse must be refused by the seed as well, or by a rule.
fn refused(case: &Case, error: LegacyError) -> Verdict {
    let is_error = |name: &str| is_handled_error(case.expected(name));
    if is_error("v1_ids") && is_error("schema1") && *case.expected("validate") == json!({"ok": null}) {
        return Verdict::AsQuay;
    }
    let failure = if let LegacyError::Config(error) = error { Failure::Config(error) } else { Failure::Legacy(error) };
    match deviations::of_refusal(None, &failure, case) {
        Some(rule) => Verdict::by([rule]),
        None => Verdict::Failed(format!("v1_ids: expected {}, found {failure}", shown(case.expected("v1_ids")))),
    }
}

fn compare(
    case: &Case,
    document: &Document,
    config: Option<&[u8]>,
    history: Option<&ImageHistory<'_>>,
) -> Result<Verdict, InputError> {
    let name = format!("{}/{}", case.text("namespace")?, case.text("repository")?);
    let built = match to_schema1(document, config, &name, case.text("tag")?) {
        Ok(AsSchema1::Built(text)) => Some(text),
        Ok(AsSchema1::Already(_) | AsSchema1::Child(_) | AsSchema1::Never) => None,
        Err(error) => return Ok(Verdict::Failed(format!("schema1: expected one, found {error}"))),
    };
    let steps = history.filter(|history| !history.has_remote_layers()).map(ImageHistory::steps);
    let ids: Option<Vec<String>> = steps.map(|steps| steps.iter().map(|step| step.id.clone()).collect());
    if let Some(difference) = first_difference("validate", case.expected("validate"), &json!({"ok": null})) {
        return Ok(Verdict::Failed(difference));
    }
    // The seed needed a date in every entry.
    if is_crash(case.expected("v1_ids")) && is_crash(case.expected("schema1")) {
        let has_no_date = history.is_some_and(|history| history.steps().iter().any(|step| step.created().is_none()));
        return Ok(if has_no_date {
            Verdict::by([Rule::Dates])
        } else {
            Verdict::Failed("v1_ids: expected a crash, found every date".to_owned())
        });
    }
    let expected = structure(case.expected("v1_ids"), case.expected("schema1"));
    let found = structure(&json!({"ok": ids}), &json!({"ok": built.map(|text| crate::legacy::built(&text))}));
    Ok(match (expected, found) {
        (Some(expected), Some(found)) => {
            first_difference("structure", &expected, &found).map_or(Verdict::AsQuay, Verdict::Failed)
        }
        (expected, _) => {
            let why = if expected.is_none() { "the seed's" } else { "ours" };
            Verdict::Failed(format!("schema1: {why} is none, or is at odds with v1_ids"))
        }
    })
}

/// What ids and schema 1 say once each id is its place: nothing depends on what the ids are. `None` if they are not of the
/// same image.
fn structure(ids: &Value, schema1: &Value) -> Option<Value> {
    let ids: Option<Vec<String>> = serde_json::from_value(ids.get("ok")?.clone()).ok()?;
    let schema1 = schema1.get("ok")?;
    let Some(text) = schema1.get("bytes") else {
        return (schema1.is_null() && ids.is_none()).then_some(Value::Null);
    };
    let (text, ids) = (text.as_str()?, ids?);
    let is_own_digest = *schema1.get("digest")? == json!(Digest::of(Algorithm::Sha256, text.as_bytes()).to_string());
    let are_ids = ids.iter().all(|id| id.len() == 64 && id.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')));
    let mut manifest: Value = serde_json::from_str(text).ok()?;
    let history = manifest.get_mut("history")?.as_array_mut()?;
    if !(is_own_digest && are_ids && history.len() == ids.len()) {
        return None;
    }
    for (entry, id) in history.iter_mut().zip(ids.iter().rev()) {
        let metadata = entry.get("v1Compatibility")?.as_str()?.to_owned();
        if !metadata.contains(id.as_str()) {
            return None;
        }
        *entry = Value::from(canonical_json(&placed(&metadata, &ids)).ok()?);
    }
    Some(manifest)
}

/// A text with its place instead of each id.
pub(super) fn placed(text: &str, ids: &[String]) -> String {
    ids.iter().enumerate().fold(text.to_owned(), |text, (at, id)| text.replace(id.as_str(), &format!("#{at}")))
}

fn is_handled_error(value: &Value) -> bool {
    handled(value) == Some(true)
}

fn is_crash(value: &Value) -> bool {
    handled(value) == Some(false)
}

/// Whether an error is one of Quay's own; `None` if the value is no error.
fn handled(value: &Value) -> Option<bool> {
    value.get("error")?.get("handled")?.as_bool()
}
