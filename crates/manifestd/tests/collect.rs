//! Collecting, asking why, and checking, with the real binary on a database and files.

mod common;

use common::{Server, answer, files, index, manifestd, push_image, refusal, request, stop};
use serde_json::Value;
use std::path::Path;

#[expect(clippy::unwrap_used, reason = "a test that cannot go on ends by panicking")]
fn json(arguments: &[&str], directory: &Path) -> Value {
    let mut all = arguments.to_vec();
    all.extend(["--json", "--data-dir", directory.to_str().unwrap()]);
    serde_json::from_str(&answer(&all)).unwrap()
}

/// Whether a file of the registry has these bytes in it.
#[expect(clippy::unwrap_used, reason = "a test that cannot go on ends by panicking")]
fn is_stored(data: &Path, bytes: &[u8]) -> bool {
    let mut all = files(data).into_iter().map(|file| std::fs::read(file).unwrap());
    all.any(|all| all.windows(bytes.len()).any(|window| window == bytes))
}

fn delete(server: &Server, repository: &str, reference: &str) {
    let path = format!("/v2/{repository}/manifests/{reference}");
    let answer = request(server.address, "DELETE", &path, &[], b"");
    assert_eq!(answer.status, 202, "{}", answer.body());
}

/// Runs a command under which nothing is kept that no tag holds.
#[expect(clippy::unwrap_used, reason = "a test that cannot go on ends by panicking")]
fn without_window(arguments: &[&str], directory: &Path) -> String {
    let mut command = manifestd(arguments);
    command.args(["--data-dir", directory.to_str().unwrap()]);
    command.env("MANIFESTD_COLLECTION__WINDOW", "0s").env("MANIFESTD_COLLECTION__GRACE", "0s");
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Serves with leases so short that they are over.
#[expect(clippy::unwrap_used, reason = "a test that cannot go on ends by panicking")]
fn with_short_leases(directory: &Path) -> Server {
    let mut command = manifestd(&["serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"]);
    command.args(["--data-dir", directory.to_str().unwrap()]);
    command.env("MANIFESTD_BLOBS__LEASE", "2s").env("MANIFESTD_BLOBS__HEAD_LEASE_FLOOR", "0s");
    Server::spawn(&mut command)
}

#[test]
fn what_was_deleted_is_kept_for_the_window_and_then_goes_whole() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path();
    let server = with_short_leases(data);
    let (kept, _) = push_image(&server, "team/app", "v1", b"a layer that stays");
    let (gone, _) = push_image(&server, "team/app", "v2", b"a layer that goes");
    delete(&server, "team/app", &gone);

    // It is served by nobody and can be restored.
    let why = json(&["why", &format!("team/app@{gone}")], data);
    assert_eq!((&why["visible"], &why["retained"]["held_by"]["kind"]), (&Value::Null, &Value::from("deletion")));
    let dry = json(&["gc", "--dry-run"], data);
    assert_eq!(dry["doomed"].as_array().unwrap().len(), 0, "{dry:#}");
    let said = refusal(&mut manifestd(&["gc", "--data-dir", data.to_str().unwrap()]), 1);
    let pid = server.pid();
    assert!(said.contains(&format!("is in use by process {pid}, which collects by itself")), "{said}");

    // Without a window it goes; a dry run says so, also beside `serve`, and changes nothing.
    let dry = without_window(&["gc", "--dry-run"], data);
    assert!(dry.contains(&gone) && !dry.contains(&kept), "{dry}");
    assert!(dry.contains("held until "), "{dry}");
    stop(server);
    assert!(is_stored(data, b"a layer that goes"));
    wait_until_leases_end(data);
    let dry: Value = serde_json::from_str(&without_window(&["gc", "--dry-run", "--json"], data)).unwrap();
    assert_eq!(dry["would_free"]["blobs"], 1, "{dry:#}");
    assert_eq!(dry["would_free"]["bytes"], b"a layer that goes".len(), "the config is shared");
    let text = without_window(&["gc"], data);
    assert!(text.starts_with("Removed, and freed 17 B of blobs:\n"), "{text}");
    assert!(text.contains("  1 manifest\n") && text.contains("  1 blob\n"), "{text}");
    assert!(!is_stored(data, b"a layer that goes"));
    assert!(without_window(&["gc"], data).starts_with("Nothing was removed"));

    let report = json(&["fsck", "--deep"], data);
    assert_eq!((&report["clean"], &report["counts"]["blobs"]), (&Value::from(true), &Value::from(2)), "{report:#}");
    let said = refusal(&mut manifestd(&["why", &format!("team/app@{gone}"), "--data-dir", data.to_str().unwrap()]), 1);
    assert!(said.starts_with(&format!("error: {gone} is unknown in team/app\n")), "{said}");
    let server = Server::on(data);
    assert_eq!(server.get("/v2/team/app/manifests/v1").status, 200);
}

