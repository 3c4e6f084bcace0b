//! Pushes by digest with tags, and tags that expire.

use crate::images::{image, sha256, sha512};
use crate::server::{Server, Setup};
use manifest_core::Policy;
use oci_types::MediaType;

async fn with_blobs() -> (Server, serde_json::Value) {
    let server = Server::start().await;
    server.push_blob("a", b"{}").await;
    server.push_blob("a", b"layer").await;
    (server, image(b"{}", b"layer"))
}

#[tokio::test]
async fn by_digest_without_tags() {
    let (server, manifest) = with_blobs().await;
    let digest = sha256(manifest.to_string().as_bytes());
    let answer = server.put("a", &digest.to_string(), &manifest).await.expect(201);
    assert!(!answer.has("oci-tag"));
    server.ask(&format!("GET /v2/a/manifests/{digest}")).await.expect(200);
    assert_eq!(server.totals().await.tags, 0);
}

#[tokio::test]
async fn by_digest_with_tags() {
    let (server, manifest) = with_blobs().await;
    for digest in [sha256(manifest.to_string().as_bytes()), sha512(manifest.to_string().as_bytes())] {
        let answer = server.put("a", &format!("{digest}?tag=1.2&tag=1.2.3&tag=latest"), &manifest).await.expect(201);
        assert_eq!(answer.headers("oci-tag"), ["1.2", "1.2.3", "latest"]);
        assert_eq!(answer.header("docker-content-digest"), digest.to_string());
        for tag in ["1.2", "1.2.3", "latest"] {
            let answer = server.ask(&format!("HEAD /v2/a/manifests/{tag}")).await.expect(200);
            assert_eq!(answer.header("docker-content-digest"), digest.to_string());
        }
    }
}

#[tokio::test]
async fn tags_go_together_or_not_at_all() {
    let (server, manifest) = with_blobs().await;
    let digest = sha256(manifest.to_string().as_bytes());
    server.put("a", &format!("{digest}?tag=good&tag=-bad"), &manifest).await.refused(400, "TAG_INVALID");
    let tags: Vec<String> = (0..101).map(|n| format!("tag=t{n}")).collect();
    let many = tags.join("&");
    let answer = server.put("a", &format!("{digest}?{many}"), &manifest).await.refused(414, "UNSUPPORTED");
    assert_eq!(answer.detail()["limit"], 100);
    let totals = server.totals().await;
    assert_eq!((totals.tags, totals.manifests), (0, 0));
    let most = tags[..100].join("&");
    let answer = server.put("a", &format!("{digest}?{most}"), &manifest).await.expect(201);
    assert_eq!(answer.headers("oci-tag").len(), 100);
}

#[tokio::test]
async fn a_tag_with_a_digest_of_another_algorithm() {
    let (server, manifest) = with_blobs().await;
    let digest = sha512(manifest.to_string().as_bytes());
    let answer = server.put("a", &format!("v1?digest={digest}"), &manifest).await.expect(201);
    assert_eq!(answer.header("docker-content-digest"), digest.to_string());
    let answer = server.ask("GET /v2/a/manifests/v1").await.expect(200);
    assert_eq!(answer.header("docker-content-digest"), digest.to_string());
    let wrong = sha512(b"wrong");
    server.put("a", &format!("v1?digest={wrong}"), &manifest).await.refused(400, "DIGEST_INVALID");
    let headers = [("Content-Type", MediaType::OCI_MANIFEST), ("If-None-Match", "*")];
    let line = format!("PUT /v2/a/manifests/v2?digest={digest}");
    server.call(&line, &headers, manifest.to_string()).await.refused(400, "UNSUPPORTED");
}

#[tokio::test]
async fn a_tag_expires() {
    let (server, mut manifest) = with_blobs().await;
    manifest["annotations"]["quay.expires-after"] = "1h".into();
    server.put("a", "v1", &manifest).await.expect(201);
    server.ask("GET /v2/a/manifests/v1").await.expect(200);
    server.pass(60 * 60 * 1_000);
    server.ask("GET /v2/a/manifests/v1").await.refused(404, "MANIFEST_UNKNOWN");
    server.ask("DELETE /v2/a/manifests/v1").await.refused(404, "MANIFEST_UNKNOWN");
}

#[tokio::test]
async fn an_immutable_tag_stays() {
    let (server, mut manifest) = with_blobs().await;
    manifest["annotations"]["quay.immutable"] = "true".into();
    let first = server.put("a", "v1", &manifest).await.expect(201);
    // The same again changes nothing, and so is allowed.
    server.put("a", "v1", &manifest).await.expect(201);
    let other = image(b"{}", b"layer");
    server.put("a", "v1", &other).await.refused(403, "DENIED");
    server.ask("DELETE /v2/a/manifests/v1").await.refused(403, "DENIED");
    let digest = first.header("docker-content-digest");
    server.ask(&format!("DELETE /v2/a/manifests/{digest}")).await.refused(403, "DENIED");
}

#[tokio::test]
async fn v1_then_v2_then_v1_deleted_and_pushed_again() {
    let server = Server::start().await;
    let one = server.push_image("a", "v", b"one").await;
    server.push_image("a", "v", b"two").await;
    let digest = sha256(&one);
    let by_digest = format!("GET /v2/a/manifests/{digest}");
    server.ask(&by_digest).await.expect(200);
    server.ask(&format!("DELETE /v2/a/manifests/{digest}")).await.expect(202);
    server.ask(&by_digest).await.refused(404, "MANIFEST_UNKNOWN");
    server.call("PUT /v2/a/manifests/w", &[], &one).await.expect(201);
    server.ask(&by_digest).await.expect(200);
}

#[tokio::test]
async fn pushes_may_be_kept_from_making_repositories() {
    let setup = Setup { policy: Policy { create_on_push: false, ..Policy::default() }, ..Setup::default() };
    let server = setup.start().await;
    server.ask("POST /v2/a/blobs/uploads/").await.refused(404, "NAME_UNKNOWN");
    let manifest = serde_json::json!({ "schemaVersion": 2, "mediaType": MediaType::OCI_INDEX, "manifests": [] });
    server.put("a", "v1", &manifest).await.refused(404, "NAME_UNKNOWN");
    assert_eq!(server.totals().await.repositories, 0);
}
