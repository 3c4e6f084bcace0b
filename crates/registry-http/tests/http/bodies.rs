//! Bodies that break, stall, or are not wanted: a 4xx if the connection still lives, nothing published, and the server goes on.

use crate::images::sha256;
use crate::server::{Server, Setup};
use registry_http::ServeOptions;
use std::time::{Duration, Instant};

/// Where an upload is.
async fn offset(server: &Server, location: &str) -> String {
    server.ask(&format!("GET {location}")).await.expect(204).header("range").to_owned()
}

#[tokio::test]
async fn shorter_than_announced() {
    let server = Server::start().await;
    let digest = sha256(b"hello");
    let location = server.begin("a").await;
    let lines = [
        format!("PATCH {location}"),
        format!("PUT {location}?digest={digest}"),
        format!("POST /v2/a/blobs/uploads/?digest={digest}"),
        "PUT /v2/a/manifests/v1".to_owned(),
    ];
    for line in lines {
        let mut client = server.connect().await;
        client.head(&line, &[], Some(100)).await;
        client.send("hello").await;
        client.half_close().await;
        client.answer(&line).await.refused(400, "SIZE_INVALID");
        assert!(client.rest().await.is_empty(), "the connection ends: {line}");
    }
    assert_eq!(offset(&server, &location).await, "0-0");
    assert_eq!(server.stored_bytes().await, 0);
    server.ask(&format!("GET /v2/a/blobs/{digest}")).await.expect(404);
    assert_eq!(server.totals().await.manifests, 0);
    server.call(&format!("PUT {location}?digest={digest}"), &[], b"hello").await.expect(201);
}

#[tokio::test]
async fn broken_chunks() {
    let server = Server::start().await;
    let location = server.begin("a").await;
    let digest = sha256(b"hello");
    for body in ["5\r\nhello\r\nzz\r\n", "5\r\nhelloX", "fffffffffffffffff\r\n", "5\r\nhello\r\n5\r\nhe"] {
        for line in
            [format!("PATCH {location}"), format!("PUT {location}?digest={digest}"), "PUT /v2/a/manifests/v1".into()]
        {
            let mut client = server.connect().await;
            client.head(&line, &[("Transfer-Encoding", "chunked")], None).await;
            client.send(body).await;
            client.half_close().await;
            client.answer(&line).await.refused(400, "SIZE_INVALID");
        }
    }
    assert_eq!(offset(&server, &location).await, "0-0");
    assert_eq!(server.stored_bytes().await, 0);
    server.ask("GET /v2/").await.expect(200);
}

#[tokio::test]
async fn a_client_that_is_gone_goes_on_from_the_reported_offset() {
    let server = Server::start().await;
    let location = server.begin("a").await;
    let line = format!("PATCH {location}");
    server.call(&line, &[("Content-Range", "0-4")], b"hello").await.expect(202);
    let mut client = server.connect().await;
    client.head(&line, &[("Content-Range", "5-1004")], Some(1_000)).await;
    client.send([b'x'; 500]).await;
    drop(client);
    assert_eq!(offset(&server, &location).await, "0-4");
    server.call(&line, &[("Content-Range", "5-6")], b", ").await.expect(202);
    let digest = sha256(b"hello, world");
    server.call(&format!("PUT {location}?digest={digest}"), &[], b"world").await.expect(201);
}

#[tokio::test]
async fn a_body_that_stalls_is_given_up() {
    let setup = Setup { app: Box::new(|options| options.body_idle = Duration::from_millis(50)), ..Setup::default() };
    let server = setup.start().await;
    let location = server.begin("a").await;
    for (line, code) in
        [(format!("PATCH {location}"), "BLOB_UPLOAD_INVALID"), ("PUT /v2/a/manifests/v1".into(), "SIZE_INVALID")]
    {
        let mut client = server.connect().await;
        client.head(&line, &[], Some(100)).await;
        client.send("hello").await;
        let answer = client.answer(&line).await.refused(408, code);
        assert_eq!(answer.header("connection"), "close");
    }
    assert_eq!(offset(&server, &location).await, "0-0");
}

