use crate::common::{Server, answer, push_image, request, stop};
use crate::{empty, node};
use manifest_core::document::{Document, Limits};
use manifest_core::legacy::{PublicKey, verify};
use oci_types::MediaType;
use serde_json::Value;

/// Who signed what the tag leads to in schema 1.
#[expect(clippy::unwrap_used, reason = "a test that cannot go on ends by panicking")]
fn signer(server: &Server) -> PublicKey {
    let accept = [("Accept", MediaType::DOCKER_SCHEMA1_SIGNED)];
    let answer = request(server.address, "GET", "/v2/a/manifests/v1", &accept, b"");
    assert_eq!(answer.status, 200, "{}", answer.body());
    let document = Document::parse(None, answer.bytes.into(), &Limits::default()).unwrap();
    verify(&document).unwrap().pop().unwrap()
}

#[test]
fn nodes_sign_with_one_key_and_the_rotated_one_is_everybodys() {
    let (database, blobs) = (empty(), tempfile::tempdir().unwrap());
    let place = ["--data-dir", blobs.path().to_str().unwrap(), "--database-url", database.url()];
    let (one, other) = (node(database.url(), blobs.path()), node(database.url(), blobs.path()));
    push_image(&one, "a", "v1", b"layer");
    let first = signer(&one);
    assert_eq!(signer(&other), first);
    assert!(!blobs.path().join("signing-key.pem").exists(), "the key is in the database");

    let rotated: Value = serde_json::from_str(&answer(&[&["rotate-key", "--json"], &place[..]].concat())).unwrap();
    assert_eq!(rotated["was"].as_str(), Some(first.id().as_str()));
    assert_eq!(signer(&one), first);
    stop(one);
    stop(other);
    let one = node(database.url(), blobs.path());
    assert_eq!(Some(signer(&one).id().as_str()), rotated["key"].as_str());
    let earlier = database.psql("SELECT encode(unnest(earlier), 'hex') FROM signing_key").unwrap();
    let expected: Vec<String> = first.to_der().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(earlier.trim(), expected.concat());
    stop(one);

    // A file that is configured is the key, whatever the database has.
    let file = blobs.path().join("own.pem");
    let in_file = [&["rotate-key", "--json"], &place[..]].concat();
    let mut command = crate::common::manifestd(&in_file);
    let answered = command.env("MANIFESTD_LEGACY__SIGNING_KEY", &file).output().unwrap();
    assert!(answered.status.success() && file.exists());
}
