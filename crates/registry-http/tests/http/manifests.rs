//! Manifests: pull, push, conditions.

use crate::images::{descriptor, image, sha256};
use crate::server::Server;
use oci_types::MediaType;
use serde_json::json;

#[tokio::test]
async fn pulled_as_it_was_pushed() {
    let server = Server::start().await;
    let layer = b"layer".as_slice();
    server.push_blob("team/app", b"{}").await;
    server.push_blob("team/app", layer).await;
    // Odd spaces and unknown members: the bytes are what counts.
    let mut manifest = image(b"{}", layer);
    manifest["unknown"] = json!([1, { "x": null }]);
    let manifest = format!(" {manifest:#}\n\n");
    let digest = sha256(manifest.as_bytes());
    let content_type = format!("{}; charset=utf-8", MediaType::OCI_MANIFEST);
    let pushed = server.call("PUT /v2/team/app/manifests/v1", &[("Content-Type", &content_type)], &manifest).await;
    let pushed = pushed.expect(201);
    assert_eq!(pushed.header("location"), format!("/v2/team/app/manifests/{digest}"));
    assert_eq!(pushed.header("docker-content-digest"), digest.to_string());
    assert_eq!(pushed.header("content-length"), "0");
    assert!(!pushed.has("oci-subject") && !pushed.has("oci-tag"));

    for reference in ["v1", &digest.to_string()] {
        for method in ["GET", "HEAD"] {
            let answer = server.ask(&format!("{method} /v2/team/app/manifests/{reference}")).await.expect(200);
            assert_eq!(answer.header("content-type"), MediaType::OCI_MANIFEST);
            assert_eq!(answer.header("content-length"), manifest.len().to_string());
            assert_eq!(answer.header("docker-content-digest"), digest.to_string());
            assert_eq!(answer.header("etag"), format!("\"{digest}\""));
            assert_eq!(answer.header("vary"), if reference == "v1" { "accept" } else { "" });
            assert_eq!(answer.text(), if method == "GET" { manifest.as_str() } else { "" });
        }
    }
}

#[tokio::test]
async fn whatever_accept_says() {
    let server = Server::start().await;
    let manifest = server.push_image("a", "v1", b"layer").await;
    for accept in ["*/*", "application/json", MediaType::DOCKER_SCHEMA2, "text/html", ""] {
        let answer = server.call("GET /v2/a/manifests/v1", &[("Accept", accept)], b"").await.expect(200);
        assert_eq!(answer.body, manifest, "{accept}");
    }
}

#[tokio::test]
async fn unknown_ones() {
    let server = Server::start().await;
    server.push_image("a", "v1", b"layer").await;
    let missing = sha256(b"missing");
    server.ask("GET /v2/none/manifests/v1").await.refused(404, "NAME_UNKNOWN");
    let answer = server.ask("GET /v2/a/manifests/v2").await.refused(404, "MANIFEST_UNKNOWN");
    assert_eq!(answer.detail(), json!({ "reference": "v2" }));
    server.ask(&format!("GET /v2/a/manifests/{missing}")).await.refused(404, "MANIFEST_UNKNOWN");
    let answer = server.ask("HEAD /v2/a/manifests/v2").await.expect(404);
    assert!(answer.body.is_empty());
    assert_ne!(answer.header("content-length"), "0");
}

#[tokio::test]
async fn conditional_pulls() {
    let server = Server::start().await;
    let digest = sha256(&server.push_image("a", "v1", b"layer").await);
    let other = sha256(b"other");
    let check = async |name: &str, value: String, status: u16| {
        for line in ["GET /v2/a/manifests/v1", "HEAD /v2/a/manifests/v1"] {
            let answer = server.call(line, &[(name, &value)], b"").await.expect(status);
            if status == 304 {
                assert!(answer.body.is_empty() && !answer.has("content-type"), "{answer:?}");
                assert_eq!(answer.header("etag"), format!("\"{digest}\""));
                assert_eq!(answer.header("docker-content-digest"), digest.to_string());
                assert_eq!(answer.header("vary"), "accept");
            }
        }
    };
    check("If-None-Match", format!("\"{digest}\""), 304).await;
    check("If-None-Match", format!("W/\"{digest}\""), 304).await;
    check("If-None-Match", digest.to_string(), 304).await;
    check("If-None-Match", format!("\"{other}\", \"{digest}\""), 304).await;
    check("If-None-Match", "*".into(), 304).await;
    check("If-None-Match", format!("\"{other}\""), 200).await;
    check("If-Match", format!("\"{digest}\""), 200).await;
    check("If-Match", format!("\"{other}\""), 412).await;
}

