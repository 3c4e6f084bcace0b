//! The judges bite: whatever is judged of a case, another expectation of it is a failure.

use super::*;
use crate::outcome::Verdict;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

/// A value that is not this one and has its shape: the first leaf that is judged is another.
pub(crate) fn spoilt(value: &Value) -> Value {
    match value {
        Value::Null => json!("spoilt"),
        Value::Bool(value) => json!(!value),
        Value::Number(number) => json!(number.as_i64().unwrap() + 1),
        Value::String(text) => json!(format!("{text}?")),
        Value::Array(list) => match list.split_first() {
            Some((first, rest)) => [spoilt(first)].into_iter().chain(rest.iter().cloned()).collect(),
            None => json!(["spoilt"]),
        },
        Value::Object(members) => {
            let mut members = members.clone();
            let mut names = ["kind", "image_id"].into_iter().filter(|name| members.contains_key(*name));
            let name =
                names.next().or_else(|| members.keys().next().map(String::as_str)).unwrap_or("spoilt").to_owned();
            let member = members.get(&name).map_or(json!("spoilt"), spoilt);
            members.insert(name, member);
            Value::Object(members)
        }
    }
}

/// The names of the fields of a case whose spoiling nobody sees, and how many were spoilt.
fn unnoticed(group: Group, case: &mut Case) -> (Vec<String>, usize) {
    let names: Vec<String> = case.expected.keys().cloned().collect();
    let mut unnoticed = Vec::new();
    for name in &names {
        let right = case.expected[name].clone();
        case.expected[name] = spoilt(&right);
        if !matches!(group.judge(case).unwrap().verdict, Verdict::Failed(_)) {
            unnoticed.push(name.clone());
        }
        case.expected[name] = right;
    }
    (unnoticed, names.len())
}

#[test]
fn a_spoilt_expectation_fails() {
    let mut spoilt = 0;
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors")).unwrap() {
        let path = entry.unwrap().path();
        let file = path.file_name().unwrap().to_str().unwrap().to_owned();
        let Some(group) = group_of(&file) else { continue };
        // Its results are spoilt one by one, by a test of its own.
        if group == Group::DataLayer {
            continue;
        }
        for mut case in case::read(&file, &fs::read_to_string(&path).unwrap()).unwrap() {
            let Outcome { verdict, later, .. } = group.judge(&case).unwrap();
            assert_eq!(later, Vec::<String>::new(), "{file}, {}", case.name);
            match verdict {
                Verdict::AsQuay => {
                    let (unnoticed, count) = unnoticed(group, &mut case);
                    assert!(unnoticed.is_empty(), "{file}, {}: nobody sees that {unnoticed:?} is spoilt", case.name);
                    spoilt += count;
                }
                // What we refuse and Quay reads has fields to which nothing of ours compares.
                Verdict::ByRule(_) => {}
                Verdict::Failed(why) => panic!("{file}, {}: {why}", case.name),
            }
        }
    }
    assert!(spoilt > 2_000, "only {spoilt} fields were spoilt");
}

/// In a deviation, what the rule does not speak of is judged as everywhere.
#[test]
fn a_deviation_is_judged_too() {
    let check = |file: &str, name: &str, spoil: &[(&str, Value)]| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors").join(file);
        let cases = case::read(file, &fs::read_to_string(path).unwrap()).unwrap();
        let mut case = cases.into_iter().find(|case| case.name == name).unwrap();
        let group = group_of(file).unwrap();
        assert!(matches!(group.judge(&case).unwrap().verdict, Verdict::ByRule(_)), "{name}");
        for (field, value) in spoil {
            let right = case.expected.insert((*field).to_owned(), value.clone()).unwrap();
            let verdict = group.judge(&case).unwrap().verdict;
            assert!(matches!(verdict, Verdict::Failed(_)), "{name}, {field}: {verdict:?}");
            case.expected.insert((*field).to_owned(), right);
        }
    };
    let digest = json!("sha256:00");
    check(
        "a_schema2_to_v1.json",
        "docker-urls-on-plain-layer-1",
        &[("digest", digest.clone()), ("local_blob_digests", json!([digest])), ("labels", json!({"ok": {}}))],
    );
    check(
        "a_schema2_to_v1.json",
        "docker-nested-labels-1",
        &[("labels", json!({"ok": {"a": "b"}})), ("digest", digest)],
    );
    check("a_schema2_to_v1.json", "docker-lone-surrogates-1", &[("labels", json!({"ok": {"a": "b"}}))]);
    check(
        "d_schema1_signed.json",
        "built-valid-duplicate-key-after-1",
        &[
            ("parse", json!({"error": {"kind": "json", "handled": true}})),
            ("payload", json!({"error": {"kind": "json", "handled": true}})),
        ],
    );
    check("f_malformed.json", "malformed-s2-digest-short-ok-1", &[("stages", json!({"parse": "json"}))]);
    check("g_labels_and_json.json", "expires-after-2", &[("seconds", json!({"ok": 1}))]);
    check("g_labels_and_json.json", "expires-after-12", &[("seconds", json!({"ok": 86_401}))]);
}
