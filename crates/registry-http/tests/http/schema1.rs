//! Schema 1: built for those who take nothing newer, verified when it is pushed.

use crate::images::{descriptor, image, sha256};
use crate::server::{Server, Setup};
use manifest_core::Policy;
use manifest_core::document::{Document, Limits};
use manifest_core::legacy::{PublicKey, Signer, verify};
use manifest_core::policy::References;
use manifest_core::ports::BlobStore;
use oci_types::{Algorithm, Digest, MediaType};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};
use std::error::Error;
use std::sync::Arc;

const SIGNED: &str = MediaType::DOCKER_SCHEMA1_SIGNED;
const UNSIGNED: &str = MediaType::DOCKER_SCHEMA1;

/// A key of this test's own.
struct Key(EcdsaKeyPair, PublicKey);

impl Key {
    fn new() -> Arc<Self> {
        let random = SystemRandom::new();
        let stored = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, stored.as_ref(), &random).unwrap();
        let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
        let public = PublicKey::P256 { x: x.try_into().unwrap(), y: y.try_into().unwrap() };
        Arc::new(Self(pair, public))
    }
}

impl Signer for Key {
    fn key(&self) -> &PublicKey {
        &self.1
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Box<dyn Error + Send + Sync>> {
        Ok(self.0.sign(&SystemRandom::new(), message).map_err(|_| "no signature")?.as_ref().to_vec())
    }
}

async fn signing() -> Server {
    Setup { signer: Some(Key::new()), ..Setup::default() }.start().await
}

/// An image with a history: a layer, a step that changed nothing, a layer.
async fn push_described(server: &Server, repository: &str, reference: &str) -> (Vec<u8>, [Digest; 2]) {
    let config = json!({
        "architecture": "arm64",
        "os": "linux",
        "rootfs": { "type": "layers", "diff_ids": [] },
        "config": { "Cmd": ["sh"], "Labels": { "a": "é<>" } },
        "history": [
            { "created": "2026-01-01T00:00:00Z", "created_by": "ADD" },
            { "created_by": "ENV x=y", "empty_layer": true },
            { "created_by": "RUN" },
        ],
    });
    let config = config.to_string().into_bytes();
    server.push_blob(repository, &config).await;
    let layers = [server.push_blob(repository, b"base").await, server.push_blob(repository, b"top").await];
    let mut manifest = image(&config, b"base");
    let top = descriptor(MediaType::OCI_LAYER_GZIP, b"top");
    manifest["layers"].as_array_mut().unwrap().push(top);
    server.put(repository, reference, &manifest).await.expect(201);
    (manifest.to_string().into_bytes(), layers)
}

fn read(media_type: &str, bytes: &[u8]) -> Document {
    Document::parse(Some(&media_type.parse().unwrap()), bytes.to_vec().into(), &Limits::default()).unwrap()
}

#[tokio::test]
async fn an_image_for_those_who_take_nothing_newer() {
    let server = signing().await;
    let (_, [base, top]) = push_described(&server, "team/app", "v1").await;
    let line = "GET /v2/team/app/manifests/v1";
    let accept = format!("{SIGNED}, application/json;q=0.5");
    let answer = server.call(line, &[("Accept", &accept)], b"").await.expect(200);
    assert_eq!(answer.header("content-type"), SIGNED);
    assert_eq!(answer.header("vary"), "accept");
    let document = read(SIGNED, &answer.body);
    assert_eq!(verify(&document).unwrap().len(), 1);
    let digest = document.digest(Algorithm::Sha256);
    assert_eq!(answer.header("docker-content-digest"), digest.to_string());
    assert_eq!(answer.header("etag"), format!("W/\"{digest}\""));
    let schema1 = document.schema1().unwrap();
    assert_eq!((schema1.name(), schema1.tag()), ("team/app", "v1"));
    let blobs: Vec<Digest> = schema1.layers().iter().map(|layer| layer.digest).collect();
    assert_eq!(blobs, [base, manifest_core::empty_layer::digest(), top]);
    // Whoever was told of them can read them.
    for blob in blobs {
        server.ask(&format!("GET /v2/team/app/blobs/{blob}")).await.expect(200);
    }

    // The same again, by HEAD, and to a client that has it.
    let again = server.call(line, &[("Accept", SIGNED)], b"").await.expect(200);
    assert_eq!(again.body, answer.body);
    let head = server.call("HEAD /v2/team/app/manifests/v1", &[("Accept", SIGNED)], b"").await.expect(200);
    for name in ["content-type", "content-length", "docker-content-digest", "etag", "vary"] {
        assert_eq!(head.header(name), answer.header(name), "{name}");
    }
    let known = [("Accept", SIGNED), ("If-None-Match", answer.header("etag"))];
    let known = server.call(line, &known, b"").await.expect(304);
    assert_eq!((known.header("etag"), known.header("vary")), (answer.header("etag"), "accept"));
    for (expected, status) in [("*", 200), (answer.header("etag"), 412)] {
        server.call(line, &[("Accept", SIGNED), ("If-Match", expected)], b"").await.expect(status);
    }

    // Without signatures, the very text that was signed.
    let plain = server.call(line, &[("Accept", UNSIGNED)], b"").await.expect(200);
    assert_eq!(plain.header("content-type"), UNSIGNED);
    assert_eq!(plain.header("docker-content-digest"), digest.to_string());
    assert_eq!(plain.body, schema1.payload().to_vec());

    // What was built can be pushed, and is then what it is.
    let headers = [("Content-Type", SIGNED)];
    server.call("PUT /v2/team/app/manifests/v1", &headers, &answer.body).await.expect(201);
    let stored = server.call(line, &[("Accept", MediaType::OCI_MANIFEST)], b"").await.expect(200);
    assert_eq!((stored.header("content-type"), &stored.body), (SIGNED, &answer.body));
    let by_digest = server.ask(&format!("GET /v2/team/app/manifests/{digest}")).await.expect(200);
    assert_eq!(by_digest.body, answer.body);
    assert_eq!(by_digest.header("etag"), format!("\"{digest}\""));
}

#[tokio::test]
async fn who_gets_what_is_stored() {
    let server = signing().await;
    let (manifest, _) = push_described(&server, "a", "v1").await;
    let digest = sha256(&manifest);
    let both = format!("{}, {SIGNED}", MediaType::OCI_MANIFEST);
    let wildcard = format!("{SIGNED}, */*;q=0.1");
    let other = format!("application/json, {}", MediaType::DOCKER_SCHEMA2);
    for accept in [both.as_str(), &wildcard, &other, "application/json", "*/*", "", &format!("{SIGNED};q=0")] {
        let answer = server.call("GET /v2/a/manifests/v1", &[("Accept", accept)], b"").await.expect(200);
        assert_eq!(answer.body, manifest, "{accept}");
        assert_eq!((answer.header("vary"), answer.header("etag")), ("accept", format!("\"{digest}\"").as_str()));
    }
    // By digest, nothing is ever another thing than what has that digest.
    let line = format!("GET /v2/a/manifests/{digest}");
    let answer = server.call(&line, &[("Accept", SIGNED)], b"").await.expect(200);
    assert!(!answer.has("vary"));
    assert_eq!(answer.body, manifest);
}

#[tokio::test]
async fn the_child_for_amd64_and_linux() {
    let server = signing().await;
    let (arm, _) = push_described(&server, "a", "arm").await;
    let amd = server.push_image("a", "amd", b"amd").await;
    let entry = |bytes: &[u8], media_type: &str, architecture: &str| {
        let mut entry = descriptor(media_type, bytes);
        entry["platform"] = json!({ "architecture": architecture, "os": "linux" });
        entry
    };
    let index =
        |entries: Vec<Value>| json!({ "schemaVersion": 2, "mediaType": MediaType::OCI_INDEX, "manifests": entries });
    let (oci, nested) = (MediaType::OCI_MANIFEST, MediaType::OCI_INDEX);
    let inner = index(vec![entry(&arm, oci, "arm64"), entry(&amd, oci, "amd64")]);
    server.put("a", "inner", &inner).await.expect(201);
    let outer = index(vec![entry(inner.to_string().as_bytes(), nested, "amd64")]);
    server.put("a", "outer", &outer).await.expect(201);
    let layer = sha256(b"amd");
    for tag in ["inner", "outer"] {
        let answer = server.call(&format!("GET /v2/a/manifests/{tag}"), &[("Accept", SIGNED)], b"").await.expect(200);
        let document = read(SIGNED, &answer.body);
        let schema1 = document.schema1().unwrap();
        assert_eq!((schema1.tag(), schema1.layers().last().map(|layer| layer.digest)), (tag, Some(layer)));
    }
    // Without such a child there is no other.
    let without = index(vec![entry(&arm, oci, "arm64")]);
    server.put("a", "without", &without).await.expect(201);
    let answer = server.call("GET /v2/a/manifests/without", &[("Accept", SIGNED)], b"").await.expect(200);
    assert_eq!(answer.header("content-type"), nested);
}

/// Docker's lists may hold unsigned schema 1, which is sent as it is to those who take it, and signed to the others.
#[tokio::test]
async fn a_child_that_is_schema_1() {
    let server = signing().await;
    server.push_image("a", "v1", b"layer").await;
    let child = server.call("GET /v2/a/manifests/v1", &[("Accept", UNSIGNED)], b"").await.expect(200).body;
    let line = format!("PUT /v2/a/manifests/{}", sha256(&child));
    server.call(&line, &[("Content-Type", UNSIGNED)], &child).await.expect(201);
    let mut entry = descriptor(UNSIGNED, &child);
    entry["platform"] = json!({ "architecture": "amd64", "os": "linux" });
    let list = json!({ "schemaVersion": 2, "mediaType": MediaType::DOCKER_LIST, "manifests": [entry] });
    server.put("a", "list", &list).await.expect(201);
    let both = format!("{SIGNED}, {UNSIGNED}");
    for accept in [both.as_str(), UNSIGNED] {
        let answer = server.call("GET /v2/a/manifests/list", &[("Accept", accept)], b"").await.expect(200);
        assert_eq!((answer.header("content-type"), &answer.body), (UNSIGNED, &child), "{accept}");
    }
    let answer = server.call("GET /v2/a/manifests/list", &[("Accept", SIGNED)], b"").await.expect(200);
    assert_eq!(answer.header("content-type"), SIGNED);
    let document = read(SIGNED, &answer.body);
    assert_eq!((verify(&document).unwrap().len(), document.embedded_tag()), (1, Some("list")));
}

#[tokio::test]
async fn what_cannot_be_said_in_schema_1() {
    let server = signing().await;
    server.push_blob("a", b"{}").await;
    let artifact = json!({
        "schemaVersion": 2,
        "mediaType": MediaType::OCI_MANIFEST,
        "artifactType": "application/x.test",
        "config": descriptor(MediaType::OCI_EMPTY, b"{}"),
        "layers": [descriptor(MediaType::OCI_EMPTY, b"{}")],
    });
    let mut remote = image(b"{}", b"elsewhere");
    remote["layers"][0]["mediaType"] = MediaType::OCI_NONDISTRIBUTABLE_LAYER_GZIP.into();
    remote["layers"][0]["urls"] = json!(["https://example.com/layer"]);
    let mut bare = image(b"{}", b"");
    bare["layers"] = json!([]);
    // Steps that changed no file make no layer of an image that has none.
    let config = json!({
        "architecture": "amd64",
        "os": "linux",
        "rootfs": { "type": "layers", "diff_ids": [] },
        "history": [{ "created_by": "ENV x=y", "empty_layer": true }],
    });
    let config = config.to_string().into_bytes();
    server.push_blob("a", &config).await;
    let mut steps = image(&config, b"");
    steps["layers"] = json!([]);
    for (tag, manifest) in [("artifact", artifact), ("remote", remote), ("bare", bare), ("steps", steps)] {
        server.put("a", tag, &manifest).await.expect(201);
        let answer = server.call(&format!("GET /v2/a/manifests/{tag}"), &[("Accept", SIGNED)], b"").await.expect(200);
        assert_eq!(answer.text(), manifest.to_string(), "{tag}");
    }
}

#[tokio::test]
async fn a_config_that_is_gone_breaks_no_pull() {
    let server = signing().await;
    let (manifest, _) = push_described(&server, "a", "v1").await;
    for stored in server.bytes.list(None, 1_000).await.unwrap().items {
        server.bytes.delete(&stored.location).await.unwrap();
    }
    let answer = server.call("GET /v2/a/manifests/v1", &[("Accept", SIGNED)], b"").await.expect(200);
    assert_eq!(answer.body, manifest);
}

#[tokio::test]
async fn an_image_comes_back_under_another_tag_as_a_signed_copy() {
    let image = async |server: &Server| {
        server.push_image("a", "v1", b"layer").await;
        let built = server.call("GET /v2/a/manifests/v1", &[("Accept", UNSIGNED)], b"").await.expect(200);
        let line = "PUT /v2/a/manifests/v1";
        server.call(line, &[("Content-Type", UNSIGNED)], &built.body).await.expect(201);
        (json!({ "digest": sha256(&built.body).to_string() }).to_string(), read(UNSIGNED, &built.body))
    };
    let (moving, restoring) = ("PUT /v2/a/_manifestd/tags/back", "POST /v2/a/_manifestd/tags/back/restore");
    let server = signing().await;
    let (ask, original) = image(&server).await;
    server.call(moving, &[], &ask).await.refused(400, "MANIFEST_INVALID");
    let restored = server.call(restoring, &[], &ask).await.expect(200).json();
    let answer = server.ask("GET /v2/a/manifests/back").await.expect(200);
    assert_eq!(restored["digest"], answer.header("docker-content-digest"));
    assert_eq!((restored["displaced"].clone(), answer.header("content-type")), (Value::Null, SIGNED));
    let copy = read(SIGNED, &answer.body);
    assert_eq!((verify(&copy).unwrap().len(), copy.embedded_tag()), (1, Some("back")));
    assert_eq!(copy.blobs(), original.blobs());
    // Once more is the same again, though signatures differ from one to the next.
    assert_eq!(server.call(restoring, &[], &ask).await.expect(200).json()["digest"], restored["digest"]);
    let history = server.ask("GET /v2/a/_manifestd/history?tag=back").await.expect(200).json();
    assert_eq!(history["history"][0]["reversion"], true);

    let server = Server::start().await;
    let (ask, _) = image(&server).await;
    server.call(restoring, &[], &ask).await.refused(400, "MANIFEST_INVALID");
}

#[tokio::test]
async fn without_a_key_nothing_is_signed() {
    let server = Server::start().await;
    let manifest = server.push_image("a", "v1", b"layer").await;
    let both = format!("{SIGNED}, {UNSIGNED}");
    let answer = server.call("GET /v2/a/manifests/v1", &[("Accept", &both)], b"").await.expect(200);
    assert_eq!(answer.header("content-type"), UNSIGNED);
    let answer = server.call("GET /v2/a/manifests/v1", &[("Accept", SIGNED)], b"").await.expect(200);
    assert_eq!(answer.body, manifest);
}

/// The cases of the golden vectors: text, and what it is.
fn cases() -> Vec<(String, String, String)> {
    let all: Vec<Value> =
        serde_json::from_str(include_str!("../../../manifest-vectors/vectors/d_schema1_signed.json")).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    all.iter().map(|case| (text(&case["name"]), text(&case["kind"]), text(&case["inputs"]["manifest"]))).collect()
}

/// Where a manifest says that it belongs.
fn place(manifest: &str) -> (String, String) {
    let value: Value = serde_json::from_str(manifest).unwrap();
    let member = |name: &str| value[name].as_str().unwrap_or("v1").to_owned();
    (member("name"), member("tag"))
}

#[tokio::test]
async fn what_is_not_what_somebody_signed_is_refused() {
    let policy = Policy { references: References::Unchecked, ..Policy::default() };
    let server = Setup { policy, ..Setup::default() }.start().await;
    let mut kinds = std::collections::BTreeSet::new();
    for (name, kind, manifest) in cases() {
        // What stands outside of the signed text, Quay takes; here it is refused (semantics 7).
        let is_unsigned_part = ["valid-extra-unsigned-field", "valid-duplicate-key-after"].contains(&kind.as_str());
        if !(kind.starts_with("invalid-") || is_unsigned_part) {
            continue;
        }
        let (repository, tag) = place(&manifest);
        for media_type in [SIGNED, UNSIGNED, "application/json"] {
            let line = format!("PUT /v2/{repository}/manifests/{tag}");
            let answer = server.call(&line, &[("Content-Type", media_type)], &manifest).await;
            let (status, code) = answer.refusal();
            assert_eq!(status, 400, "{name}");
            let expected: &[&str] = match kind.as_str() {
                "invalid-signature"
                | "invalid-wrong-key"
                | "invalid-second-signature"
                | "invalid-alg-none"
                | "invalid-alg-unknown"
                | "invalid-alg-hs256" => &["MANIFEST_UNVERIFIED"],
                // The text that was signed cannot be rebuilt, or is no manifest.
                "invalid-payload" | "invalid-formatlength" | "invalid-formattail" | "invalid-whitespace" => {
                    &["MANIFEST_UNVERIFIED", "MANIFEST_INVALID"]
                }
                _ if is_unsigned_part => &["MANIFEST_UNVERIFIED", "MANIFEST_INVALID"],
                _ => &["MANIFEST_INVALID"],
            };
            assert!(expected.contains(&code.as_str()), "{name}: {code} {}", answer.text());
        }
        kinds.insert(kind);
    }
    assert_eq!(kinds.len(), 16, "{kinds:?}");
    let totals = server.totals().await;
    assert_eq!((totals.manifests, totals.tags, totals.repositories), (0, 0, 0));
}

#[tokio::test]
async fn what_somebody_signed_is_stored_to_the_byte() {
    let mut stored = 0;
    for (name, kind, manifest) in cases() {
        if !["valid-rs256", "valid-es256", "valid-two-signatures", "unsigned"].contains(&kind.as_str()) {
            continue;
        }
        // Of texts that differ in their signatures alone, the first stays.
        let policy = Policy { references: References::Unchecked, ..Policy::default() };
        let server = Setup { policy, ..Setup::default() }.start().await;
        let (repository, tag) = place(&manifest);
        let line = format!("PUT /v2/{repository}/manifests/{tag}");
        let pushed = server.call(&line, &[("Content-Type", SIGNED)], &manifest).await.expect(201);
        let media_type = if kind == "unsigned" { UNSIGNED } else { SIGNED };
        let document = read(media_type, manifest.as_bytes());
        let digest = document.digest(Algorithm::Sha256);
        assert_eq!(pushed.header("docker-content-digest"), digest.to_string(), "{name}");
        for reference in [tag.as_str(), &digest.to_string()] {
            let answer = server.ask(&format!("GET /v2/{repository}/manifests/{reference}")).await.expect(200);
            assert_eq!(
                (answer.text().as_str(), answer.header("content-type")),
                (manifest.as_str(), media_type),
                "{name}"
            );
            assert_eq!(answer.header("docker-content-digest"), digest.to_string());
        }
        // Under another name or tag it is refused (quay-semantics, sections 5.2 and 10).
        let headers = [("Content-Type", SIGNED)];
        let other = format!("PUT /v2/{repository}/manifests/another");
        server.call(&other, &headers, &manifest).await.refused(400, "MANIFEST_INVALID");
        server
            .call(&format!("PUT /v2/another/manifests/{tag}"), &headers, &manifest)
            .await
            .refused(400, "NAME_INVALID");
        stored += 1;
    }
    assert_eq!(stored, 13);
}
