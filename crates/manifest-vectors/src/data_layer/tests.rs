//! The judge bites: whatever is changed about an expected result, it is noticed, but for what a deviation left behind.

use super::*;
use crate::case;
use crate::group::tests::spoilt;
use serde_json::json;
use std::fs;
use std::path::Path;

fn cases() -> Vec<Case> {
    let file = "h_data_layer.json";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors").join(file);
    case::read(file, &fs::read_to_string(path).unwrap()).unwrap()
}

/// The result with one thing changed, in each of several ways.
fn spoilings(result: &Value) -> Vec<Value> {
    if result.get("error").is_some() {
        // Whatever class it has says nothing more.
        return vec![json!({"error": "Other", "class": "Other"})];
    }
    let mut spoilings = vec![spoilt(result)];
    let mut change = |place: &str, value: Value| {
        let mut changed = result.clone();
        if let Some(found) = changed.pointer_mut(place) {
            *found = value;
            spoilings.push(changed);
        }
    };
    for list in ["/ok/storages", "/ok/objects"] {
        change(list, json!(["sha256/00/00"]));
    }
    for (name, _) in result.pointer("/ok/repositories").and_then(Value::as_object).into_iter().flatten() {
        for list in ["tags", "uploaded"] {
            let place = format!("/ok/repositories/{name}/{list}");
            let mut longer = result.pointer(&place).unwrap().as_array().unwrap().clone();
            longer.push(json!("sha256:00"));
            change(&place, Value::from(longer));
            change(&format!("{place}/0"), json!({}));
        }
        let manifests = format!("/ok/repositories/{name}/manifests");
        for (digest, _) in result.pointer(&manifests).and_then(Value::as_object).into_iter().flatten() {
            for member in ["media_type", "config_media_type", "layers_compressed_size", "subject", "artifact_type"] {
                change(&format!("{manifests}/{digest}/{member}"), json!("spoilt"));
            }
            for member in ["blobs", "children", "labels"] {
                change(&format!("{manifests}/{digest}/{member}"), json!(["sha256:00"]));
            }
        }
    }
    spoilings
}

#[test]
fn a_spoilt_result_fails() {
    let (mut spoilt, mut unnoticed, mut loose) = (0, Vec::new(), Vec::new());
    for mut case in cases() {
        let run = Run::of(&case).unwrap();
        let memory = block_on(run.on_memory()).unwrap();
        let judged = |case: &Case| run.judge(case, &memory, &mut Operations::default());
        let deviates = !judged(&case).unwrap().is_empty();
        let results = case.expected["results"].as_array().unwrap().clone();
        for (index, right) in results.iter().enumerate() {
            for wrong in spoilings(right) {
                case.expected["results"][index] = wrong;
                spoilt += 1;
                if judged(&case).is_ok() {
                    let unnoticed = if deviates { &mut loose } else { &mut unnoticed };
                    unnoticed.push(format!("{}[{index}]", case.name));
                }
            }
            case.expected["results"][index] = right.clone();
        }
    }
    assert!(unnoticed.is_empty(), "nobody sees that these are spoilt: {unnoticed:?}");
    assert!(spoilt > 3_000, "only {spoilt} were spoilt");
    // What a deviation left behind may be one or the other.
    assert!(loose.len() < 25, "{} of {spoilt} are not noticed: {loose:?}", loose.len());
}

#[test]
fn a_store_that_answers_otherwise_is_named() {
    let case = cases().into_iter().find(|case| case.name == "delete-tag-p").unwrap();
    let run = Run::of(&case).unwrap();
    let mut memory = block_on(run.on_memory()).unwrap();
    let last = memory.steps.last_mut().unwrap();
    last.0 = Answer::Done(json!("spoilt"));
    for store in [Store::Sqlite, Store::Postgres] {
        let why = block_on(run.as_memory(store, &memory)).unwrap_err();
        let words = format!("results[13], get_tag: {store} against memory: .ok: expected \"spoilt\", found null");
        assert_eq!(why, words);
    }
}
