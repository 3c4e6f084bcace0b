//! Purges: first shown, then confirmed.

use super::{DAY, HOUR};
use crate::images::{descriptor, sha256};
use crate::server::{Server, Setup};
use manifest_core::Policy;
use oci_types::MediaType;
use serde_json::{Value, json};

/// Plans, and gives what confirms it.
async fn planned(server: &Server, what: &Value) -> (Value, Value) {
    let plan = server.manage("POST purge/plan", what.clone()).await.expect(200).json();
    let mut confirmation = what.clone();
    confirmation["id"] = plan["id"].clone();
    confirmation["plannedAt"] = plan["plannedAt"].clone();
    (plan, confirmation)
}

#[tokio::test]
async fn what_is_shared_is_not_freed() {
    let server = Server::start().await;
    server.image("one", "a layer of its own").await;
    let two = server.image("two", "shared").await;
    server.push_image("b", "three", b"shared").await;
    server.pass(2 * DAY);
    let freed = async |what: Value| planned(&server, &what).await.0["freed"].clone();
    assert_eq!(freed(json!({ "tags": ["one"] })).await, json!({ "manifests": 1, "blobs": 1, "bytes": 18 }));
    assert_eq!(freed(json!({ "tags": ["two"] })).await, json!({ "manifests": 1, "blobs": 0, "bytes": 0 }));
    let both = json!({ "manifests": [two.to_string(), sha256(b"x").to_string()] });
    server.manage("POST purge/plan", both).await.refused(404, "MANIFEST_UNKNOWN");
    // Nothing was written.
    server.ask("GET /v2/a/manifests/one").await.expect(200);
}

#[tokio::test]
async fn tags_and_manifests_are_purged_as_shown_and_once() {
    let server = Server::start().await;
    let (one, two) = (server.image("one", "1").await, server.image("two", "2").await);
    for what in [json!({ "tags": ["one"] }), json!({ "manifests": [two.to_string()] })] {
        let (plan, confirmation) = planned(&server, &what).await;
        let done = server.manage("POST purge", confirmation.clone()).await.expect(200).json();
        assert_eq!((&done["plan"], &done["id"]), (&plan["plan"], &plan["id"]));
        let again = server.manage("POST purge", confirmation).await;
        assert!(again.status >= 400, "{again:?}");
    }
    for digest in [one, two] {
        server.ask(&format!("GET /v2/a/manifests/{digest}")).await.refused(404, "MANIFEST_UNKNOWN");
        let restore = json!({ "digest": digest.to_string() });
        server.manage("POST tags/v/restore", restore).await.refused(404, "MANIFEST_UNKNOWN");
    }
    assert_eq!(server.totals().await.manifests, 0);
}

#[tokio::test]
async fn a_repository_is_purged_whole() {
    let server = Server::start().await;
    server.image("one", "1").await;
    let (plan, confirmation) = planned(&server, &json!({ "repository": true })).await;
    assert_eq!((&plan["plan"]["purgeRepository"], &plan["plan"]["tags"]), (&json!("a"), &json!(1)));
    server.manage("POST purge", confirmation.clone()).await.expect(200);
    server.manage("GET tags", Value::Null).await.refused(404, "NAME_UNKNOWN");
    server.manage("POST purge", confirmation).await.refused(404, "NAME_UNKNOWN");
}

#[tokio::test]
async fn stale_plans_are_refused() {
    let server = Server::start().await;
    server.image("v", "1").await;
    let what = json!({ "tags": ["v"] });
    let stale = async |confirmation: &Value, reason: &str| {
        let answer = server.manage("POST purge", confirmation.clone()).await.refused(409, "PLAN_STALE");
        assert_eq!(answer.detail()["reason"], reason);
    };
    let (_, confirmation) = planned(&server, &what).await;
    let with = |member: &str, value: Value| {
        let mut changed = confirmation.clone();
        changed[member] = value;
        changed
    };
    stale(&with("id", json!(sha256(b"another").to_string())), "changed").await;
    stale(&with("plannedAt", json!("2027-01-15T08:00:00.001Z")), "future").await;
    stale(&with("plannedAt", json!("2027-01-15T07:59:59.999Z")), "changed").await;
    server.pass(HOUR + 1);
    stale(&confirmation, "tooOld").await;
    let (_, confirmation) = planned(&server, &what).await;
    server.image("v", "2").await;
    stale(&confirmation, "changed").await;
    server.ask("GET /v2/a/manifests/v").await.expect(200);
}

#[tokio::test]
async fn what_is_listed_is_not_purged() {
    let server = Server::start().await;
    let child = server.push_image("a", "child", b"layer").await;
    let index = json!({
        "schemaVersion": 2,
        "mediaType": MediaType::OCI_INDEX,
        "manifests": [descriptor(MediaType::OCI_MANIFEST, &child)],
    });
    server.put("a", "index", &index).await.expect(201);
    let (_, confirmation) = planned(&server, &json!({ "manifests": [sha256(&child).to_string()] })).await;
    let answer = server.manage("POST purge", confirmation).await.refused(409, "CONFLICT");
    assert_eq!(answer.detail(), json!({ "listedBy": [sha256(index.to_string().as_bytes()).to_string()] }));
    server.ask("GET /v2/a/manifests/child").await.expect(200);
}

#[tokio::test]
async fn what_cannot_be_meant() {
    let setup = Setup { policy: Policy { max_purge: 1, ..Policy::default() }, ..Setup::default() };
    let server = setup.start().await;
    server.image("v", "1").await;
    let refused =
        async |body: Value, status: u16, code: &str| server.manage("POST purge/plan", body).await.refused(status, code);
    let many = refused(json!({ "tags": ["v", "w"] }), 400, "REQUEST_INVALID").await;
    assert_eq!(many.detail(), json!({ "found": 2, "limit": 1 }));
    refused(json!({}), 400, "REQUEST_INVALID").await;
    refused(json!({ "tags": [] }), 400, "REQUEST_INVALID").await;
    refused(json!({ "tags": ["v"], "repository": true }), 400, "REQUEST_INVALID").await;
    refused(json!({ "tags": ["v"], "id": "x" }), 400, "REQUEST_INVALID").await;
    refused(json!({ "tags": ["-"] }), 400, "TAG_INVALID").await;
    refused(json!({ "manifests": ["v"] }), 400, "DIGEST_INVALID").await;
    refused(json!({ "tags": ["w"] }), 404, "MANIFEST_UNKNOWN").await;
    server.manage("POST purge", json!({ "tags": ["v"] })).await.refused(400, "REQUEST_INVALID");
}
