//! Tags are pointed, restored, given an end, and protected.

use super::{DAY, HOUR};
use crate::images::sha256;
use crate::server::{Server, Setup};
use futures_util::FutureExt;
use manifest_core::plan::{Applied, ManifestChange};
use manifest_core::ports::MockManifests;
use serde_json::{Value, json};
use std::sync::Arc;

fn to(digest: &impl ToString) -> Value {
    json!({ "digest": digest.to_string() })
}

async fn target(server: &Server, tag: &str) -> String {
    server.ask(&format!("HEAD /v2/a/manifests/{tag}")).await.expect(200).header("docker-content-digest").to_owned()
}

#[tokio::test]
async fn a_tag_is_pointed_and_guarded() {
    let server = Server::start().await;
    let (one, two) = (server.image("one", "one").await, server.image("two", "two").await);
    let moved = server.manage("PUT tags/v", to(&one)).await.expect(200).json();
    assert_eq!((&moved["digest"], &moved["displaced"]), (&json!(one.to_string()), &Value::Null));
    let moved = server.manage("PUT tags/v", to(&two)).await.expect(200).json();
    assert_eq!(moved["displaced"], one.to_string());
    let guarded = async |condition: (&str, &str), digest: &str| {
        server.call("PUT /v2/a/_manifestd/tags/v", &[condition], to(&digest).to_string()).await
    };
    let quoted = |digest: &str| format!("\"{digest}\"");
    let (first, second) = (one.to_string(), two.to_string());
    guarded(("If-None-Match", "*"), &first).await.refused(412, "DENIED");
    guarded(("If-Match", &quoted(&first)), &first).await.refused(412, "DENIED");
    assert_eq!(target(&server, "v").await, second);
    guarded(("If-Match", &quoted(&second)), &first).await.expect(200);
    assert_eq!(target(&server, "v").await, first);
    server.manage("PUT tags/v", to(&sha256(b"nothing"))).await.refused(404, "MANIFEST_UNKNOWN");
    server.manage("PUT tags/-", to(&one)).await.refused(400, "TAG_INVALID");
    server.call("PUT /v2/none/_manifestd/tags/v", &[], to(&one).to_string()).await.refused(404, "NAME_UNKNOWN");
}

#[tokio::test]
async fn a_deleted_manifest_is_restored_and_not_tagged() {
    let server = Server::start().await;
    let one = server.image("v", "one").await;
    server.pass(1);
    server.ask(&format!("DELETE /v2/a/manifests/{one}")).await.expect(202);
    server.manage("PUT tags/v", to(&one)).await.refused(404, "MANIFEST_UNKNOWN");
    server.pass(DAY);
    let restored = server.manage("POST tags/v/restore", to(&one)).await.expect(200).json();
    assert_eq!(restored["revived"], true);
    assert_eq!(target(&server, "v").await, one.to_string());
    let history = server.manage("GET history?tag=v", Value::Null).await.json()["history"].clone();
    assert_eq!((&history[0]["reversion"], &history[1]["reversion"]), (&json!(true), &json!(false)));
}

#[tokio::test]
async fn what_is_needed_and_gone_is_named() {
    let server = Server::start().await;
    let one = server.image("v", "one").await;
    server.ask(&format!("DELETE /v2/a/manifests/{one}")).await.expect(202);
    let layer = sha256(b"one");
    server.ask(&format!("DELETE /v2/a/blobs/{layer}")).await.expect(202);
    let answer = server.manage("POST tags/v/restore", to(&one)).await.refused(409, "MANIFEST_BLOB_UNKNOWN");
    assert_eq!(answer.detail(), json!({ "blobs": [layer.to_string()], "manifests": [] }));
    server.ask("GET /v2/a/manifests/v").await.refused(404, "MANIFEST_UNKNOWN");
}

#[tokio::test]
async fn ends_are_set_bounded_and_cleared() {
    let server = Server::start().await;
    server.image("v", "one").await;
    server.pass(2 * HOUR);
    let set = async |time: &str| server.manage("PUT tags/v/expiry", json!({ "expires": time })).await;
    let changed = set("2027-01-16T08:00:00.250+00:00").await.expect(200).json();
    assert_eq!(changed["expires"], "2027-01-16T08:00:00.250Z");
    assert_eq!(changed["previous"], json!({ "expires": null, "immutable": false }));
    let bounded = set("2099-01-01T00:00:00Z").await.expect(200).json();
    assert_eq!(bounded["expires"], "2029-01-12T08:00:00.000Z");
    let past = set("2027-01-15T09:59:59Z").await.refused(400, "REQUEST_INVALID");
    assert_eq!(past.detail()["end"], "2027-01-15T09:59:59.000Z");
    let cleared = server.manage("DELETE tags/v/expiry", Value::Null).await.expect(200).json();
    assert_eq!((&cleared["expires"], &cleared["previous"]["expires"]), (&Value::Null, &bounded["expires"]));
    server.manage("DELETE tags/w/expiry", Value::Null).await.refused(404, "MANIFEST_UNKNOWN");
    server.manage("PUT tags/v/expiry", json!({ "expires": null })).await.refused(400, "REQUEST_INVALID");
    server.manage("PUT tags/v/expiry", json!({ "expires": "soon" })).await.refused(400, "REQUEST_INVALID");
}

