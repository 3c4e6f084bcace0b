//! `manifestd config`, and what is said about a configuration that is wrong.

mod common;

use common::{answer, manifestd, refusal};
use std::fs;

#[test]
fn the_effective_configuration_says_where_each_value_came_from() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("m.toml");
    fs::write(&file, "[manifests]\nuntagged_ttl = \"2w\"\nmax_bytes = 4096\n").unwrap();
    let mut command = manifestd(&["config", "--config", file.to_str().unwrap(), "--listen", "[::1]:80"]);
    command.env("MANIFESTD_MANIFESTS__REFERENCES", "unchecked");
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let has = |key: &str, value: &str, origin: &str| {
        let line = text.lines().find(|line| line.starts_with(&format!("{key} = "))).unwrap();
        let (assignment, comment) = line.split_once(" # ").unwrap();
        assert_eq!(assignment.trim_end(), format!("{key} = {value}"), "{text}");
        assert_eq!(comment, origin, "{text}");
    };
    has("listen", "\"[::1]:80\"", "flag --listen");
    has("untagged_ttl", "\"2w\"", &format!("{}:2", file.display()));
    has("max_bytes", "4096", &format!("{}:3", file.display()));
    has("references", "\"unchecked\"", "environment variable MANIFESTD_MANIFESTS__REFERENCES");
    has("shutdown_grace", "\"30s\"", "default");

    // It is a configuration file itself, and says the same.
    let copy = directory.path().join("copy.toml");
    fs::write(&copy, &text).unwrap();
    let again = answer(&["config", "--config", copy.to_str().unwrap()]);
    let values = |text: &str| {
        text.lines().filter_map(|line| Some(line.split_once(" # ")?.0.trim_end().to_owned())).collect::<Vec<_>>()
    };
    assert_eq!(values(&again), values(&text));
}

#[test]
fn the_file_can_be_named_by_a_variable() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("m.toml");
    fs::write(&file, "[uploads]\nttl = \"1h\"\n").unwrap();
    let output = manifestd(&["config"]).env("MANIFESTD_CONFIG", &file).output().unwrap();
    assert!(String::from_utf8(output.stdout).unwrap().contains("ttl = \"1h\""));
}

#[test]
fn the_sample_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("sample.toml");
    fs::write(&file, answer(&["config", "--sample"])).unwrap();
    let with_sample = answer(&["config", "--config", file.to_str().unwrap()]);
    let values = |text: &str| -> Vec<String> {
        text.lines().map(|line| line.split(" # ").next().unwrap().trim_end().to_owned()).collect()
    };
    assert_eq!(values(&with_sample), values(&answer(&["config"])));
}

#[test]
fn what_is_wrong_in_a_file_is_named_by_line_with_a_way_out() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("m.toml");
    let check = |text: &str, expected: &str| {
        fs::write(&file, text).unwrap();
        let said = refusal(&mut manifestd(&["serve", "--config", file.to_str().unwrap()]), 2);
        assert!(said.starts_with(&format!("error: {}{expected}\n", file.display())), "{said}");
        assert!(said.contains("\n  next: correct it; `manifestd config --sample` lists every key"), "{said}");
    };
    check(
        "[server]\n\nlisten_on = \"127.0.0.1:80\"\n",
        ":3: there is no key `server.listen_on`; did you mean `server.listen`?",
    );
    check(
        "[blobs]\nlease = \"1 day\"\n",
        ":2: `blobs.lease` is \"1 day\", but a length of time such as \"24h\" or \"14d\" is expected (` day` is not a unit of \
         time (ms, s, m, h, d, w))",
    );
    check(
        "[server]\nlisten = 5000\n",
        ":2: `server.listen` is 5000, but an address with a port such as \"127.0.0.1:5000\" is expected",
    );
    fs::remove_file(&file).unwrap();
    let said = refusal(&mut manifestd(&["serve", "--config", file.to_str().unwrap()]), 2);
    assert!(said.contains("cannot be read: No such file or directory"), "{said}");
    assert!(said.contains("\n  next: check the path"), "{said}");
}

#[test]
fn what_is_wrong_in_the_environment_is_named() {
    let check = |name: &str, value: &str, expected: &str| {
        let said = refusal(manifestd(&["config"]).env(name, value), 2);
        assert!(said.starts_with(&format!("error: environment variable {name}{expected}")), "{said}");
    };
    check("MANIFESTD_SERVER__LISTN", "x", " sets nothing; did you mean `MANIFESTD_SERVER__LISTEN`?\n");
    check(
        "MANIFESTD_SERVER__AUTH",
        "basic",
        ": `server.auth` is \"basic\", but \"loopback\" or \"none\" is expected\n",
    );
    check("MANIFESTD_STORAGE__EPHEMERAL", "yes", ": `storage.ephemeral` is \"yes\", but true or false is expected\n");
}

#[test]
fn usage_errors_have_the_same_code() {
    refusal(&mut manifestd(&["serve", "--listen", "here"]), 2);
    refusal(&mut manifestd(&["tags", "Not/A/Name"]), 2);
    refusal(&mut manifestd(&["sreve"]), 2);
    let said = refusal(&mut manifestd(&["tags", "localhost:5000/a"]), 2);
    assert!(said.contains("localhost:5000/a"), "{said}");
}
