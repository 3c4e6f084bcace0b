//! Manifests that are refused: with what was wrong, and nothing left behind.

use crate::client::Answer;
use crate::images::{descriptor, image, sha256};
use crate::server::Server;
use manifest_core::facts::RepositoryState;
use manifest_core::ports::{Repositories, Totals};
use oci_types::MediaType;
use serde_json::{Value, json};

/// A repository with two blobs, and what it holds.
async fn prepared() -> (Server, Totals) {
    let server = Server::start().await;
    server.push_blob("a", b"{}").await;
    server.push_blob("a", b"layer").await;
    let totals = server.totals().await;
    (server, totals)
}

async fn put(server: &Server, content_type: &str, bytes: impl AsRef<[u8]>) -> Answer {
    server.call("PUT /v2/a/manifests/v1", &[("Content-Type", content_type)], bytes).await
}

#[tokio::test]
async fn no_manifests() {
    let (server, before) = prepared().await;
    let invalid = async |content_type: &str, bytes: &[u8]| {
        put(&server, content_type, bytes).await.refused(400, "MANIFEST_INVALID");
    };
    let good = image(b"{}", b"layer");
    let text = good.to_string();
    for malformed in ["", "{", "[]", "null", "\"x\"", "{}}", "{\"schemaVersion\":NaN}", "{'a':1}"] {
        invalid(MediaType::OCI_MANIFEST, malformed.as_bytes()).await;
    }
    invalid(MediaType::OCI_MANIFEST, b"{\"schemaVersion\":2,\"x\":\"\xff\xfe\"}").await;
    invalid(MediaType::OCI_MANIFEST, text.replacen('{', "{\"schemaVersion\":2,", 1).as_bytes()).await;
    for depth in [200, 200_000] {
        let bomb = format!("{{\"a\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
        invalid(MediaType::OCI_MANIFEST, bomb.as_bytes()).await;
        let bomb = format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth));
        invalid(MediaType::OCI_INDEX, bomb.as_bytes()).await;
    }
    // Types that contradict each other, are none of a manifest, or are no types.
    invalid(MediaType::DOCKER_SCHEMA2, text.as_bytes()).await;
    invalid(MediaType::OCI_INDEX, text.as_bytes()).await;
    invalid("application/octet-stream", text.as_bytes()).await;
    invalid("nonsense", text.as_bytes()).await;
    let mut both = good.clone();
    both["manifests"] = json!([]);
    invalid(MediaType::OCI_MANIFEST, both.to_string().as_bytes()).await;
    for (member, value) in [
        ("config", Value::Null),
        ("layers", json!({})),
        ("layers", json!([{ "mediaType": "a/b", "digest": "sha256:short", "size": 1 }])),
        ("layers", json!([{ "mediaType": "a/b", "digest": sha256(b"").to_string(), "size": -1 }])),
    ] {
        let mut bad = good.clone();
        bad[member] = value;
        invalid(MediaType::OCI_MANIFEST, bad.to_string().as_bytes()).await;
    }
    assert_eq!(server.totals().await, before);
    server.put("a", "v1", &good).await.expect(201);
}

#[tokio::test]
async fn a_digest_mismatch() {
    let (server, before) = prepared().await;
    let manifest = image(b"{}", b"layer");
    let wrong = sha256(b"wrong");
    let answer = server.put("a", &wrong.to_string(), &manifest).await.refused(400, "DIGEST_INVALID");
    let actual = sha256(manifest.to_string().as_bytes());
    assert_eq!(answer.detail(), json!({ "expected": wrong.to_string(), "actual": actual.to_string() }));
    assert_eq!(server.totals().await, before);
}