#[tokio::test]
async fn an_immutable_tag_stays() {
    let server = Server::start().await;
    let (one, two) = (server.image("v", "one").await, server.image("w", "two").await);
    server.manage("PUT tags/v/expiry", json!({ "expires": "2027-01-16T08:00:00Z" })).await.expect(200);
    let protected = server.manage("PUT tags/v/immutable", Value::Null).await.expect(200).json();
    assert_eq!((&protected["immutable"], &protected["expires"]), (&json!(true), &Value::Null));
    let refused = async |line: String, body: Value| {
        let answer = server.manage(&line, body).await.refused(403, "DENIED");
        assert_eq!(answer.detail()["tag"], "v", "{line}");
    };
    refused("PUT tags/v".into(), to(&two)).await;
    refused("POST tags/v/restore".into(), to(&two)).await;
    refused("PUT tags/v/expiry".into(), json!({ "expires": "2027-01-16T08:00:00Z" })).await;
    refused("DELETE tags/v/expiry".into(), Value::Null).await;
    refused(format!("DELETE manifests/{one}/tags"), Value::Null).await;
    refused("POST purge/plan".into(), json!({ "tags": ["v"] })).await;
    refused("POST purge/plan".into(), json!({ "manifests": [one.to_string()] })).await;
    // Where it is already it may be pointed.
    server.manage("PUT tags/v", to(&one)).await.expect(200);
    server.manage("DELETE tags/v/immutable", Value::Null).await.expect(200);
    server.manage("PUT tags/v", to(&two)).await.expect(200);
    server.manage("PUT tags/x/immutable", Value::Null).await.refused(404, "MANIFEST_UNKNOWN");
}

#[tokio::test]
async fn a_schema_1_manifest_keeps_its_tag() {
    let server = Server::start().await;
    server.push_blob("a", b"layer").await;
    let compatibility = json!({ "id": "a".repeat(64), "created": "2020-01-01T00:00:00Z" }).to_string();
    let manifest = json!({
        "schemaVersion": 1,
        "mediaType": "application/vnd.docker.distribution.manifest.v1+json",
        "name": "a",
        "tag": "v",
        "architecture": "amd64",
        "fsLayers": [{ "blobSum": sha256(b"layer").to_string() }],
        "history": [{ "v1Compatibility": compatibility }],
    });
    let digest = server.put("a", "v", &manifest).await.expect(201).header("docker-content-digest").to_owned();
    server.manage("PUT tags/w", to(&digest)).await.refused(400, "MANIFEST_INVALID");
    server.manage("PUT tags/v", to(&digest)).await.expect(200);
}

#[tokio::test]
async fn tags_that_others_keep_moving_may_be_tried_again() {
    let setup = Setup {
        ports: Box::new(|ports| {
            let rows = [(); 3].map(|()| Arc::clone(&ports.manifests));
            let [facts, fetch, apply] = rows;
            let mut manifests = MockManifests::new();
            manifests.expect_push_facts().returning(move |ask| facts.push_facts(ask).now_or_never().unwrap());
            manifests.expect_fetch().returning(move |ask| fetch.fetch(ask).now_or_never().unwrap());
            manifests.expect_apply().returning(move |plan| match plan.manifest {
                Some(ManifestChange::Create(_)) => apply.apply(plan).now_or_never().unwrap(),
                Some(ManifestChange::Keep(_)) | None => Ok(Applied::ManifestGone),
            });
            ports.manifests = Arc::new(manifests);
        }),
        ..Setup::default()
    };
    let server = setup.start().await;
    let digest = server.image("v", "one").await;
    for (line, body) in [
        ("PUT tags/w".to_owned(), to(&digest)),
        ("PUT tags/v/expiry".to_owned(), json!({ "expires": "2027-01-16T08:00:00Z" })),
        (format!("POST manifests/{digest}/labels"), json!({ "key": "k", "value": "v" })),
        (format!("DELETE manifests/{digest}/tags"), Value::Null),
    ] {
        let answer = server.manage(&line, body).await.refused(503, "UNAVAILABLE");
        assert_eq!(answer.header("retry-after"), "1", "{line}");
    }
}
