//! Deleting tags and manifests.

use crate::images::{descriptor, sha256};
use crate::server::Server;
use oci_types::MediaType;
use serde_json::json;

#[tokio::test]
async fn a_tag_goes_alone() {
    let server = Server::start().await;
    let digest = sha256(&server.push_image("a", "v1", b"layer").await);
    let answer = server.ask("DELETE /v2/a/manifests/v1").await.expect(202);
    assert_eq!(answer.header("content-length"), "0");
    server.ask("GET /v2/a/manifests/v1").await.refused(404, "MANIFEST_UNKNOWN");
    server.ask("DELETE /v2/a/manifests/v1").await.refused(404, "MANIFEST_UNKNOWN");
    server.ask(&format!("GET /v2/a/manifests/{digest}")).await.expect(200);
}

#[tokio::test]
async fn a_tag_that_has_moved_stays() {
    let server = Server::start().await;
    let one = sha256(&server.push_image("a", "v1", b"one").await);
    let two = sha256(&server.push_image("a", "v1", b"two").await);
    let delete =
        async |digest| server.call("DELETE /v2/a/manifests/v1", &[("If-Match", &format!("\"{digest}\""))], b"").await;
    delete(one).await.refused(412, "DENIED");
    server.ask("GET /v2/a/manifests/v1").await.expect(200);
    delete(two).await.expect(202);
}

#[tokio::test]
async fn a_manifest_takes_its_tags_along() {
    let server = Server::start().await;
    let manifest = server.push_image("a", "v1", b"layer").await;
    server.call("PUT /v2/a/manifests/v2", &[], &manifest).await.expect(201);
    let path = format!("/v2/a/manifests/{}", sha256(&manifest));
    server.ask(&format!("DELETE {path}")).await.expect(202);
    for path in [&path, "/v2/a/manifests/v1", "/v2/a/manifests/v2"] {
        server.ask(&format!("HEAD {path}")).await.expect(404);
    }
    server.ask(&format!("DELETE {path}")).await.refused(404, "MANIFEST_UNKNOWN");
    assert_eq!(server.ask("GET /v2/a/tags/list").await.json()["tags"], json!([]));
}

#[tokio::test]
async fn what_is_not_there() {
    let server = Server::start().await;
    let digest = sha256(b"missing");
    server.ask("DELETE /v2/none/manifests/v1").await.refused(404, "NAME_UNKNOWN");
    server.ask(&format!("DELETE /v2/none/manifests/{digest}")).await.refused(404, "NAME_UNKNOWN");
    server.push_image("a", "v1", b"layer").await;
    server.ask(&format!("DELETE /v2/a/manifests/{digest}")).await.refused(404, "MANIFEST_UNKNOWN");
}

#[tokio::test]
async fn one_that_an_index_lists_stays() {
    let server = Server::start().await;
    let child = server.push_image("a", "child", b"layer").await;
    let manifests = [descriptor(MediaType::OCI_MANIFEST, &child)];
    let index = json!({ "schemaVersion": 2, "mediaType": MediaType::OCI_INDEX, "manifests": manifests });
    let parent = server.put("a", "index", &index).await.expect(201);
    let parent = parent.header("docker-content-digest");
    let path = format!("/v2/a/manifests/{}", sha256(&child));
    let answer = server.ask(&format!("DELETE {path}")).await.refused(405, "UNSUPPORTED");
    assert_eq!(answer.detail(), json!({ "listedBy": [parent] }));
    server.ask("GET /v2/a/manifests/child").await.expect(200);
    server.ask(&format!("DELETE /v2/a/manifests/{parent}")).await.expect(202);
    server.ask(&format!("DELETE {path}")).await.expect(202);
}
