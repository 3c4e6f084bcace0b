//! The program: what it prints last, and its exit code.

#![expect(clippy::unwrap_used, reason = "a test, helpers and all: what is not as it must be fails it")]

use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

const VECTORS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/vectors");

/// What one run printed and how it ended.
struct Ran {
    code: Option<i32>,
    out: String,
    err: String,
}

fn program(arguments: &[&str]) -> Ran {
    let output = Command::new(env!("CARGO_BIN_EXE_manifest-vectors")).args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ran { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

fn program_on(directory: &Path) -> Ran {
    program(&["--dir", directory.to_str().unwrap()])
}

/// A directory with one file.
fn directory(file: &str, text: &str) -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_owned();
    fs::write(path.join(file), text).unwrap();
    (directory, path)
}

/// A copy of one file of the project's, with one case changed.
fn changed(file: &str, name: &str, change: impl FnOnce(&mut Value)) -> (TempDir, PathBuf) {
    let mut cases: Vec<Value> =
        serde_json::from_str(&fs::read_to_string(Path::new(VECTORS).join(file)).unwrap()).unwrap();
    change(cases.iter_mut().find(|case| case["name"] == name).unwrap());
    directory(file, &Value::from(cases).to_string())
}

#[test]
fn the_projects_copy_is_what_runs_by_default() {
    let Ran { code, out, err } = program(&[]);
    assert_eq!((code, err.as_str()), (Some(0), ""), "{out}");
    let first = out.lines().next().unwrap();
    assert_eq!(first, "a_schema2_to_v1: 24 passed, 0 failed, 3 deviations");
    let last = out.lines().last().unwrap();
    assert!(last.ends_with(" deviations") && last.contains(" passed, 0 failed, "), "{last}");
}

fn check_spoilt(file: &str, name: &str, change: fn(&mut Value), difference: &str) {
    let (_kept, path) = changed(file, name, change);
    let Ran { code, out, err } = program_on(&path);
    assert_eq!((code, err.as_str()), (Some(1), ""), "{out}");
    let line = format!("    FAILED {name}: {difference}");
    assert!(out.lines().any(|found| found.starts_with(&line)), "{line}\nis not in\n{out}");
    assert!(out.lines().last().unwrap().contains(" passed, 1 failed, "), "{out}");
}

#[test]
fn a_spoilt_result_of_an_operation_is_named() {
    let check = check_spoilt;
    check(
        "h_data_layer.json",
        "gc-time-machine-p",
        |case| case["expected"]["results"][12]["ok"] = json!(false),
        "results[12], gc: ok: expected Some(false), found Some(true)",
    );
    check(
        "h_data_layer.json",
        "lookup-grandchild-p",
        |case| case["expected"]["results"][13]["ok"]["label_rows"] = json!(1),
        "results[13], state: label_rows: beyond those of manifests, expected Some(1), found Some(0)",
    );
    check(
        "h_data_layer.json",
        "create-and-repeat-p",
        |case| drop(case["expected"]["results"].as_array_mut().unwrap().pop()),
        "results: 10 operations have 9 of them",
    );
}

#[test]
fn a_spoilt_expectation_is_named() {
    let check = check_spoilt;
    check(
        "a_schema2_to_v1.json",
        "docker-plain-1",
        |case| case["expected"]["config_size"] = json!(7),
        "config_size: expected 7, found ",
    );
    check(
        "d_schema1_signed.json",
        "built-valid-es256-1",
        |case| case["expected"]["layers"]["ok"][1]["parent_image_id"] = json!("spoilt"),
        "layers.ok[1].parent_image_id: expected \"spoilt\", found ",
    );
    check(
        "e_list_selection.json",
        "list-docker-two-amd64-1",
        |case| case["expected"]["child_digests"].as_array_mut().unwrap().reverse(),
        "child_digests[0]: expected \"sha256:0d01",
    );
    check(
        "f_malformed.json",
        "malformed-s2-empty-1",
        |case| case["expected"] = json!({"stages": {"parse": "ok"}, "first_error": null}),
        "parse: expected ok, found json (the manifest is not JSON: ",
    );
    check(
        "g_labels_and_json.json",
        "expires-after-0",
        |case| case["expected"]["seconds"]["ok"] = json!(1),
        "seconds: expected {\"ok\":1}, found ",
    );
    check(
        "g_labels_and_json.json",
        "label-key-10",
        |case| drop(case["expected"].as_object_mut().unwrap().remove("valid_for_api")),
        "valid_for_api: expected null, found ",
    );
}

#[test]
fn what_cannot_be_judged_is_named() {
    let check = |path: &Path, words: &str| {
        let Ran { code, out, err } = program_on(path);
        assert_eq!((code, out.as_str()), (Some(2), ""), "{err}");
        assert!(err.starts_with("error: ") && err.contains(words) && err.lines().count() == 1, "{words}: {err}");
    };
    let check_file = |file: &str, text: &str, words: &str| {
        let (_kept, path) = directory(file, text);
        check(&path, words);
    };
    check(&Path::new(VECTORS).join("none"), "none` cannot be read");
    check(&Path::new(VECTORS).join("README.md"), "README.md` cannot be read");
    check_file("README.md", "# Vectors", "holds no vectors");
    check_file("z_other.json", "[]", "`z_other.json` belongs to no group");
    check_file("f_malformed.json", "[]", "`f_malformed.json` is an empty list");
    check_file("f_malformed.json", "[{]", "`f_malformed.json` is no list of cases");
    check_file("f_malformed.json", "{}", "`f_malformed.json` is no list of cases");
    check_file("f_malformed.json", r#"[{"name": "a", "kind": "b", "inputs": {}}]"#, "missing field `expected`");
    let seed = r#"[{"name": "a", "kind": "b", "inputs": {}, "expected_seed": {}}]"#;
    check_file("a_schema2_to_v1.seed.json", seed, "unknown field `expected_seed`");
    let twice = r#"{"name": "a", "kind": "b", "inputs": {}, "expected": {}}"#;
    check_file("h_data_layer.json", &format!("[{twice},{twice}]"), "two cases of the name `a`");
    check_file("g_labels.json", &format!("[{twice}]"), "case `a` cannot be run: there are no cases of the kind `b`");

    let (_kept, path) = changed("h_data_layer.json", "delete-tag-p", |case| {
        case["inputs"]["ops"][7]["op"] = json!("delete_all");
    });
    check(&path, "case `delete-tag-p` cannot be run: input `ops` is {");
    let (_kept, path) = changed("b_oci_to_v1.json", "oci-plain-1", |case| {
        drop(case["inputs"].as_object_mut().unwrap().remove("manifest"));
    });
    check(&path, "case `oci-plain-1` cannot be run: input `manifest` is null, not text or bytes");
}

#[test]
fn an_unknown_argument_is_a_usage_error() {
    let Ran { code, err, .. } = program(&["--directory", "x"]);
    assert_eq!(code, Some(2), "{err}");
    assert!(err.contains("--directory"), "{err}");
}
