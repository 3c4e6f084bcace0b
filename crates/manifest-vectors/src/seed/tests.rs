//! The judges of the seed bite: whatever it says that we compare, another expectation is a failure.

use super::*;
use crate::group::tests::spoilt;
use crate::outcome::Verdict;
use serde_json::json;
use std::fs;
use std::path::Path;

const VECTORS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/vectors");

fn cases(file: &str) -> Vec<Case> {
    let text = |path: &str| fs::read_to_string(Path::new(VECTORS).join(path)).unwrap();
    let main = (file != "legacy_images").then(|| text(&format!("{file}.json")));
    read(file, &text(&format!("seed_era/{file}.seed.json")), main.as_deref()).unwrap()
}

fn fails(judge: fn(&Case) -> Result<Outcome, InputError>, case: &Case) -> bool {
    matches!(judge(case).unwrap().verdict, Verdict::Failed(_))
}

/// Spoils each expected field of the cases in which we answer as the seed did; of an error, that it is one.
fn check_fields(file: &str, judge: fn(&Case) -> Result<Outcome, InputError>) {
    let mut count = 0;
    for mut case in cases(file) {
        if judge(&case).unwrap().verdict != Verdict::AsQuay {
            continue;
        }
        for (name, right) in case.expected.clone() {
            let wrong = if right.get("error").is_some() { json!({"ok": []}) } else { spoilt(&right) };
            case.expected.insert(name.clone(), wrong);
            assert!(fails(judge, &case), "{file}, {}: nobody sees that {name} is spoilt", case.name);
            case.expected.insert(name, right);
            count += 1;
        }
    }
    assert!(count > 15, "only {count} fields of {file} were spoilt");
}

#[test]
fn a_spoilt_image_fails() {
    check_fields("a_schema2_to_v1", images::judge);
}

#[test]
fn a_spoilt_rewriting_fails() {
    check_fields("c_schema1_rewrite", malformed::judge_seed_rewrite);
}

#[test]
fn a_spoilt_row_fails() {
    let mut count = 0;
    for case in cases("legacy_images") {
        let ops = case.inputs["ops"].as_array().unwrap();
        let results = case.expected["results"].as_array().unwrap();
        for (at, op) in ops.iter().enumerate().filter(|(_, op)| op["op"] == "images") {
            let rows = results[at]["ok"].as_array().unwrap();
            for (row, members) in rows.iter().enumerate() {
                for name in members.as_object().unwrap().keys().filter(|name| *name != "docker_image_id") {
                    let mut wrong = results.clone();
                    wrong[at]["ok"][row][name] = spoilt(&members[name]);
                    let expected = Map::from_iter([("results".to_owned(), Value::from(wrong))]);
                    let spoilt = Case {
                        name: case.name.clone(),
                        kind: case.kind.clone(),
                        inputs: case.inputs.clone(),
                        expected,
                    };
                    // What only the seed left behind is not compared.
                    if judge_rows(&case) {
                        assert!(fails(rows::judge, &spoilt), "{}, {op}: nobody sees that {name} is spoilt", case.name);
                        count += 1;
                    }
                }
            }
        }
    }
    assert!(count > 200, "only {count} members of rows were spoilt");
}

/// Whether nothing about the case is disputed, so that every row is compared.
fn judge_rows(case: &Case) -> bool {
    rows::judge(case).unwrap().verdict == Verdict::AsQuay
}

#[test]
fn ids_are_not_compared_but_places_are() {
    let all = cases("legacy_images");
    let mut case = all.into_iter().find(|case| case.name == "schema2-basic-p").unwrap();
    let text = Value::Object(case.expected.clone()).to_string();
    let results = case.expected["results"].as_array().unwrap();
    let rows = results.iter().find_map(|result| result["ok"].as_array()).unwrap();
    let id = rows[0]["docker_image_id"].as_str().unwrap().to_owned();
    // Another id everywhere is the same structure; in one place it is not.
    case.expected = serde_json::from_str(&text.replace(&id, &"0".repeat(64))).unwrap();
    assert_eq!(rows::judge(&case).unwrap().verdict, Verdict::AsQuay);
    case.expected = serde_json::from_str(&text.replacen(&id, &"0".repeat(64), 1)).unwrap();
    assert!(fails(rows::judge, &case));
}