/// Asks until a blob could go, which it can when its lease is over.
fn wait_until_leases_end(directory: &Path) {
    while without_window(&["gc", "--dry-run", "--json"], directory).contains("\"blobs\": 0") {}
}

#[test]
fn serve_collects_by_itself() {
    let directory = tempfile::tempdir().unwrap();
    let mut command = manifestd(&["serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"]);
    command.args(["--data-dir", directory.path().to_str().unwrap(), "--log-format", "json"]);
    command.env("MANIFESTD_COLLECTION__INTERVAL", "10ms").env("MANIFESTD_COLLECTION__WINDOW", "0s");
    let mut server = Server::spawn(&mut command);
    let gone = server.push("team/app", "v1", &index(1));
    delete(&server, "team/app", &gone);
    let line: Value = serde_json::from_str(&server.log_until("\"manifests\":1")).unwrap();
    assert_eq!((&line["message"], &line["blobs"]), (&Value::from("collected"), &Value::from(0)), "{line:#}");
    let metrics = request(server.admin.unwrap(), "GET", "/metrics", &[], b"").body();
    assert!(metrics.contains("manifestd_collection_removed_total{stage=\"manifests\"} 1\n"), "{metrics}");
    stop(server);
}

#[test]
fn collection_can_be_switched_off() {
    let directory = tempfile::tempdir().unwrap();
    let mut command = manifestd(&["serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"]);
    command.args(["--data-dir", directory.path().to_str().unwrap()]);
    let server = Server::spawn(command.env("MANIFESTD_COLLECTION__ENABLED", "false"));
    let metrics = request(server.admin.unwrap(), "GET", "/metrics", &[], b"").body();
    assert!(!metrics.contains("collection"), "{metrics}");
}

#[test]
fn why_names_the_chain() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path();
    let server = Server::on(data);
    let child = index(1);
    let child_digest = server.push("team/app", "child", &child);
    let parent = format!(
        r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{{"mediaType":"application/vnd.oci.image.index.v1+json","digest":"{child_digest}","size":{}}}]}}"#,
        child.len()
    );
    let parent_digest = server.push("team/app", "latest", &parent);
    let why = json(&["why", "team/app:child"], data);
    assert_eq!(why["visible"]["held_by"], serde_json::json!({ "kind": "tag", "tag": "child", "expires": null }));
    assert_eq!((&why["stays"], &why["goes_after"]), (&Value::from(true), &Value::Null));

    // The tag leaves it; a pin serves it, and the index keeps it for longer.
    server.push("team/app", "child", &index(2));
    let target = format!("team/app@{child_digest}");
    let why = json(&["why", &target], data);
    assert_eq!(why["visible"]["held_by"]["kind"], "pin");
    assert_eq!(why["retained"]["links"], serde_json::json!([{ "link": "parent", "digest": parent_digest }]));
    let text = answer(&["why", &target, "--data-dir", data.to_str().unwrap()]);
    assert!(text.contains("  state      served\n  served by  a pin until "), "{text}");
    assert!(text.contains(&format!("  kept by    the index {parent_digest}, which lists it,\n")), "{text}");
    assert!(text.contains("             which is kept by the tag latest\n"), "{text}");

    let said = refusal(&mut manifestd(&["why", "team/app", "--data-dir", data.to_str().unwrap()]), 2);
    assert!(said.starts_with("error: that is a repository, and this command is about one manifest\n"), "{said}");
}

#[test]
fn where_nothing_is_nothing_is_made() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("none");
    for command in ["gc", "fsck"] {
        let said = refusal(&mut manifestd(&[command, "--data-dir", data.to_str().unwrap()]), 1);
        assert!(said.contains("holds no registry"), "{said}");
    }
    assert!(!data.exists());
}