#[tokio::test]
async fn four_mebibytes_and_one_reach_a_client_that_still_sends() {
    let server = Server::start().await;
    let line = "PUT /v2/a/manifests/v1";
    let one_too_many = vec![b' '; (4 << 20) + 1];
    // Announced: refused without a byte read.
    let mut client = server.connect().await;
    client.head(line, &[], Some(one_too_many.len())).await;
    client.try_send(&one_too_many[..300_000]).await;
    let answer = client.answer(line).await.refused(413, "SIZE_INVALID");
    assert_eq!(answer.header("connection"), "close");
    assert_eq!(answer.detail()["limit"], 4 << 20);
    // Not announced: refused once it is too much, while the client goes on.
    let mut client = server.connect().await;
    client.head(line, &[("Transfer-Encoding", "chunked")], None).await;
    for piece in one_too_many.chunks(1 << 20) {
        client.send(format!("{:x}\r\n", piece.len())).await;
        client.send(piece).await;
        client.send("\r\n").await;
    }
    client.try_send(&[b"2000\r\n".as_slice(), &[b' '; 0x2000]].concat()).await;
    client.answer(line).await.refused(413, "SIZE_INVALID");
    assert_eq!(server.totals().await.repositories, 0);
}

#[tokio::test]
async fn exactly_four_mebibytes_are_read() {
    let server = Server::start().await;
    let blanks = vec![b' '; 4 << 20];
    server.call("PUT /v2/a/manifests/v1", &[], blanks).await.refused(400, "MANIFEST_INVALID");
}

#[tokio::test]
async fn answers_reach_clients_that_send_far_more_than_is_read() {
    let server = Server::start().await;
    let id = "01234567-89ab-cdef-0123-456789abcdef";
    for line in [format!("PATCH /v2/a/blobs/uploads/{id}"), "PUT /v2/A/manifests/v1".into(), "PUT /nothing".into()] {
        let mut client = server.connect().await;
        client.head(&line, &[], Some(64 << 20)).await;
        let piece = vec![0; 256 << 10];
        // Until the server has read as much as it drains, and closes.
        let mut sent = 0;
        while sent < 64 && client.try_send(&piece).await {
            sent += 1;
        }
        let answer = client.try_answer(&line).await;
        // What was sent into the closed connection may have reset it; up to the drain's limit that cannot be.
        assert!(answer.is_some_and(|answer| answer.status >= 400) || sent > 4, "{line}");
    }
    for line in [format!("PATCH /v2/a/blobs/uploads/{id}"), "PUT /v2/A/manifests/v1".into(), "PUT /nothing".into()] {
        let mut client = server.connect().await;
        client.head(&line, &[], Some(1 << 20)).await;
        client.send(vec![0; 1 << 20]).await;
        let answer = client.answer(&line).await;
        assert!((400..500).contains(&answer.status), "{answer:?}");
        assert_eq!(answer.header("connection"), "close");
    }
}

#[tokio::test]
async fn a_drain_ends() {
    let serve = ServeOptions { drain_time: Duration::from_millis(50), ..ServeOptions::default() };
    let server = Setup { serve, ..Setup::default() }.start().await;
    let mut client = server.connect().await;
    client.head("PUT /nothing", &[], Some(1 << 20)).await;
    client.answer("PUT").await.expect(404);
    let started = Instant::now();
    assert!(client.rest().await.is_empty());
    assert!(started.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn nothing_is_asked_for_that_would_be_refused() {
    let server = Server::start().await;
    let location = server.begin("a").await;
    let expect = [("Expect", "100-continue")];
    let refused = [
        ("PUT /v2/a/manifests/v1", (4 << 20) + 1, 413),
        ("PUT /v2/a/blobs/uploads/01234567-89ab-cdef-0123-456789abcdef?digest=sha256:x", 10, 400),
        ("PATCH /v2/a/blobs/uploads/01234567-89ab-cdef-0123-456789abcdef", 10, 404),
        ("POST /v2/A/blobs/uploads/", 10, 400),
    ];
    for (line, length, status) in refused {
        let mut client = server.connect().await;
        client.head(line, &expect, Some(length)).await;
        // No 100 comes first.
        let answer = client.answer(line).await.expect(status);
        assert_eq!(answer.header("connection"), "close");
    }
    let line = format!("PATCH {location}");
    let mut client = server.connect().await;
    client.head(&line, &[expect[0], ("Content-Range", "9-13")], Some(5)).await;
    client.answer(&line).await.expect(416);
    let mut client = server.connect().await;
    client.head(&line, &expect, Some(5)).await;
    client.answer(&line).await.expect(100);
    client.send("hello").await;
    client.answer(&line).await.expect(202);
    client.request("GET /v2/", &[], b"").await.expect(200);
}

#[tokio::test]
async fn a_body_that_nobody_reads_ends_the_connection_only() {
    let server = Server::start().await;
    let mut client = server.connect().await;
    client.head("GET /v2/", &[], Some(5)).await;
    client.send("hello").await;
    let answer = client.answer("GET").await.expect(200);
    assert_eq!(answer.header("connection"), "close");
    assert!(client.rest().await.is_empty());
}
