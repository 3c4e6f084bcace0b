//! What a conversion to schema 1 costs: once, whoever asks how often, and no thread that others wait for.

use crate::images::{descriptor, image, sha256};
use crate::server::{Server, Setup};
use async_trait::async_trait;
use manifest_core::access::{AccessAsk, Authorizer, Caller, Decision, ReadScope};
use manifest_core::policy::References;
use manifest_core::service::{Work, Workers};
use manifest_core::{Policy, Port};
use oci_types::MediaType;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::Notify;

const SIGNED: &str = MediaType::DOCKER_SCHEMA1_SIGNED;
const UNSIGNED: &str = MediaType::DOCKER_SCHEMA1;

/// Counts what it runs. Begins when the authorizer was asked so often.
#[derive(Default)]
struct Gate {
    ran: AtomicUsize,
    opens_at: AtomicUsize,
    asked: AtomicUsize,
    changed: Notify,
}

#[async_trait]
impl Workers for Gate {
    async fn run(&self, work: Work) {
        self.ran.fetch_add(1, Ordering::SeqCst);
        loop {
            let changed = self.changed.notified();
            if self.asked.load(Ordering::SeqCst) >= self.opens_at.load(Ordering::SeqCst) {
                break;
            }
            changed.await;
        }
        work();
    }
}

/// Allows everything and counts.
struct Counted(Arc<Gate>);

#[async_trait]
impl Authorizer for Counted {
    async fn decide(&self, _: &Caller, asks: &[AccessAsk]) -> Port<Vec<Decision>> {
        self.0.asked.fetch_add(1, Ordering::SeqCst);
        self.0.changed.notify_waiters();
        Ok(vec![Decision::Allow; asks.len()])
    }

    async fn read_scope(&self, _: &Caller) -> Port<ReadScope> {
        Ok(ReadScope::All)
    }
}

async fn start() -> (Server, Arc<Gate>) {
    let gate = Arc::new(Gate::default());
    let setup = Setup {
        access: Arc::new(Counted(Arc::clone(&gate))),
        workers: Some(Arc::<Gate>::clone(&gate)),
        ..Setup::default()
    };
    (setup.start().await, gate)
}

/// A config that is worth a thread of its own.
fn large_config() -> Vec<u8> {
    let words = "x".repeat(100_000);
    let config = json!({
        "architecture": "amd64", "os": "linux", "rootfs": { "type": "layers", "diff_ids": [] },
        "history": [{ "created_by": words }],
    });
    config.to_string().into_bytes()
}

#[tokio::test]
async fn what_cannot_be_converted_is_tried_once() {
    let (server, gate) = start().await;
    let config = large_config();
    server.push_blob("a", &config).await;
    let mut remote = image(&config, b"elsewhere");
    remote["layers"][0]["mediaType"] = MediaType::OCI_NONDISTRIBUTABLE_LAYER_GZIP.into();
    remote["layers"][0]["urls"] = json!(["https://example.com/layer"]);
    server.put("a", "v1", &remote).await.expect(201);
    for line in ["GET /v2/a/manifests/v1", "GET /v2/a/manifests/v1", "HEAD /v2/a/manifests/v1"] {
        let answer = server.call(line, &[("Accept", UNSIGNED)], b"").await.expect(200);
        assert_eq!(answer.header("docker-content-digest"), sha256(remote.to_string().as_bytes()).to_string());
        assert_eq!(gate.ran.load(Ordering::SeqCst), 1, "{line}");
    }
}

/// A child that is missing may still come, so that it is missing is no answer for ever.
#[tokio::test]
async fn what_can_be_converted_later_is_tried_again() {
    let policy = Policy { references: References::SparseIndex, ..Policy::default() };
    let server = Setup { policy, ..Setup::default() }.start().await;
    let config = large_config();
    server.push_blob("a", &config).await;
    server.push_blob("a", b"layer").await;
    let child = image(&config, b"layer");
    let mut entry = descriptor(MediaType::OCI_MANIFEST, child.to_string().as_bytes());
    entry["platform"] = json!({ "architecture": "amd64", "os": "linux" });
    let index = json!({ "schemaVersion": 2, "mediaType": MediaType::OCI_INDEX, "manifests": [entry] });
    server.put("a", "v1", &index).await.expect(201);
    let ask = async || server.call("GET /v2/a/manifests/v1", &[("Accept", UNSIGNED)], b"").await.expect(200);
    assert_eq!(ask().await.header("content-type"), MediaType::OCI_INDEX);
    server.put("a", "child", &child).await.expect(201);
    assert_eq!(ask().await.header("content-type"), UNSIGNED);
}

/// Its text has more than the config has, for it stands in there.
#[tokio::test]
async fn what_would_be_larger_than_a_manifest_may_be_is_not_built() {
    let config = large_config();
    for (limit, media_type) in [(90_000, MediaType::OCI_MANIFEST), (4 << 20, UNSIGNED)] {
        let policy = Policy { max_manifest_bytes: limit, ..Policy::default() };
        let server = Setup { policy, ..Setup::default() }.start().await;
        server.push_blob("a", &config).await;
        server.push_blob("a", b"layer").await;
        server.put("a", "v1", &image(&config, b"layer")).await.expect(201);
        let answer = server.call("GET /v2/a/manifests/v1", &[("Accept", UNSIGNED)], b"").await.expect(200);
        assert_eq!(answer.header("content-type"), media_type);
    }
}

#[tokio::test]
async fn of_those_who_ask_at_once_one_converts() {
    let (server, gate) = start().await;
    let config = large_config();
    server.push_blob("a", &config).await;
    server.push_blob("a", b"layer").await;
    server.put("a", "v1", &image(&config, b"layer")).await.expect(201);
    // Each request asks twice: for the manifest, and for the form. Nothing is built before all have come so far.
    let before = gate.asked.load(Ordering::SeqCst);
    gate.opens_at.store(before + 2 * 8, Ordering::SeqCst);
    let ask = || server.call("GET /v2/a/manifests/v1", &[("Accept", UNSIGNED)], b"");
    let answers = futures_util::future::join_all((0..8).map(|_| ask())).await;
    for answer in answers {
        assert_eq!(answer.expect(200).header("content-type"), UNSIGNED);
    }
    assert_eq!(gate.ran.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn large_manifests_are_read_elsewhere() {
    let (server, gate) = start().await;
    let digest = server.push_blob("a", b"layer").await.to_string();
    let manifest = |words: usize| {
        let metadata = json!({ "id": "one", "comment": "x".repeat(words) }).to_string();
        let fs_layers = json!([{ "blobSum": digest }]);
        let manifest = json!({
            "schemaVersion": 1, "name": "a", "tag": "v1", "architecture": "amd64", "fsLayers": fs_layers,
            "history": [{ "v1Compatibility": metadata }],
        });
        manifest.to_string()
    };
    for (words, ran) in [(10, 0), (100_000, 1)] {
        server.call("PUT /v2/a/manifests/v1", &[("Content-Type", SIGNED)], manifest(words)).await.expect(201);
        assert_eq!(gate.ran.load(Ordering::SeqCst), ran);
    }
}
