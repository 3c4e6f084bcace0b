//! The commands that read a data directory while `serve` writes to it.

mod common;

use common::{Server, answer, digest, index, manifestd, refusal};
use serde_json::Value;
use std::path::Path;

#[expect(clippy::unwrap_used, reason = "a test that cannot go on ends by panicking")]
fn json(arguments: &[&str], directory: &Path) -> Value {
    let mut all = arguments.to_vec();
    all.extend(["--json", "--data-dir", directory.to_str().unwrap()]);
    serde_json::from_str(&answer(&all)).unwrap()
}

#[test]
fn everything_can_be_read_while_it_is_served() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::on(directory.path());
    let first = server.push("team/app", "v1", &index(1));
    let second = server.push("team/app", "v1", &index(2));
    server.push("team/app", "latest", &index(2));

    let list = json(&["ls"], directory.path());
    assert_eq!((&list[0]["repository"], &list[0]["tags"]), (&Value::from("team/app"), &Value::from(2)));
    let tags = json(&["tags", "team/app"], directory.path());
    assert_eq!(tags["tags"][1]["digest"], second);
    let history = json(&["history", "team/app:v1"], directory.path());
    assert_eq!(history["history"][1]["digest"], first);
    assert_eq!(history["history"][0]["previous"], first);
    let seen = json(&["inspect", &format!("team/app@{first}")], directory.path());
    assert_eq!(seen["state"], "kept");
    let seen = json(&["inspect", "team/app:latest"], directory.path());
    assert_eq!(seen["tags"], serde_json::json!(["latest", "v1"]));
    assert_eq!(json(&["inspect", "team/app"], directory.path())["tags"], 2);

    let text = answer(&["tags", "team/app", "--data-dir", directory.path().to_str().unwrap()]);
    assert!(text.starts_with("TAG     DIGEST               SINCE\nlatest  "), "{text}");
}

#[test]
fn what_a_killed_process_left_can_be_read() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::on(directory.path());
    server.push("team/app", "v1", &index(1));
    server.kill();
    assert_eq!(json(&["tags", "team/app"], directory.path())["tags"][0]["tag"], "v1");
}

#[test]
fn an_image_is_read_with_its_config() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::on(directory.path());
    let config = r#"{"os":"linux","architecture":"arm64","config":{"Labels":{"team":"blue"}},"rootfs":{"type":"layers","diff_ids":[]}}"#;
    let (config_digest, layer) = (server.upload("a", config.as_bytes()), server.upload("a", b"a layer"));
    let manifest = format!(
        r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{config_digest}","size":{}}},"layers":[{{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"{layer}","size":7}}]}}"#,
        config.len()
    );
    let file = directory.path().join("manifest.json");
    std::fs::write(&file, &manifest).unwrap();
    let file = file.to_str().unwrap();

    let explained = json(&["explain-push", "a:v1", file], directory.path());
    assert_eq!(explained["rejection"], Value::Null);
    assert_eq!(explained["ask"]["digest"], digest(manifest.as_bytes()));
    assert_eq!(explained["plan"]["tags"][0]["point"]["name"], "v1");
    assert_eq!(server.get("/v2/a/manifests/v1").status, 404, "explaining must not push");
    // Another repository has none of it.
    let refused = json(&["explain-push", "b:v1", file], directory.path());
    assert_eq!(refused["rejection"]["blobs"].as_array().unwrap().len(), 2);
    let text = answer(&["explain-push", "b:v1", file, "--data-dir", directory.path().to_str().unwrap()]);
    assert!(text.contains("The push would be refused, and nothing written"), "{text}");

    let headers = [("Content-Type", "application/vnd.oci.image.manifest.v1+json")];
    let pushed = common::request(server.address, "PUT", "/v2/a/manifests/v1", &headers, manifest.as_bytes());
    assert_eq!(pushed.status, 201, "{}", pushed.body());
    let seen = json(&["inspect", "a:v1"], directory.path());
    assert_eq!((&seen["platform"], &seen["labels"]["team"]), (&Value::from("linux/arm64"), &Value::from("blue")));
    assert_eq!(seen["layers"][0]["digest"], layer);
}

#[test]
fn what_is_not_there_is_said_with_what_to_try() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().to_str().unwrap();
    let server = Server::on(directory.path());
    server.push("team/app", "v1", &index(1));
    let said = refusal(&mut manifestd(&["tags", "team/ap", "--data-dir", data]), 1);
    assert_eq!(said, "error: there is no repository team/ap\n  next: `manifestd ls` lists those that there are\n");
    let said = refusal(&mut manifestd(&["inspect", "team/app:v2", "--data-dir", data]), 1);
    assert!(
        said.starts_with("error: there is no v2 in team/app\n  next: `manifestd tags team/app` lists its tags"),
        "{said}"
    );
    let said = refusal(&mut manifestd(&["history", &format!("team/app@{}", digest(b"x")), "--data-dir", data]), 2);
    assert!(said.starts_with("error: a digest has no history"), "{said}");
    let said = refusal(&mut manifestd(&["explain-push", "a:v1", "no-such-file", "--data-dir", data]), 1);
    assert!(said.starts_with("error: no-such-file cannot be read\n"), "{said}");
}

#[test]
fn a_reader_that_stops_reading_is_no_failure() {
    let mut command = manifestd(&["config", "--sample"]);
    let mut child = command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    assert!(output.stderr.is_empty());
}
