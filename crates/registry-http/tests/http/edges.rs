//! What surrounds the endpoints: ping, headers of every answer, request ids, hosts and origins, and clients that speak
//! something else.

use crate::server::{Server, Setup};

#[tokio::test]
async fn ping() {
    let server = Server::start().await;
    for line in ["GET /v2/", "GET /v2", "HEAD /v2/", "GET /v2/?ns=docker.io"] {
        let answer = server.ask(line).await.expect(200);
        assert_eq!(answer.header("content-length"), "2");
        assert_eq!(answer.header("content-type"), "application/json");
    }
    assert_eq!(server.ask("GET /v2/").await.text(), "{}");
}

#[tokio::test]
async fn extensions() {
    let server = Server::start().await;
    for path in ["/v2/_oci/ext/discover", "/v2/a/b/_oci/ext/discover"] {
        let found = server.ask(&format!("GET {path}")).await.expect(200).json();
        let [extension] = found["extensions"].as_array().unwrap().as_slice() else { panic!("{found}") };
        assert_eq!(extension["name"], "_manifestd");
        assert!(!extension["description"].as_str().unwrap().is_empty());
        assert_eq!(extension["endpoints"][0], "_manifestd/repository");
        let description = server.ask(&format!("GET {}", extension["url"].as_str().unwrap())).await.expect(200);
        assert_eq!(description.header("content-type"), "text/markdown; charset=utf-8");
        assert!(description.text().contains("_manifestd"));
    }
}

#[tokio::test]
async fn every_answer_is_locked_down_and_named() {
    let server = Server::start().await;
    server.push_image("a", "v1", b"layer").await;
    let lines = [
        "GET /v2/",
        "GET /v2/a/manifests/v1",
        "HEAD /v2/a/manifests/v1",
        "GET /v2/a/manifests/none",
        "GET /v2/a/tags/list",
        "GET /v2/nothing",
        "POST /v2/a/blobs/uploads/",
        "TRACE /v2/",
    ];
    for line in lines {
        let answer = server.ask(line).await;
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{line}");
        assert_eq!(answer.header("content-security-policy"), "default-src 'none'; sandbox", "{line}");
        assert_eq!(answer.header("docker-distribution-api-version"), "registry/2.0", "{line}");
        assert_eq!(answer.header("x-request-id").len(), 17, "{line}");
        assert!(answer.has("content-length"), "{line}");
        assert!(!answer.has("access-control-allow-origin"), "{line}");
    }
}

#[tokio::test]
async fn a_client_may_name_its_request() {
    let server = Server::start().await;
    let answer = server.call("GET /v2/", &[("X-Request-Id", "trace-1.a_B")], b"").await;
    assert_eq!(answer.header("x-request-id"), "trace-1.a_B");
    let answer = server.call("GET /v2/", &[("X-Request-Id", "a b\tc")], b"").await;
    assert_eq!(answer.header("x-request-id").len(), 17);
}

#[tokio::test]
async fn unknown_paths_and_methods() {
    let server = Server::start().await;
    for path in ["/", "/v1", "/v1/", "/v1/users", "/v2/a", "/v2/a/b/c", "/v2x"] {
        server.ask(&format!("GET {path}")).await.refused(404, "UNSUPPORTED");
    }
    let answer = server.ask("PATCH /v2/a/manifests/v1").await.refused(405, "UNSUPPORTED");
    assert_eq!(answer.header("allow"), "GET, HEAD, PUT, DELETE");
    let answer = server.ask("GET /v2/a/blobs/uploads/").await.refused(405, "UNSUPPORTED");
    assert_eq!(answer.header("allow"), "POST");
    server.ask("DELETE /v2/").await.refused(405, "UNSUPPORTED");
}

#[tokio::test]
async fn bad_names_tags_and_digests() {
    let server = Server::start().await;
    let check = async |line: &str, status: u16, code: &str| {
        server.ask(line).await.refused(status, code);
    };
    check("GET /v2/UPPER/manifests/v1", 400, "NAME_INVALID").await;
    check("PUT /v2/a..b/manifests/v1", 400, "NAME_INVALID").await;
    check("POST /v2/-a/blobs/uploads/", 400, "NAME_INVALID").await;
    check(&format!("GET /v2/{}/tags/list", "a".repeat(256)), 400, "NAME_INVALID").await;
    check("GET /v2/%ff/tags/list", 400, "NAME_INVALID").await;
    check("GET /v2/a/../b/tags/list", 400, "NAME_INVALID").await;
    check("GET /v2//tags/list", 400, "NAME_INVALID").await;
    check("GET /v2/a/manifests/-x", 404, "MANIFEST_UNKNOWN").await;
    check("DELETE /v2/a/manifests/-x", 404, "MANIFEST_UNKNOWN").await;
    check("PUT /v2/a/manifests/-x", 400, "TAG_INVALID").await;
    check(&format!("PUT /v2/a/manifests/{}", "a".repeat(129)), 400, "TAG_INVALID").await;
    check("GET /v2/a/manifests/sha256:totallywrong", 400, "DIGEST_INVALID").await;
    check("PUT /v2/a/manifests/sha256:baddigeststring", 400, "DIGEST_INVALID").await;
    check("GET /v2/a/blobs/sha256:ABC", 400, "DIGEST_INVALID").await;
    check("GET /v2/a/blobs/v1", 400, "DIGEST_INVALID").await;
    check("GET /v2/a/referrers/md5:00", 400, "DIGEST_INVALID").await;
    check("POST /v2/a/blobs/uploads/?digest=nonsense", 400, "DIGEST_INVALID").await;
    check("POST /v2/a/blobs/uploads/?mount=nonsense", 400, "DIGEST_INVALID").await;
    check("POST /v2/a/blobs/uploads/?digest-algorithm=md5", 400, "DIGEST_INVALID").await;
    assert_eq!(server.totals().await.repositories, 0);
}

