//! `?at=`: what a tag pointed at, at a time.

use super::HOUR;
use crate::failures::with_broken_manifests;
use crate::images::sha256;
use crate::server::Server;
use manifest_core::PortErrorKind;

/// 8:00 one, 9:00 two, 10:00 gone, 11:00 one again, and it is 12:00.
async fn moved() -> (Server, [Vec<u8>; 2]) {
    let server = Server::start().await;
    let one = server.push_image("a", "v", b"one").await;
    server.pass(HOUR);
    let two = server.push_image("a", "v", b"two").await;
    server.pass(HOUR);
    server.ask("DELETE /v2/a/manifests/v").await.expect(202);
    server.pass(HOUR);
    server.push_image("a", "v", b"one").await;
    server.pass(HOUR);
    (server, [one, two])
}

#[tokio::test]
async fn each_time_has_its_manifest() {
    let (server, [one, two]) = moved().await;
    let check = async |at: &str, expected: Option<&[u8]>| {
        let line = format!("GET /v2/a/manifests/v?at={at}");
        let answer = server.ask(&line).await;
        match expected {
            None => drop(answer.refused(404, "MANIFEST_UNKNOWN")),
            Some(bytes) => {
                let answer = answer.expect(200);
                assert_eq!(answer.body, bytes, "{at}");
                assert_eq!(answer.header("docker-content-digest"), sha256(bytes).to_string(), "{at}");
            }
        }
    };
    check("2027-01-15T07:59:59.999Z", None).await;
    check("2027-01-15T08:00:00Z", Some(&one)).await;
    check("2027-01-15T08:59:59.999Z", Some(&one)).await;
    check("2027-01-15T09:00:00Z", Some(&two)).await;
    check("2027-01-15T10:30:00%2B01:00", Some(&two)).await;
    // As people write it.
    check("2027-01-15T10:30:00+01:00", Some(&two)).await;
    check("2027-01-15T10:00:00Z", None).await;
    check("2027-01-15T11:00:00Z", Some(&one)).await;
    check("2027-01-15T12:00:00Z", Some(&one)).await;
    check("1800003600000", Some(&two)).await;
    check("-1", None).await;
}

#[tokio::test]
async fn the_past_is_not_stored_as_the_present() {
    let (server, [_, two]) = moved().await;
    let digest = sha256(&two).to_string();
    let line = "/v2/a/manifests/v?at=2027-01-15T09:30:00Z";
    for method in ["GET", "HEAD"] {
        let answer = server.ask(&format!("{method} {line}")).await.expect(200);
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(answer.header("etag"), format!("\"{digest}\""));
        assert_eq!(answer.header("content-type"), "application/vnd.oci.image.manifest.v1+json");
        assert_eq!(answer.header("content-length"), two.len().to_string());
        assert_eq!(answer.header("vary"), "accept");
    }
    let known = server.call(&format!("GET {line}"), &[("If-None-Match", &digest)], b"").await.expect(304);
    assert_eq!(known.header("cache-control"), "no-store");
    server.call(&format!("GET {line}"), &[("If-Match", "\"other\"")], b"").await.refused(412, "DENIED");
    assert!(!server.ask("GET /v2/a/manifests/v").await.expect(200).has("cache-control"));
}

#[tokio::test]
async fn what_has_no_past() {
    let (server, [one, _]) = moved().await;
    let refused = async |line: &str| server.ask(line).await.refused(400, "REQUEST_INVALID");
    let future = refused("GET /v2/a/manifests/v?at=2027-01-15T12:00:00.001Z").await;
    assert_eq!(future.detail()["now"], "2027-01-15T12:00:00.000Z");
    refused("GET /v2/a/manifests/v?at=").await;
    refused("GET /v2/a/manifests/v?at=yesterday").await;
    refused(&format!("GET /v2/a/manifests/{}?at=1800000000000", sha256(&one))).await;
    refused("DELETE /v2/a/manifests/v?at=1800000000000").await;
    server.call("PUT /v2/a/manifests/v?at=1800000000000", &[], &one).await.refused(400, "REQUEST_INVALID");
    server.ask("POST /v2/a/manifests/v?at=1800000000000").await.refused(405, "UNSUPPORTED");
    server.ask("GET /v2/none/manifests/v?at=1800000000000").await.refused(404, "NAME_UNKNOWN");
    server.ask("GET /v2/a/manifests/w?at=1800000000000").await.refused(404, "MANIFEST_UNKNOWN");
    // What was refused did nothing.
    assert_eq!(server.ask("GET /v2/a/manifests/v").await.expect(200).body, one);
}

#[tokio::test]
async fn a_deleted_manifest_has_no_past() {
    let (server, [_, two]) = moved().await;
    server.ask(&format!("DELETE /v2/a/manifests/{}", sha256(&two))).await.expect(202);
    server.ask("GET /v2/a/manifests/v?at=2027-01-15T09:30:00Z").await.refused(404, "MANIFEST_UNKNOWN");
}

#[tokio::test]
async fn a_store_that_fails() {
    let server = with_broken_manifests(PortErrorKind::Corrupt).await;
    let answer = server.ask("GET /v2/a/manifests/v?at=0").await.refused(500, "UNKNOWN");
    assert!(!answer.text().contains("secret_table"));
}
