//! Every use case of the core has an example in docs/embedding.md, and its documentation leads there. That the examples compile and run
//! is shown by the documentation tests of this crate.

#![expect(clippy::unwrap_used, reason = "a test")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// A use case: a public asynchronous function of the core's services.
struct UseCase {
    name: String,
    /// As it stands above the function, without its slashes.
    documentation: String,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn sources(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn use_cases_of(source: &str) -> Vec<UseCase> {
    let mut documentation = String::new();
    let mut found = Vec::new();
    for line in source.lines().map(str::trim) {
        if let Some(text) = line.strip_prefix("///") {
            documentation.push_str(text);
            documentation.push('\n');
        } else if let Some(function) = line.strip_prefix("pub async fn ") {
            let name = function.split(['(', '<']).next().unwrap().to_owned();
            found.push(UseCase { name, documentation: std::mem::take(&mut documentation) });
        } else if !line.starts_with("#[") {
            documentation.clear();
        }
    }
    found
}

fn use_cases() -> Vec<UseCase> {
    let mut files = Vec::new();
    sources(&root().join("crates/manifest-core/src/service"), &mut files);
    files.iter().flat_map(|file| use_cases_of(&fs::read_to_string(file).unwrap())).collect()
}

/// The code of each section, without its comments, under the anchor that rustdoc and GitHub give to its heading.
fn sections(page: &str) -> BTreeMap<String, String> {
    let (mut sections, mut anchor, mut in_code) = (BTreeMap::new(), String::new(), false);
    for line in page.lines() {
        if line.starts_with("```") {
            in_code = !in_code;
        } else if in_code && !line.trim_start().starts_with("//") {
            let code: &mut String = sections.entry(anchor.clone()).or_default();
            code.push_str(line);
            code.push('\n');
        } else if let (false, Some(heading)) = (in_code, line.strip_prefix("## ")) {
            anchor = heading.to_lowercase().replace(' ', "-");
        }
    }
    sections
}

/// What is wrong with the documentation of the use cases, one sentence each.
fn faults(use_cases: &[UseCase], page: &str, api: &str) -> Vec<String> {
    let sections = sections(page);
    let fault = |UseCase { name, documentation }: &UseCase| {
        let Some((_, link)) = documentation.split_once("[the guide](crate::guide#") else {
            return Some(format!("`{name}` does not say where its example is"));
        };
        let anchor = link.split(')').next().unwrap_or_default();
        let section = sections.get(anchor).map(String::as_str).unwrap_or_default();
        if !section.contains(&format!(".{name}(")) {
            return Some(format!("the section `{anchor}` has no example of `{name}`"));
        }
        let (_, heading) = documentation.split_once("`docs/api.md`, \"")?;
        let heading = heading.split('"').next().unwrap_or_default();
        let there = api.lines().any(|line| line.strip_prefix("## ") == Some(heading));
        (!there).then(|| format!("`{name}` names a section of docs/api.md that is not there: {heading}"))
    };
    use_cases.iter().filter_map(fault).collect()
}

#[test]
fn every_use_case_has_an_example() {
    let read = |page: &str| fs::read_to_string(root().join("docs").join(page)).unwrap();
    let use_cases = use_cases();
    // Each family of them is found, so the list is not empty by mistake.
    for name in ["push", "retag", "why", "step", "reclaim", "fsck", "catalogue", "mount", "purge", "set_immutable"] {
        assert!(use_cases.iter().any(|use_case| use_case.name == name), "{name}");
    }
    assert_eq!(faults(&use_cases, &read("embedding.md"), &read("api.md")), [""; 0]);
}

#[test]
fn a_use_case_without_an_example_is_found() {
    let page = "## Moving a tag\n\n```rust\nregistry.retag(cx);\n// registry.restore(cx);\n```\n";
    let check = |documentation: &str, name: &str, expected: &[&str]| {
        let source = format!("{documentation}\n#[must_use]\npub async fn {name}(&self) {{\n");
        assert_eq!(faults(&use_cases_of(&source), page, "## Moving a tag\n"), expected, "{source}");
    };
    let linked = "/// Example: [the guide](crate::guide#moving-a-tag).";
    check(linked, "retag", &[]);
    check(&format!("{linked} As JSON: `docs/api.md`, \"Moving a tag\"."), "retag", &[]);
    check("/// Points a tag.", "retag", &["`retag` does not say where its example is"]);
    check(&format!("{linked}\nfn other() {{}}"), "retag", &["`retag` does not say where its example is"]);
    check(linked, "restore", &["the section `moving-a-tag` has no example of `restore`"]);
    check(linked, "tag", &["the section `moving-a-tag` has no example of `tag`"]);
    let elsewhere = "/// [the guide](crate::guide#nowhere)";
    check(elsewhere, "retag", &["the section `nowhere` has no example of `retag`"]);
    let no_json = format!("{linked} As JSON: `docs/api.md`, \"Tagging\".");
    check(&no_json, "retag", &["`retag` names a section of docs/api.md that is not there: Tagging"]);
}
