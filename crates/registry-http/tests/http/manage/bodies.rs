//! What every endpoint says of a body that it cannot take, and of a method.

use crate::server::Server;
use serde_json::Value;

const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn with_bodies() -> [String; 8] {
    [
        "PUT repository".into(),
        "PATCH repository".into(),
        "PUT tags/v".into(),
        "POST tags/v/restore".into(),
        "PUT tags/v/expiry".into(),
        format!("POST manifests/{DIGEST}/labels"),
        "POST purge/plan".into(),
        "POST purge".into(),
    ]
}

#[tokio::test]
async fn what_is_no_json_object() {
    let server = Server::start().await;
    for line in with_bodies() {
        let (method, rest) = line.split_once(' ').unwrap();
        for body in ["[]", "null", "\"x\"", "{", "{}{}", "x=1", "\u{feff}{}", "{\"unknown\":1}"] {
            let answer = server.call(&format!("{method} /v2/a/_manifestd/{rest}"), &[], body).await;
            answer.refused(400, "REQUEST_INVALID");
        }
        let unknown = server.call(&format!("{method} /v2/a/_manifestd/{rest}"), &[], r#"{"tagg":1}"#).await;
        assert!(unknown.text().contains("unknown field `tagg`"), "{line}: {}", unknown.text());
    }
    assert_eq!(server.totals().await.repositories, 0);
}

#[tokio::test]
async fn a_body_has_at_most_64_kib() {
    let server = Server::start().await;
    let object = |length: usize| format!("{{{}}}", " ".repeat(length - 2));
    for line in with_bodies() {
        let (method, rest) = line.split_once(' ').unwrap();
        let line = format!("{method} /v2/a/_manifestd/{rest}");
        let answer = server.call(&line, &[], object(65_537)).await.refused(413, "SIZE_INVALID");
        assert_eq!(answer.detail()["limit"], 65_536, "{line}");
        // Whatever is said of it, it is read.
        assert_ne!(server.call(&line, &[], object(65_536)).await.status, 413, "{line}");
    }
    // A length that nobody announced counts all the same.
    let mut client = server.connect().await;
    client.head("POST /v2/a/_manifestd/purge/plan", &[("Transfer-Encoding", "chunked")], None).await;
    let chunk = format!("8000\r\n{}\r\n", " ".repeat(0x8000));
    for _ in 0..3 {
        client.try_send(chunk.as_bytes()).await;
    }
    client.answer("POST").await.refused(413, "SIZE_INVALID");
}

#[tokio::test]
async fn foreign_pages_reach_nothing() {
    let server = Server::start().await;
    server.image("v", "one").await;
    for headers in [[("Origin", "http://evil.example")], [("Host", "evil.example")]] {
        for line in ["DELETE repository", "PUT tags/v/immutable", "POST purge/plan", "GET tags"] {
            let (method, rest) = line.split_once(' ').unwrap();
            let answer = server.call(&format!("{method} /v2/a/_manifestd/{rest}"), &headers, b"").await;
            answer.refused(403, "DENIED");
        }
        server.call("GET /v2/_manifestd/api", &headers, b"").await.refused(403, "DENIED");
    }
    server.manage("GET tags", Value::Null).await.expect(200);
}

#[tokio::test]
async fn requests_are_counted_by_what_they_ask_for() {
    let server = Server::start().await;
    server.image("v", "one").await;
    server.manage("GET tags", Value::Null).await.expect(200);
    server.manage("PUT tags/v/immutable", Value::Null).await.expect(200);
    let metrics = server.metrics();
    for labels in [
        r#"operation="manifestd_tags",method="GET",status="2xx""#,
        r#"operation="manifestd_immutable",method="PUT",status="2xx""#,
    ] {
        assert!(metrics.contains(labels), "{labels} in {metrics}");
    }
}
