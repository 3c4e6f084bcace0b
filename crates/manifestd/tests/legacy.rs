//! Schema 1 and its key, with the real binary.

mod common;

use common::{Server, answer, manifestd, push_image, refusal, request, stop};
use manifest_core::document::{Document, Limits};
use manifest_core::legacy::{PublicKey, verify};
use oci_types::{Algorithm, Digest, MediaType};
use serde_json::Value;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

/// Who signed what a tag leads to in schema 1, and its digest.
#[expect(clippy::unwrap_used, reason = "a test that cannot go on ends by panicking")]
fn signed(server: &Server) -> (PublicKey, Digest) {
    let accept = [("Accept", MediaType::DOCKER_SCHEMA1_SIGNED)];
    let answer = request(server.address, "GET", "/v2/a/manifests/v1", &accept, b"");
    assert_eq!(answer.status, 200, "{}", answer.body());
    let document = Document::parse(None, answer.bytes.into(), &Limits::default()).unwrap();
    let mut keys = verify(&document).unwrap();
    (keys.pop().unwrap(), document.digest(Algorithm::Sha256))
}

#[expect(clippy::unwrap_used, reason = "a test that cannot go on ends by panicking")]
fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_key_is_made_once_and_rotated_without_breaking_pulls() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().to_str().unwrap();
    let key = directory.path().join("signing-key.pem");
    let server = Server::on(directory.path());
    push_image(&server, "a", "v1", b"layer");
    let (first, digest) = signed(&server);
    assert_eq!(mode(&key), 0o600);
    stop(server);
    let server = Server::on(directory.path());
    assert_eq!(signed(&server), (first.clone(), digest));

    // Also beside `serve`, which goes on with the old one until it is started again.
    let rotated: Value = serde_json::from_str(&answer(&["rotate-key", "--json", "--data-dir", data])).unwrap();
    assert_eq!((rotated["was"].as_str(), rotated["algorithm"].as_str()), (Some(first.id().as_str()), Some("ES256")));
    assert_eq!(mode(&key), 0o600);
    assert_eq!(signed(&server), (first.clone(), digest));
    stop(server);
    let server = Server::on(directory.path());
    let (second, same) = signed(&server);
    assert_eq!((second.id().as_str(), same), (rotated["key"].as_str().unwrap(), digest));
    assert_ne!(second, first);
    let earlier = fs::read_to_string(directory.path().join("signing-key.pem.earlier")).unwrap();
    let earlier = manifest_sqlite::from_pem(&earlier, "PUBLIC KEY").unwrap();
    assert_eq!(earlier, [first.to_der()]);
    stop(server);
}

#[expect(clippy::unwrap_used, reason = "a test that cannot go on ends by panicking")]
fn make_rsa_key(path: &Path) {
    let made = Command::new("openssl")
        .args(["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out"])
        .arg(path)
        .output()
        .unwrap();
    assert!(made.status.success(), "openssl made no key: {}", String::from_utf8_lossy(&made.stderr));
}

/// Whoever has an RSA key has clients that know nothing else.
#[test]
fn an_rsa_key_is_not_rotated_into_one_of_another_kind() {
    let directory = tempfile::tempdir().unwrap();
    let key = directory.path().join("signing-key.pem");
    make_rsa_key(&key);
    let before = fs::read(&key).unwrap();
    stop(Server::on(directory.path()));
    let data = directory.path().to_str().unwrap();
    let said = refusal(&mut manifestd(&["rotate-key", "--data-dir", data]), 1);
    assert!(said.contains("signing-key.pem is an RSA key"), "{said}");
    assert!(said.contains("next: ") && said.contains("openssl genpkey -algorithm RSA"), "{said}");
    assert_eq!(fs::read(&key).unwrap(), before);
    assert!(!directory.path().join("signing-key.pem.earlier").exists());
}

#[test]
fn an_rsa_key_of_the_operators_own() {
    let directory = tempfile::tempdir().unwrap();
    let key = directory.path().join("own.pem");
    make_rsa_key(&key);
    let mut command = manifestd(&["serve", "--listen", "127.0.0.1:0", "--admin-listen", "off", "--ephemeral"]);
    command.env("MANIFESTD_LEGACY__SIGNING_KEY", &key);
    let server = Server::spawn(&mut command);
    push_image(&server, "a", "v1", b"layer");
    let (public, _) = signed(&server);
    assert_eq!(public.algorithm(), "RS256");
    let der = Command::new("openssl").args(["pkey", "-pubout", "-outform", "DER", "-in"]).arg(&key).output().unwrap();
    assert_eq!(public.to_der(), der.stdout);
    stop(server);
}

#[test]
fn a_key_that_cannot_be_used_is_said_and_stays() {
    let directory = tempfile::tempdir().unwrap();
    let key = directory.path().join("signing-key.pem");
    for text in ["nonsense", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"] {
        fs::write(&key, text).unwrap();
        fs::set_permissions(&key, Permissions::from_mode(0o600)).unwrap();
        let data = directory.path().to_str().unwrap();
        let serve = ["serve", "--listen", "127.0.0.1:0", "--admin-listen", "off", "--data-dir", data];
        let said = refusal(&mut manifestd(&serve), 1);
        assert!(said.contains("signing-key.pem cannot be used") && said.contains("next: "), "{said}");
        assert_eq!(fs::read_to_string(&key).unwrap(), text);
    }
}

#[test]
fn a_key_that_others_may_read_is_refused_and_it_is_said_how_to_mend_that() {
    let directory = tempfile::tempdir().unwrap();
    let key = directory.path().join("signing-key.pem");
    make_rsa_key(&key);
    fs::set_permissions(&key, Permissions::from_mode(0o644)).unwrap();
    let data = directory.path().to_str().unwrap();
    let serve = ["serve", "--listen", "127.0.0.1:0", "--admin-listen", "off", "--data-dir", data];
    let said = refusal(&mut manifestd(&serve), 1);
    assert!(said.contains("0644") && said.contains("chmod 600"), "{said}");
    fs::set_permissions(&key, Permissions::from_mode(0o600)).unwrap();
    stop(Server::on(directory.path()));
}

#[test]
fn the_v1_api_can_be_switched_off() {
    let mut command = manifestd(&["serve", "--listen", "127.0.0.1:0", "--admin-listen", "off", "--ephemeral"]);
    let server = Server::spawn(&mut command);
    assert_eq!(server.get("/v1/_ping").status, 200);
    let mut command = manifestd(&["serve", "--listen", "127.0.0.1:0", "--admin-listen", "off", "--ephemeral"]);
    let server = Server::spawn(command.env("MANIFESTD_LEGACY__API", "false"));
    assert_eq!(server.get("/v1/_ping").status, 404);
    let shown = manifestd(&["config"]).env("MANIFESTD_LEGACY__API", "false").output().unwrap();
    let shown = String::from_utf8(shown.stdout).unwrap();
    let line = shown.lines().find(|line| line.starts_with("api = false")).unwrap();
    assert!(line.contains("MANIFESTD_LEGACY__API"), "{line}");
}
