//! Every promise that a port's docs make with a MUST has a clause, and every clause a promise.

use manifest_contract::{bytes, keys, rows};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::{fs, io};

/// The text of each source file of a folder, from the root of this crate.
fn sources(folder: &str) -> io::Result<Vec<String>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    fs::read_dir(folder)?.map(|file| fs::read_to_string(file?.path())).collect()
}

/// The numbered promises in the docs of the ports, with their words.
fn promises() -> BTreeMap<String, String> {
    let mut promises = BTreeMap::new();
    for text in sources("../manifest-core/src/ports").unwrap_or_default() {
        let docs: Vec<&str> = text.lines().filter_map(|line| line.trim().strip_prefix("///")).map(str::trim).collect();
        for item in docs.join("\n").split("\n- **").skip(1) {
            let Some((number, words)) = item.split_once(".**") else { continue };
            let words = words.split("\n\n").next().unwrap_or_default();
            let before = promises.insert(number.to_owned(), words.replace('\n', " "));
            assert_eq!(before, None, "{number} is promised twice");
        }
    }
    assert!(promises.len() > 30, "the docs of the ports were not understood: {promises:?}");
    promises
}

fn clauses() -> Vec<(&'static str, &'static str)> {
    let rows = rows::CLAUSES.iter().map(|clause| (clause.promise, clause.name));
    let bytes = bytes::CLAUSES.iter().map(|clause| (clause.promise, clause.name));
    let keys = keys::CLAUSES.iter().map(|clause| (clause.promise, clause.name));
    rows.chain(bytes).chain(keys).collect()
}

#[test]
fn every_must_has_a_clause() {
    let promises = promises();
    let kept: BTreeSet<&str> = clauses().into_iter().map(|(promise, _)| promise).collect();
    let lacking: Vec<_> =
        promises.iter().filter(|(number, words)| words.contains("MUST") && !kept.contains(number.as_str())).collect();
    assert!(lacking.is_empty(), "no clause asks for {lacking:#?}");
}

#[test]
fn every_clause_belongs_to_a_promise() {
    let promises = promises();
    for (promise, name) in clauses() {
        assert!(promises.contains_key(promise), "{name} asks for what no port promises");
        let prefix = format!("{}_", promise.to_lowercase());
        assert!(name.starts_with(&prefix), "{name} is listed under {promise}");
    }
}

#[test]
fn no_two_clauses_have_one_name() {
    let all = clauses();
    let names: BTreeSet<&str> = all.iter().map(|(_, name)| *name).collect();
    assert_eq!(names.len(), all.len());
}

#[test]
fn every_clause_that_is_written_is_listed() {
    let listed: BTreeSet<&str> = clauses().into_iter().map(|(_, name)| name).collect();
    let mut written = 0;
    for suite in ["src/rows", "src/bytes", "src/keys"] {
        for text in sources(suite).unwrap() {
            for rest in text.split("pub(crate) async fn ").skip(1) {
                let name = rest.split(['(', '<']).next().unwrap_or_default();
                assert!(listed.contains(name), "{name} is in no list, so nobody runs it");
                written += 1;
            }
        }
    }
    assert_eq!(written, listed.len());
}