#[tokio::test]
async fn conditional_pushes() {
    let server = Server::start().await;
    let one = sha256(&server.push_image("a", "v1", b"one").await);
    server.push_blob("a", b"two").await;
    let two = image(b"{}", b"two");
    let push = async |tag: &str, name: &str, value: &str, status: u16| {
        let headers = [("Content-Type", MediaType::OCI_MANIFEST), (name, value)];
        let answer = server.call(&format!("PUT /v2/a/manifests/{tag}"), &headers, two.to_string()).await.expect(status);
        if status == 412 {
            assert_eq!(answer.refusal(), (412, "DENIED".to_owned()));
        }
    };
    let (one, two_digest) = (format!("\"{one}\""), format!("\"{}\"", sha256(two.to_string().as_bytes())));
    push("v1", "If-None-Match", "*", 412).await;
    push("v1", "If-Match", &two_digest, 412).await;
    push("v1", "If-Match", "\"nonsense\"", 412).await;
    push("v1", "If-None-Match", &one, 412).await;
    push("v2", "If-Match", "*", 412).await;
    push("v2", "If-Match", &one, 412).await;
    assert_eq!(server.totals().await.tags, 1);
    push("v2", "If-None-Match", "*", 201).await;
    push("v3", "If-None-Match", &one, 201).await;
    push("v1", "If-Match", &format!("{two_digest}, {one}"), 201).await;
    push("v1", "If-Match", "*", 201).await;
    push("v1", "If-Match", &two_digest, 201).await;
}

#[tokio::test]
async fn an_index_in_an_index() {
    let server = Server::start().await;
    let child = server.push_image("a", "child", b"layer").await;
    let index = |bytes: &[u8], media_type: &str| json!({ "schemaVersion": 2, "mediaType": MediaType::OCI_INDEX, "manifests": [descriptor(media_type, bytes)] });
    let inner = index(&child, MediaType::OCI_MANIFEST);
    let digest = sha256(inner.to_string().as_bytes());
    server.put("a", &digest.to_string(), &inner).await.expect(201);
    let outer = index(inner.to_string().as_bytes(), MediaType::OCI_INDEX);
    server.put("a", "outer", &outer).await.expect(201);
    let answer = server.ask("GET /v2/a/manifests/outer").await.expect(200);
    assert_eq!(answer.header("content-type"), MediaType::OCI_INDEX);
    assert_eq!(answer.text(), outer.to_string());
}

#[tokio::test]
async fn a_subject_is_always_confirmed() {
    let server = Server::start().await;
    server.push_blob("a", b"{}").await;
    let manifest = crate::images::about(b"not there", "application/x.sbom", "n");
    let answer = server.put("a", "v1", &manifest).await.expect(201);
    assert_eq!(answer.header("oci-subject"), sha256(b"not there").to_string());
}

#[tokio::test]
async fn the_type_may_be_left_to_the_manifest() {
    let server = Server::start().await;
    let manifest = server.push_image("a", "v1", b"layer").await;
    for headers in [&[][..], &[("Content-Type", "application/json")]] {
        server.call("PUT /v2/a/manifests/v2", headers, &manifest).await.expect(201);
        let answer = server.ask("GET /v2/a/manifests/v2").await;
        assert_eq!(answer.header("content-type"), MediaType::OCI_MANIFEST);
    }
}

#[tokio::test]
async fn a_large_one_in_chunks() {
    let server = Server::start().await;
    server.push_image("a", "v1", b"layer").await;
    let mut manifest = image(b"{}", b"layer");
    for n in 0..390 {
        manifest["annotations"][format!("n{n}")] = "x".repeat(10_000).into();
    }
    let manifest = manifest.to_string();
    let mut client = server.connect().await;
    let headers = [("Transfer-Encoding", "chunked"), ("Content-Type", MediaType::OCI_MANIFEST)];
    client.head("PUT /v2/a/manifests/large", &headers, None).await;
    for piece in manifest.as_bytes().chunks(100_000) {
        client.send(format!("{:x}\r\n", piece.len())).await;
        client.send(piece).await;
        client.send("\r\n").await;
    }
    client.send("0\r\n\r\n").await;
    client.answer("PUT").await.expect(201);
    assert_eq!(client.request("GET /v2/a/manifests/large", &[], b"").await.expect(200).text(), manifest);
}
