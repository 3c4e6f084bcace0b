//! Uploads in each way that a client has, and what they look like on the way.

use crate::client::Answer;
use crate::images::sha256;
use crate::server::Server;
use serde_json::json;

/// What every answer about an upload says.
fn at(answer: Answer, status: u16, location: &str, range: &str) {
    let answer = answer.expect(status);
    let id = location.rsplit('/').next().unwrap();
    assert_eq!(answer.header("location"), location);
    assert_eq!(answer.header("range"), range);
    assert_eq!(answer.header("docker-upload-uuid"), id);
    assert!(answer.body.is_empty());
    assert_eq!(answer.header("content-length"), if status == 204 { "" } else { "0" });
}

#[tokio::test]
async fn an_empty_upload() {
    let server = Server::start().await;
    for line in ["POST /v2/team/app/blobs/uploads/", "POST /v2/team/app/blobs/uploads"] {
        let answer = server.call(line, &[("Content-Type", "application/json")], b"").await;
        let location = answer.header("location").to_owned();
        let id = location.strip_prefix("/v2/team/app/blobs/uploads/").unwrap();
        assert_eq!(id.len(), 36);
        at(answer, 202, &location, "0-0");
        at(server.ask(&format!("GET {location}")).await, 204, &location, "0-0");
        at(server.ask(&format!("HEAD {location}")).await, 204, &location, "0-0");
        // The address that a client finishes with is one of the upload, too.
        at(server.ask(&format!("GET {location}?digest=sha256:x&_state=y")).await, 204, &location, "0-0");
    }
}

#[tokio::test]
async fn in_one_request() {
    let server = Server::start().await;
    for bytes in [b"blob".as_slice(), b""] {
        let digest = sha256(bytes);
        let line = format!("POST /v2/a/blobs/uploads/?digest={}", digest.to_string().replace(':', "%3A"));
        let answer = server.call(&line, &[("Content-Type", "application/octet-stream")], bytes).await.expect(201);
        assert_eq!(answer.header("location"), format!("/v2/a/blobs/{digest}"));
        assert_eq!(answer.header("docker-content-digest"), digest.to_string());
        assert_eq!(server.ask(&format!("GET {}", answer.header("location"))).await.body, bytes);
    }
}

#[tokio::test]
async fn in_two_requests() {
    let server = Server::start().await;
    for bytes in [b"blob".as_slice(), b""] {
        let (location, digest) = (server.begin("a").await, sha256(bytes));
        let answer = server.call(&format!("PUT {location}?digest={digest}"), &[], bytes).await.expect(201);
        assert_eq!(answer.header("location"), format!("/v2/a/blobs/{digest}"));
        assert_eq!(server.ask(&format!("GET {}", answer.header("location"))).await.body, bytes);
        // It has ended.
        server.ask(&format!("GET {location}")).await.refused(404, "BLOB_UPLOAD_UNKNOWN");
        server.call(&format!("PATCH {location}"), &[], b"x").await.refused(404, "BLOB_UPLOAD_UNKNOWN");
        server.ask(&format!("DELETE {location}")).await.refused(404, "BLOB_UPLOAD_UNKNOWN");
        // A client that did not see the answer asks again.
        server.ask(&format!("PUT {location}?digest={digest}")).await.expect(201);
        let other = sha256(b"other");
        server.ask(&format!("PUT {location}?digest={other}")).await.refused(404, "BLOB_UPLOAD_UNKNOWN");
    }
}

#[tokio::test]
async fn streamed_as_docker_does() {
    let server = Server::start().await;
    let location = server.begin("a").await;
    let mut client = server.connect().await;
    let line = format!("PATCH {location}");
    client.head(&line, &[("Transfer-Encoding", "chunked"), ("Content-Type", "application/octet-stream")], None).await;
    for _ in 0..4 {
        client.send("5\r\nhello\r\n").await;
    }
    client.send("0\r\n\r\n").await;
    at(client.answer(&line).await, 202, &location, "0-19");
    let digest = sha256("hello".repeat(4).as_bytes());
    client.request(&format!("PUT {location}?digest={digest}"), &[], b"").await.expect(201);
    let answer = client.request(&format!("HEAD /v2/a/blobs/{digest}"), &[], b"").await.expect(200);
    assert_eq!(answer.header("content-length"), "20");
}

#[tokio::test]
async fn in_chunks() {
    let server = Server::start().await;
    let location = server.begin("a").await;
    let patch = async |range: &str, bytes: &[u8]| {
        server.call(&format!("PATCH {location}"), &[("Content-Range", range)], bytes).await
    };
    at(patch("0-4", b"hello").await, 202, &location, "0-4");
    at(patch("bytes 5-6/*", b", ").await, 202, &location, "0-6");
    at(server.ask(&format!("GET {location}")).await, 204, &location, "0-6");
    let digest = sha256(b"hello, world");
    let line = format!("PUT {location}?digest={digest}");
    server.call(&line, &[("Content-Range", "7-11")], b"world").await.expect(201);
    assert_eq!(server.ask(&format!("GET /v2/a/blobs/{digest}")).await.text(), "hello, world");
}

