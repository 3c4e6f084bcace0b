//! Blobs as a whole: GET, HEAD, conditions.

use crate::images::sha256;
use crate::server::Server;
use manifest_core::time::HOUR;
use serde_json::json;

#[tokio::test]
async fn pulled_as_it_was_pushed() {
    let server = Server::start().await;
    for bytes in [b"".to_vec(), b"{}".to_vec(), vec![7; 3 << 20]] {
        let digest = server.push_blob("team/app", &bytes).await;
        for method in ["GET", "HEAD"] {
            let answer = server.ask(&format!("{method} /v2/team/app/blobs/{digest}")).await.expect(200);
            assert_eq!(answer.header("content-length"), bytes.len().to_string());
            assert_eq!(answer.header("content-type"), "application/octet-stream");
            assert_eq!(answer.header("docker-content-digest"), digest.to_string());
            assert_eq!(answer.header("etag"), format!("\"{digest}\""));
            assert_eq!(answer.header("accept-ranges"), "bytes");
            assert_eq!(answer.header("cache-control"), "max-age=31536000, immutable");
            assert!(!answer.has("content-encoding") && !answer.has("transfer-encoding"));
            assert!(answer.body == if method == "GET" { &bytes[..] } else { b"" });
        }
    }
}

#[tokio::test]
async fn unknown_ones() {
    let server = Server::start().await;
    let digest = server.push_blob("a", b"blob").await;
    let missing = sha256(b"missing");
    for path in [format!("/v2/a/blobs/{missing}"), format!("/v2/b/blobs/{digest}")] {
        let answer = server.ask(&format!("GET {path}")).await.refused(404, "BLOB_UNKNOWN");
        assert!(path.ends_with(answer.detail()["digest"].as_str().unwrap()));
        assert!(server.ask(&format!("HEAD {path}")).await.expect(404).body.is_empty());
    }
}

#[tokio::test]
async fn conditional_pulls() {
    let server = Server::start().await;
    let digest = server.push_blob("a", b"blob").await;
    let line = format!("GET /v2/a/blobs/{digest}");
    let answer = server.call(&line, &[("If-None-Match", &format!("\"{digest}\""))], b"").await.expect(304);
    assert_eq!(answer.header("cache-control"), "max-age=31536000, immutable");
    server.call(&line, &[("If-None-Match", "\"other\"")], b"").await.expect(200);
    server.call(&line, &[("If-Match", "\"other\"")], b"").await.refused(412, "DENIED");
    // Not having it in this repository comes first.
    let line = format!("GET /v2/b/blobs/{digest}");
    server.call(&line, &[("If-None-Match", &format!("\"{digest}\""))], b"").await.expect(404);
}

#[tokio::test]
async fn a_blob_about_to_go_is_denied_to_those_who_ask_before_an_upload() {
    let server = Server::start().await;
    let digest = server.push_blob("a", b"blob").await;
    server.pass(23 * HOUR);
    server.ask(&format!("HEAD /v2/a/blobs/{digest}")).await.expect(404);
    server.ask(&format!("GET /v2/a/blobs/{digest}")).await.expect(200);
    server.push_blob("a", b"blob").await;
    server.ask(&format!("HEAD /v2/a/blobs/{digest}")).await.expect(200);
}

#[tokio::test]
async fn deleted_and_uploaded_again() {
    let server = Server::start().await;
    let digest = server.push_blob("a", b"blob").await;
    server.push_blob("b", b"blob").await;
    let path = format!("/v2/a/blobs/{digest}");
    let answer = server.ask(&format!("DELETE {path}")).await.expect(202);
    assert_eq!(answer.header("content-length"), "0");
    server.ask(&format!("HEAD {path}")).await.expect(404);
    server.ask(&format!("DELETE {path}")).await.refused(404, "BLOB_UNKNOWN");
    server.ask(&format!("GET /v2/b/blobs/{digest}")).await.expect(200);
    server.push_blob("a", b"blob").await;
    assert_eq!(server.ask(&format!("GET {path}")).await.expect(200).text(), "blob");
}

#[tokio::test]
async fn one_that_a_manifest_needs_stays() {
    let server = Server::start().await;
    server.push_image("a", "v1", b"layer").await;
    let digest = sha256(b"layer");
    let answer = server.ask(&format!("DELETE /v2/a/blobs/{digest}")).await.refused(405, "UNSUPPORTED");
    assert_eq!(answer.detail(), json!({ "digest": digest.to_string() }));
    server.ask(&format!("GET /v2/a/blobs/{digest}")).await.expect(200);
}
