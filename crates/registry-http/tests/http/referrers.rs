//! Manifests about others.

use crate::images::{about, sha256};
use crate::server::{Server, Setup};
use manifest_core::Policy;
use oci_types::MediaType;
use serde_json::{Value, json};

const SBOM: &str = "application/vnd.example.sbom.v1+json";
const SIGNATURE: &str = "application/vnd.example.signature.v1+json";

/// A subject and three manifests about it, by digest in byte order.
async fn with_referrers(server: &Server) -> (String, Vec<(String, Value)>) {
    let subject = server.push_image("a", "v1", b"layer").await;
    let mut referrers = Vec::new();
    for (artifact_type, note) in [(SBOM, "one"), (SIGNATURE, "two"), (SBOM, "three")] {
        let manifest = about(&subject, artifact_type, note);
        let digest = sha256(manifest.to_string().as_bytes()).to_string();
        let answer = server.put("a", &digest, &manifest).await.expect(201);
        assert_eq!(answer.header("oci-subject"), sha256(&subject).to_string());
        let descriptor = json!({
            "mediaType": MediaType::OCI_MANIFEST,
            "digest": digest,
            "size": manifest.to_string().len(),
            "annotations": { "note": note },
            "artifactType": artifact_type,
        });
        referrers.push((digest, descriptor));
    }
    referrers.sort_by(|a, b| a.0.cmp(&b.0));
    (sha256(&subject).to_string(), referrers)
}

/// The descriptors of a page, and the path of the next one.
async fn page(server: &Server, path: &str) -> (Vec<Value>, Option<String>) {
    let answer = server.ask(&format!("GET {path}")).await.expect(200);
    assert_eq!(answer.header("content-type"), MediaType::OCI_INDEX);
    let index = answer.json();
    assert_eq!((&index["schemaVersion"], &index["mediaType"]), (&json!(2), &json!(MediaType::OCI_INDEX)));
    let filtered = path.contains("artifactType=");
    assert_eq!(answer.header("oci-filters-applied"), if filtered { "artifactType" } else { "" });
    let next = answer.headers("link").first().map(|link| link[1..link.find('>').unwrap()].to_owned());
    (index["manifests"].as_array().unwrap().clone(), next)
}

#[tokio::test]
async fn all_of_them() {
    let server = Server::start().await;
    let (subject, referrers) = with_referrers(&server).await;
    let (found, next) = page(&server, &format!("/v2/a/referrers/{subject}")).await;
    assert_eq!(found, referrers.into_iter().map(|(_, descriptor)| descriptor).collect::<Vec<_>>());
    assert_eq!(next, None);
}

#[tokio::test]
async fn of_a_type() {
    let server = Server::start().await;
    let (subject, _) = with_referrers(&server).await;
    let count = async |filter: &str| page(&server, &format!("/v2/a/referrers/{subject}?{filter}")).await.0.len();
    let escaped = |text: &str| text.replace('/', "%2F").replace('+', "%2B");
    assert_eq!(count(&format!("artifactType={}", escaped(SBOM))).await, 2);
    assert_eq!(count(&format!("artifactType={SIGNATURE}")).await, 1);
    assert_eq!(count(&format!("artifactType={SIGNATURE}&artifactType={SBOM}")).await, 3);
    assert_eq!(count("artifactType=application/none").await, 0);
    assert_eq!(count("other=x").await, 3);
}

#[tokio::test]
async fn page_by_page() {
    let server = Server::start().await;
    let (subject, referrers) = with_referrers(&server).await;
    let mut path = format!("/v2/a/referrers/{subject}?n=1");
    for (at, (digest, _)) in referrers.iter().enumerate() {
        let (found, next) = page(&server, &path).await;
        assert_eq!(found.len(), 1);
        assert_eq!(found[0]["digest"], *digest);
        assert_eq!(next.is_some(), at < 2);
        path = next.unwrap_or_default();
    }
    // The filter stays in the link.
    let filter = format!("artifactType={}", SBOM.replace('/', "%2F").replace('+', "%2B"));
    let (found, next) = page(&server, &format!("/v2/a/referrers/{subject}?{filter}&n=1")).await;
    let next = next.unwrap();
    assert!(next.contains(&filter) && next.starts_with("/v2/a/referrers/"), "{next}");
    let (rest, end) = page(&server, &next).await;
    assert_eq!((found.len(), rest.len(), end), (1, 1, None));
    server.ask(&format!("GET /v2/a/referrers/{subject}?n=x")).await.refused(400, "UNSUPPORTED");
}

#[tokio::test]
async fn a_page_stays_small() {
    let setup = Setup { policy: Policy { max_referrers_bytes: 1, ..Policy::default() }, ..Setup::default() };
    let server = setup.start().await;
    let (subject, _) = with_referrers(&server).await;
    let (found, next) = page(&server, &format!("/v2/a/referrers/{subject}")).await;
    assert_eq!(found.len(), 1);
    assert!(next.is_some());
}

#[tokio::test]
async fn of_nothing() {
    let server = Server::start().await;
    let zero = format!("sha256:{}", "0".repeat(64));
    assert_eq!(page(&server, &format!("/v2/none/referrers/{zero}")).await, (vec![], None));
    server.push_blob("a", b"blob").await;
    assert_eq!(page(&server, &format!("/v2/a/referrers/{zero}")).await, (vec![], None));
    server.ask("GET /v2/a/referrers/sha256:short").await.refused(400, "DIGEST_INVALID");
}

#[tokio::test]
async fn one_that_is_deleted_is_gone_at_once_and_outlives_its_subject() {
    let server = Server::start().await;
    let (subject, referrers) = with_referrers(&server).await;
    let path = format!("/v2/a/referrers/{subject}");
    server.ask(&format!("DELETE /v2/a/manifests/{}", referrers[0].0)).await.expect(202);
    assert_eq!(page(&server, &path).await.0.len(), 2);
    server.ask(&format!("DELETE /v2/a/manifests/{subject}")).await.expect(202);
    assert_eq!(page(&server, &path).await.0.len(), 2);
}