#[tokio::test]
async fn out_of_order() {
    let server = Server::start().await;
    let location = server.begin("a").await;
    let wrong = async |line: &str, range: &str, bytes: &[u8], so_far: &str| {
        let answer = server.call(line, &[("Content-Range", range)], bytes).await.refused(416, "BLOB_UPLOAD_INVALID");
        assert_eq!(answer.header("location"), location);
        assert_eq!(answer.header("range"), so_far);
    };
    let patch = format!("PATCH {location}");
    let digest = sha256(b"hello, world");
    let put = format!("PUT {location}?digest={digest}");
    wrong(&patch, "5-9", b"world", "0-0").await;
    server.call(&patch, &[("Content-Range", "0-4")], b"hello").await.expect(202);
    wrong(&patch, "0-4", b"hello", "0-4").await;
    wrong(&patch, "6-7", b"xx", "0-4").await;
    wrong(&put, "7-11", b"world", "0-4").await;
    // The upload lives, unchanged, under each address that it ever had.
    at(server.ask(&format!("GET {location}?digest={digest}")).await, 204, &location, "0-4");
    server.call(&put, &[("Content-Range", "5-11")], b", world").await.expect(201);
}

#[tokio::test]
async fn content_ranges_that_contradict_the_body() {
    let server = Server::start().await;
    let location = server.begin("a").await;
    let line = format!("PATCH {location}");
    let answer = server.call(&line, &[("Content-Range", "0-9")], b"hello").await.refused(400, "SIZE_INVALID");
    assert_eq!(answer.detail(), json!({ "expected": 10, "length": 5 }));
    server.call(&line, &[("Content-Range", "0-3")], b"hello").await.refused(400, "SIZE_INVALID");
    for range in ["nonsense", "5-0", "-5", "0-", "bytes=-1-4"] {
        server.call(&line, &[("Content-Range", range)], b"hello").await.refused(400, "BLOB_UPLOAD_INVALID");
    }
    // A length that shows only when the body has come.
    for body in ["5\r\nhello\r\n0\r\n\r\n", "3\r\nhel\r\n0\r\n\r\n"] {
        let mut client = server.connect().await;
        client.head(&line, &[("Transfer-Encoding", "chunked"), ("Content-Range", "0-3")], None).await;
        client.send(body).await;
        client.answer(&line).await.refused(400, "SIZE_INVALID");
    }
    at(server.ask(&format!("GET {location}")).await, 204, &location, "0-0");
}

#[tokio::test]
async fn cancelled() {
    let server = Server::start().await;
    let location = server.begin("a").await;
    server.call(&format!("PATCH {location}"), &[], b"hello").await.expect(202);
    let answer = server.ask(&format!("DELETE {location}")).await.expect(204);
    assert!(answer.body.is_empty());
    for method in ["GET", "PATCH", "DELETE"] {
        server.ask(&format!("{method} {location}")).await.refused(404, "BLOB_UPLOAD_UNKNOWN");
    }
}

#[tokio::test]
async fn unknown_uploads() {
    let server = Server::start().await;
    let location = server.begin("a").await;
    let id = location.rsplit('/').next().unwrap();
    let digest = sha256(b"x");
    let paths = [
        "/v2/a/blobs/uploads/01234567-89ab-cdef-0123-456789abcdef".to_owned(),
        "/v2/a/blobs/uploads/nonsense".to_owned(),
        // Uploads belong to their repository.
        format!("/v2/b/blobs/uploads/{id}"),
    ];
    for path in paths {
        for method in ["GET", "PATCH", "DELETE"] {
            server.ask(&format!("{method} {path}")).await.refused(404, "BLOB_UPLOAD_UNKNOWN");
        }
        server.ask(&format!("PUT {path}?digest={digest}")).await.refused(404, "BLOB_UPLOAD_UNKNOWN");
    }
    server.ask(&format!("PUT {location}")).await.refused(400, "DIGEST_INVALID");
    server.ask(&format!("PUT {location}?digest=")).await.refused(400, "DIGEST_INVALID");
    server.ask(&format!("PUT {location}?digest=sha256:short")).await.refused(400, "DIGEST_INVALID");
}

#[tokio::test]
async fn one_that_rests_too_long_is_gone() {
    let server = Server::start().await;
    let location = server.begin("a").await;
    server.pass(25 * 60 * 60 * 1_000);
    server.ask(&format!("GET {location}")).await.refused(404, "BLOB_UPLOAD_UNKNOWN");
}

#[tokio::test]
async fn a_wrong_digest_stores_nothing() {
    let server = Server::start().await;
    let wrong = sha256(b"expected");
    let blobs = server.totals().await.blobs;
    let line = format!("POST /v2/a/blobs/uploads/?digest={wrong}");
    let answer = server.call(&line, &[], b"found").await.refused(400, "DIGEST_INVALID");
    let expected = json!({ "expected": wrong.to_string(), "actual": sha256(b"found").to_string() });
    assert_eq!(answer.detail(), expected);
    let location = server.begin("a").await;
    server.call(&format!("PUT {location}?digest={wrong}"), &[], b"found").await.refused(400, "DIGEST_INVALID");
    // The upload is gone with it.
    server.ask(&format!("GET {location}")).await.refused(404, "BLOB_UPLOAD_UNKNOWN");
    server.ask(&format!("GET /v2/a/blobs/{wrong}")).await.refused(404, "BLOB_UNKNOWN");
    server.ask(&format!("GET /v2/a/blobs/{}", sha256(b"found"))).await.refused(404, "BLOB_UNKNOWN");
    assert_eq!(server.totals().await.blobs, blobs);
}
