//! Labels are listed, added, removed, and act.

use crate::images::{image, sha256};
use crate::server::Server;
use serde_json::{Value, json};

async fn labelled() -> (Server, String) {
    let server = Server::start().await;
    server.push_blob("a", b"{}").await;
    server.push_blob("a", b"layer").await;
    let mut manifest = image(b"{}", b"layer");
    manifest["annotations"] = json!({ "org.opencontainers.image.title": "t" });
    server.put("a", "v", &manifest).await.expect(201);
    (server, format!("manifests/{}/labels", sha256(manifest.to_string().as_bytes())))
}

async fn keys(server: &Server, path: &str) -> Vec<String> {
    let found = server.manage(&format!("GET {path}"), Value::Null).await.expect(200).json();
    found["labels"].as_array().unwrap().iter().map(|label| label["key"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn labels_come_and_go() {
    let (server, path) = labelled().await;
    let add = async |body: Value| server.manage(&format!("POST {path}"), body).await;
    let text = add(json!({ "key": "team.owner", "value": "ann" })).await.expect(201);
    assert_eq!(text.json()["label"]["mediaType"], "text/plain");
    let guessed = add(json!({ "key": "team.data", "value": "{}" })).await.expect(201).json();
    assert_eq!(guessed["label"]["mediaType"], "application/json");
    let told = add(json!({ "key": "team.data", "value": "{}", "mediaType": "text/plain" })).await.expect(201).json();
    assert_eq!(told["label"]["mediaType"], "text/plain");
    let all = ["org.opencontainers.image.title", "team.owner", "team.data", "team.data"];
    assert_eq!(keys(&server, &path).await, all);
    assert_eq!(keys(&server, &format!("{path}?prefix=TEAM.")).await, &all[1..]);
    assert_eq!(keys(&server, &format!("{path}?prefix=none")).await, [""; 0]);
    let location = text.header("location").to_owned();
    server.ask(&format!("DELETE {location}")).await.expect(204);
    server.ask(&format!("DELETE {location}")).await.refused(404, "LABEL_UNKNOWN");
    assert_eq!(keys(&server, &path).await.len(), 3);
    let own = server.manage(&format!("GET {path}"), Value::Null).await.json()["labels"][0].clone();
    assert_eq!(own["source"], "manifest");
    let refused = server.manage(&format!("DELETE {path}/{}", own["id"]), Value::Null).await.refused(403, "DENIED");
    assert_eq!(refused.detail()["source"], "manifest");
}

#[tokio::test]
async fn labels_act_on_tags() {
    let (server, path) = labelled().await;
    let add = async |key: &str, value: &str| {
        server.manage(&format!("POST {path}"), json!({ "key": key, "value": value })).await.expect(201).json()
    };
    assert_eq!(add("quay.expires-after", "2h").await["tags"], json!(["v"]));
    let tag = server.manage("GET tags", Value::Null).await.json()["tags"][0].clone();
    assert_eq!(tag["expires"], "2027-01-15T10:00:00.000Z");
    assert_eq!(add("quay.immutable", "true").await["tags"], json!(["v"]));
    server.ask("DELETE /v2/a/manifests/v").await.refused(403, "DENIED");
}

#[tokio::test]
async fn what_is_no_label() {
    let (server, path) = labelled().await;
    let refused = async |body: Value, code: &str| {
        server.manage(&format!("POST {path}"), body.clone()).await.refused(400, code);
    };
    refused(json!({ "key": "", "value": "" }), "LABEL_INVALID").await;
    refused(json!({ "key": "a b", "value": "" }), "LABEL_INVALID").await;
    refused(json!({ "key": "quay.other", "value": "" }), "LABEL_INVALID").await;
    refused(json!({ "key": "a", "value": "\0" }), "LABEL_INVALID").await;
    refused(json!({ "key": "a".repeat(256), "value": "" }), "LABEL_INVALID").await;
    refused(json!({ "key": "a", "value": "", "mediaType": "image/png" }), "LABEL_INVALID").await;
    refused(json!({ "key": "a", "value": "", "mediaType": "x" }), "REQUEST_INVALID").await;
    refused(json!({ "key": "a" }), "REQUEST_INVALID").await;
    refused(json!({ "key": "a", "value": 1 }), "REQUEST_INVALID").await;
    assert_eq!(keys(&server, &path).await.len(), 1);
    let nothing = format!("manifests/{}/labels", sha256(b"nothing"));
    server.manage(&format!("GET {nothing}"), Value::Null).await.refused(404, "MANIFEST_UNKNOWN");
    let label = json!({ "key": "a", "value": "b" });
    server.manage(&format!("POST {nothing}"), label).await.refused(404, "MANIFEST_UNKNOWN");
    server.manage(&format!("DELETE {nothing}/1"), Value::Null).await.refused(404, "MANIFEST_UNKNOWN");
    server.manage(&format!("DELETE {path}/x"), Value::Null).await.refused(404, "LABEL_UNKNOWN");
}

#[tokio::test]
async fn more_labels_than_a_manifest_may_have() {
    let server = Server::start().await;
    server.push_blob("a", b"{}").await;
    server.push_blob("a", b"layer").await;
    let mut manifest = image(b"{}", b"layer");
    let many = (0..1_000).map(|number| (format!("k{number}"), json!("v"))).collect();
    manifest["annotations"] = Value::Object(many);
    server.put("a", "v", &manifest).await.expect(201);
    let path = format!("manifests/{}/labels", sha256(manifest.to_string().as_bytes()));
    server.manage(&format!("POST {path}"), json!({ "key": "k", "value": "v" })).await.refused(409, "CONFLICT");
}
