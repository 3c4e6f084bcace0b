//! Repositories are made, closed, opened and deleted.

use super::DAY;
use crate::images::sha256;
use crate::server::{Server, Setup};
use manifest_core::Policy;
use manifest_core::facts::Visibility;
use serde_json::{Value, json};

#[tokio::test]
async fn made_once_and_shown() {
    let server = Server::start().await;
    server.manage("GET repository", Value::Null).await.refused(404, "NAME_UNKNOWN");
    let made = server.manage("PUT repository", Value::Null).await.expect(201);
    assert_eq!(made.header("location"), "/v2/a/_manifestd/repository");
    let shown = json!({
        "name": "a", "state": "open", "visibility": "private", "created": "2027-01-15T08:00:00.000Z"
    });
    assert_eq!(made.json(), shown);
    server.pass(DAY);
    server.manage("PUT repository", json!({ "visibility": "public" })).await.refused(409, "CONFLICT");
    assert_eq!(server.manage("GET repository", Value::Null).await.expect(200).json(), shown);
    assert_eq!(server.ask("GET /v2/a/tags/list").await.expect(200).json()["tags"], json!([]));
}

#[tokio::test]
async fn visibility_is_as_asked_or_as_configured() {
    let policy = Policy { default_visibility: Visibility::Public, ..Policy::default() };
    let server = Setup { policy, ..Setup::default() }.start().await;
    let made = async |name: &str, body: &str| {
        let answer = server.call(&format!("PUT /v2/{name}/_manifestd/repository"), &[], body).await.expect(201);
        answer.json()["visibility"].as_str().unwrap().to_owned()
    };
    assert_eq!(made("a", "").await, "public");
    assert_eq!(made("b", "{}").await, "public");
    assert_eq!(made("c", r#"{"visibility":"private"}"#).await, "private");
    server.manage("PUT repository", json!({ "visibility": "secret" })).await.refused(400, "REQUEST_INVALID");
    server.manage("PUT repository", json!({ "public": true })).await.refused(400, "REQUEST_INVALID");
}

#[tokio::test]
async fn a_closed_repository_takes_no_writes() {
    let server = Server::start().await;
    let digest = server.image("v", "one").await;
    let label = server
        .manage(&format!("POST manifests/{digest}/labels"), json!({ "key": "k", "value": "v" }))
        .await
        .expect(201)
        .json()["label"]["id"]
        .to_string();
    let close = server.manage("PATCH repository", json!({ "state": "readOnly" })).await.expect(200);
    assert_eq!(close.json()["state"], "readOnly");
    let to = || json!({ "digest": digest.to_string() });
    for (line, body) in [
        ("PUT tags/w".to_owned(), to()),
        ("POST tags/w/restore".into(), to()),
        ("PUT tags/v/expiry".into(), json!({ "expires": "2027-02-01T00:00:00Z" })),
        ("DELETE tags/v/expiry".into(), Value::Null),
        ("PUT tags/v/immutable".into(), Value::Null),
        ("DELETE tags/v/immutable".into(), Value::Null),
        (format!("DELETE manifests/{digest}/tags"), Value::Null),
        (format!("POST manifests/{digest}/labels"), json!({ "key": "k", "value": "v" })),
        (format!("DELETE manifests/{digest}/labels/{label}"), Value::Null),
        ("POST purge/plan".into(), json!({ "tags": ["v"] })),
        ("POST purge/plan".into(), json!({ "repository": true })),
        ("DELETE repository".into(), Value::Null),
    ] {
        server.manage(&line, body).await.refused(403, "DENIED");
    }
    // Reading goes on.
    for line in ["repository", "tags", "history", "manifests?state=tagged", &format!("manifests/{digest}/labels")] {
        server.manage(&format!("GET {line}"), Value::Null).await.expect(200);
    }
    server.manage("PATCH repository", json!({ "state": "readOnly" })).await.expect(200);
    server.manage("PATCH repository", json!({ "state": "open" })).await.expect(200);
    server.manage("PUT tags/w", to()).await.expect(200);
    server.manage("PATCH repository", json!({ "state": "absent" })).await.refused(400, "REQUEST_INVALID");
    server.call("PATCH /v2/none/_manifestd/repository", &[], r#"{"state":"open"}"#).await.refused(404, "NAME_UNKNOWN");
}

#[tokio::test]
async fn a_deleted_repository_is_gone_and_its_name_free() {
    let server = Server::start().await;
    let digest = server.image("v", "one").await;
    server.manage("PUT tags/v/immutable", Value::Null).await.expect(200);
    server.manage("DELETE repository", Value::Null).await.expect(202);
    server.manage("DELETE repository", Value::Null).await.refused(404, "NAME_UNKNOWN");
    server.ask("GET /v2/a/manifests/v").await.refused(404, "NAME_UNKNOWN");
    server.manage("PUT repository", Value::Null).await.expect(201);
    server
        .manage("POST tags/v/restore", json!({ "digest": digest.to_string() }))
        .await
        .refused(404, "MANIFEST_UNKNOWN");
    let layer = sha256(b"one");
    server.ask(&format!("HEAD /v2/a/blobs/{layer}")).await.expect(404);
}
