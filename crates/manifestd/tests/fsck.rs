//! `manifestd fsck` on a registry that was damaged behind its back.

mod common;

use common::{Server, answer, files, push_image, run, stop};
use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};
use serde_json::Value;
use std::fs;
use std::path::Path;

/// Kind and digest of all findings; that there are some shows in the exit code.
#[expect(clippy::unwrap_used, reason = "a test that cannot go on ends by panicking")]
fn findings(data: &Path, arguments: &[&str]) -> Vec<(String, String)> {
    let mut all = vec!["fsck", "--json", "--data-dir", data.to_str().unwrap()];
    all.extend(arguments);
    let output = run(&all);
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let text = |finding: &Value, name: &str| finding[name].as_str().unwrap_or_default().to_owned();
    let list = report["findings"].as_array().unwrap();
    list.iter().map(|finding| (text(finding, "kind"), text(finding, "digest"))).collect()
}

#[test]
fn damaged_bytes_are_found_and_left_as_they_are() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path();
    let server = Server::on(data);
    // Too large for a pack, so that it has a file.
    let bytes = vec![b'a'; 100_000];
    let (_, layer) = push_image(&server, "team/app", "v1", &bytes);
    // Beside `serve`, and clean.
    let text = answer(&["fsck", "--data-dir", data.to_str().unwrap()]);
    assert!(text.ends_with("Everything agrees.\n"), "{text}");
    assert!(text.starts_with("Checked 2 blobs of "), "{text}");
    stop(server);

    let hex = &layer["sha256:".len()..];
    let file = files(data).into_iter().find(|file| file.to_string_lossy().contains(hex)).unwrap();
    let found = |kind: &str| vec![(kind.to_owned(), layer.clone())];
    replace(&file, &[&bytes[1..], b"A"].concat());
    assert!(run(&["fsck", "--data-dir", data.to_str().unwrap()]).status.success(), "sizes agree");
    assert_eq!(findings(data, &["--deep"]), found("wrong-bytes"));
    replace(&file, &bytes[1..]);
    assert_eq!(findings(data, &[]), found("wrong-size"));
    fs::remove_file(&file).unwrap();
    assert_eq!(findings(data, &[]), found("missing-bytes"));
    assert!(!file.exists());
}

#[test]
fn damage_to_a_pack_is_found_and_left_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path();
    let server = Server::on(data);
    let (_, layer) = push_image(&server, "team/app", "v1", b"a layer");
    let text = answer(&["fsck", "--deep", "--data-dir", data.to_str().unwrap()]);
    assert!(text.ends_with("Everything agrees.\n"), "{text}");
    stop(server);

    let packs = files(data);
    let [pack] = packs.as_slice() else { panic!("the config and the layer are in one pack: {packs:?}") };
    let whole = fs::read(pack).unwrap();
    let at = whole.windows(7).position(|bytes| bytes == b"a layer").unwrap();
    let damage = |at: usize, byte: u8| {
        let mut damaged = whole.clone();
        damaged[at] = byte;
        replace(pack, &damaged);
    };
    let found = |kind: &str| vec![(kind.to_owned(), layer.clone())];
    damage(at, b'A');
    assert!(run(&["fsck", "--data-dir", data.to_str().unwrap()]).status.success(), "sizes agree");
    assert_eq!(findings(data, &["--deep"]), found("wrong-bytes"));
    // The header is right before the bytes.
    damage(at - 1, !whole[at - 1]);
    assert_eq!(findings(data, &[]), found("missing-bytes"));
    damage(at, b'a');
    assert!(run(&["fsck", "--deep", "--data-dir", data.to_str().unwrap()]).status.success());
    fs::remove_file(pack).unwrap();
    assert_eq!(findings(data, &[]).len(), 2);
}

/// Files of blobs are read-only.
#[expect(clippy::unwrap_used, reason = "a test that cannot go on ends by panicking")]
fn replace(file: &Path, bytes: &[u8]) {
    fs::remove_file(file).unwrap();
    fs::write(file, bytes).unwrap();
}

/// A registry of one image, after statements that no registry would run; the image's digest and its layer's are given back.
#[expect(clippy::unwrap_used, reason = "a test that cannot go on ends by panicking")]
fn damaged(sql: &str) -> (tempfile::TempDir, String, String) {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::on(directory.path());
    let (manifest, layer) = push_image(&server, "team/app", "v1", b"a layer");
    stop(server);
    let database = directory.path().join("manifestd.sqlite");
    let mut connection = SqliteConnection::establish(database.to_str().unwrap()).unwrap();
    connection.batch_execute("PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON").unwrap();
    let sql = sql.replace("LAYER", &format!("x'01{}'", &layer["sha256:".len()..]));
    connection.batch_execute(&sql).unwrap();
    (directory, manifest, layer)
}

#[test]
fn damaged_rows_are_found() {
    let check = |sql: &str, expected: &dyn Fn(String, String) -> Vec<(&'static str, String)>| {
        let (directory, manifest, layer) = damaged(sql);
        let found = findings(directory.path(), &[]);
        let expected: Vec<_> =
            expected(manifest, layer).into_iter().map(|(kind, digest)| (kind.to_owned(), digest)).collect();
        assert_eq!(found, expected, "{sql}");
    };
    check(
        "UPDATE manifest SET bytes = CAST(replace(CAST(bytes AS TEXT), 'schemaVersion', 'schemaversion') AS BLOB)",
        &|manifest, _| vec![("wrong-manifest", manifest)],
    );
    check("DELETE FROM repository_blob WHERE digest = LAYER", &|manifest, _| vec![("missing-blob", manifest)]);
    check("UPDATE blob SET size = -1 WHERE digest = LAYER", &|_, _| vec![("unreadable-row", String::new())]);
}