#[tokio::test]
async fn hosts_and_origins_of_others_are_refused() {
    let server = Server::start().await;
    let port = server.address.port();
    let check = async |headers: &[(&str, &str)], status: u16| {
        let answer = server.call("GET /v2/", headers, b"").await;
        assert_eq!(answer.status, status, "{headers:?}");
        if status != 200 {
            assert_eq!(answer.refusal().1, if status == 403 { "DENIED" } else { "UNSUPPORTED" });
        }
    };
    check(&[("Host", &format!("127.0.0.1:{port}"))], 200).await;
    check(&[("Host", "localhost")], 200).await;
    check(&[("Host", "[::1]:5000")], 200).await;
    check(&[("Host", "rebound.example.com")], 403).await;
    check(&[("Host", "192.0.2.7")], 403).await;
    check(&[("Host", "localhost"), ("Origin", "http://localhost")], 200).await;
    check(&[("Host", "localhost"), ("Origin", "https://evil.example.com")], 403).await;
    check(&[("Host", "localhost"), ("Origin", "null")], 403).await;
    check(&[("Host", "localhost"), ("Host", "localhost")], 400).await;
    // A page must not write either.
    let origin = ("Origin", "https://evil.example.com");
    server.call("POST /v2/a/blobs/uploads/", &[origin], b"").await.refused(403, "DENIED");
    assert_eq!(server.totals().await.repositories, 0);
}

#[tokio::test]
async fn configured_hosts_are_taken() {
    let setup = Setup {
        app: Box::new(|options| options.hosts = options.hosts.clone().and(["registry.example.com"]).unwrap()),
        ..Setup::default()
    };
    let server = setup.start().await;
    server.call("GET /v2/", &[("Host", "registry.example.com")], b"").await.expect(200);
    server.call("GET /v2/", &[("Host", "other.example.com")], b"").await.expect(403);
}

#[tokio::test]
async fn the_target_may_hold_the_host() {
    let server = Server::start().await;
    server.ask("GET http://localhost:5000/v2/").await.expect(200);
    // What the target says counts, whatever `Host` says.
    server.ask("GET http://evil.example.com/v2/").await.refused(403, "DENIED");
}

#[tokio::test]
async fn http_1_0_without_a_host() {
    let server = Server::start().await;
    let mut client = server.connect().await;
    client.send("GET /v2/ HTTP/1.0\r\n\r\n").await;
    let rest = String::from_utf8(client.rest().await).unwrap();
    assert!(rest.starts_with("HTTP/1.0 200"), "{rest}");
    let mut client = server.connect().await;
    client.send("GET /v2/ HTTP/1.1\r\n\r\n").await;
    client.answer("GET").await.refused(400, "UNSUPPORTED");
}

#[tokio::test]
async fn a_tls_handshake_gets_http() {
    let server = Server::start().await;
    let mut client = server.connect().await;
    // The beginning of a ClientHello: record type 22, version 3.1, and a length; docker falls back to HTTP by what comes back.
    let mut hello = vec![0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03];
    hello.extend((0..=255).cycle().take(506));
    client.send(&hello).await;
    let rest = client.rest().await;
    assert!(rest.starts_with(b"HTTP/1.1 400 "), "{:?}", String::from_utf8_lossy(&rest));
}

#[tokio::test]
async fn nonsense_gets_http() {
    let server = Server::start().await;
    for nonsense in
        ["\r\n\r\nhello\r\n\r\n", "GET\r\n\r\n", "GET /v2/ HTTP/9.9\r\n\r\n", "GET /v2/ HTTP/1.1\r\nbad header\r\n\r\n"]
    {
        let mut client = server.connect().await;
        client.send(nonsense).await;
        let rest = client.rest().await;
        assert!(rest.starts_with(b"HTTP/1.1 400 "), "{nonsense:?} gave {:?}", String::from_utf8_lossy(&rest));
    }
    let mut client = server.connect().await;
    let long = "a".repeat(100_000);
    client.try_send(format!("GET /v2/ HTTP/1.1\r\nHost: localhost\r\nX: {long}\r\n\r\n").as_bytes()).await;
    assert!(client.rest().await.starts_with(b"HTTP/1.1 431 "));
    server.ask("GET /v2/").await.expect(200);
}

#[tokio::test]
async fn requests_follow_each_other_on_one_connection() {
    let server = Server::start().await;
    let mut client = server.connect().await;
    for _ in 0..3 {
        let answer = client.request("GET /v2/", &[], b"").await.expect(200);
        assert!(!answer.has("connection"), "{answer:?}");
        client.request("GET /v2/a/tags/list", &[], b"").await.expect(404);
    }
    // Two at once, answered in order.
    client.send("GET /v2/ HTTP/1.1\r\nHost: localhost\r\n\r\nGET /v2/x HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    client.answer("GET").await.expect(200);
    client.answer("GET").await.expect(404);
}