#[tokio::test]
async fn missing_blobs_are_all_named() {
    let (server, before) = prepared().await;
    let mut manifest = image(b"{}", b"layer");
    manifest["layers"] = json!([
        descriptor(MediaType::OCI_LAYER_GZIP, b"layer"),
        descriptor(MediaType::OCI_LAYER_GZIP, b"missing one"),
        descriptor(MediaType::OCI_LAYER_GZIP, b"missing two"),
    ]);
    let answer = server.put("a", "v1", &manifest).await.refused(400, "MANIFEST_BLOB_UNKNOWN");
    let errors = answer.json()["errors"].as_array().unwrap().clone();
    let mut named: Vec<String> =
        errors.iter().map(|error| error["detail"]["digest"].as_str().unwrap().to_owned()).collect();
    named.sort();
    let mut expected = [sha256(b"missing one").to_string(), sha256(b"missing two").to_string()];
    expected.sort();
    assert_eq!(named, expected);
    assert!(errors.iter().all(|error| error["code"] == "MANIFEST_BLOB_UNKNOWN"));
    // A blob in another repository is missing here.
    server.push_blob("b", b"missing one").await;
    server.push_blob("b", b"missing two").await;
    server.put("a", "v1", &manifest).await.refused(400, "MANIFEST_BLOB_UNKNOWN");
    assert_eq!((server.totals().await.manifests, server.totals().await.tags), (before.manifests, before.tags));
}

#[tokio::test]
async fn a_missing_child_is_named() {
    let (server, before) = prepared().await;
    let child = descriptor(MediaType::OCI_MANIFEST, b"not there");
    let index = json!({ "schemaVersion": 2, "mediaType": MediaType::OCI_INDEX, "manifests": [child] });
    let answer = server.put("a", "v1", &index).await.refused(400, "MANIFEST_BLOB_UNKNOWN");
    assert_eq!(answer.detail(), json!({ "digest": sha256(b"not there").to_string() }));
    assert_eq!(server.totals().await, before);
}

#[tokio::test]
async fn a_config_of_another_size_or_that_is_none() {
    let (server, _) = prepared().await;
    let mut manifest = image(b"{}", b"layer");
    manifest["config"]["size"] = json!(3);
    let answer = server.put("a", "v1", &manifest).await.refused(400, "MANIFEST_INVALID");
    assert_eq!((&answer.detail()["expected"], &answer.detail()["found"]), (&json!(3), &json!(2)));
    server.push_blob("a", b"no config").await;
    let answer = server.put("a", "v1", &image(b"no config", b"layer")).await.refused(400, "MANIFEST_INVALID");
    assert_eq!(answer.detail()["digest"], json!(sha256(b"no config").to_string()));
    assert!(answer.detail()["reason"].is_string());
    assert_eq!(server.totals().await.manifests, 0);
}

#[tokio::test]
async fn a_repository_that_takes_no_writes() {
    let server = Server::start().await;
    let manifest = server.push_image("a", "v1", b"layer").await;
    let location = server.begin("a").await;
    let (digest, layer) = (sha256(&manifest), sha256(b"layer"));
    server.push_blob("b", b"blob").await;
    let blob = sha256(b"blob");
    server.store.set_state(&"a".parse().unwrap(), RepositoryState::ReadOnly).await.unwrap();
    let before = server.totals().await;
    server.call("PUT /v2/a/manifests/v2", &[], &manifest).await.refused(403, "DENIED");
    server.ask("DELETE /v2/a/manifests/v1").await.refused(403, "DENIED");
    server.ask(&format!("DELETE /v2/a/manifests/{digest}")).await.refused(403, "DENIED");
    server.ask(&format!("DELETE /v2/a/blobs/{layer}")).await.refused(403, "DENIED");
    server.ask("POST /v2/a/blobs/uploads/").await.refused(403, "DENIED");
    server.ask(&format!("POST /v2/a/blobs/uploads/?mount={blob}&from=b")).await.refused(403, "DENIED");
    server.call(&format!("POST /v2/a/blobs/uploads/?digest={blob}"), &[], b"blob").await.refused(403, "DENIED");
    assert_eq!(server.totals().await, before);
    server.ask("GET /v2/a/manifests/v1").await.expect(200);
    server.ask(&format!("GET /v2/a/blobs/{layer}")).await.expect(200);
    drop(location);
}
