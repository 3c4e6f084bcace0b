//! Two walks, one question: what the use case asks the port, and what it makes of the answers.

use super::Hold;
use crate::access::{Context, Decision, MockAuthorizer};
use crate::policy::Policy;
use crate::ports::{
    MockBlobStore, MockBlobs, MockCollection, MockListings, MockManifests, MockRecords, MockRepositories, MockUploads,
    Ports, Support, SupportNode,
};
use crate::service::{FetchError, Registry, Why};
use crate::time::Millis;
use oci_types::{Algorithm, Digest};
use std::sync::Arc;

const NOW: Millis = 10_000_000_000;

fn digest() -> Digest {
    Digest::of(Algorithm::Sha256, b"a manifest")
}

fn node(deleted: Option<Millis>, ended: Millis) -> SupportNode {
    let tags = vec![("v1".parse().unwrap(), ended)];
    SupportNode { digest: digest(), via: None, deleted, pinned_until: 0, tags }
}

fn registry(manifests: MockManifests, decision: Decision) -> Registry {
    let mut access = MockAuthorizer::new();
    access.expect_decide().returning(move |_, _| Ok(vec![decision]));
    let ports = Ports {
        manifests: Arc::new(manifests),
        listings: Arc::new(MockListings::new()),
        repositories: Arc::new(MockRepositories::new()),
        blobs: Arc::new(MockBlobs::new()),
        uploads: Arc::new(MockUploads::new()),
        collection: Arc::new(MockCollection::new()),
        records: Arc::new(MockRecords::new()),
        bytes: Arc::new(MockBlobStore::new()),
        access: Arc::new(access),
    };
    Registry::new(ports, Policy::default())
}

/// Asks about one manifest alone.
async fn why(node: SupportNode) -> Why {
    let window = Policy::default().history_window;
    let mut manifests = MockManifests::new();
    for expected in [0, window] {
        let node = node.clone();
        manifests
            .expect_support()
            .times(1)
            .withf(move |ask| (ask.digest, ask.now, ask.window) == (digest(), NOW, expected))
            .returning(move |_| Ok(Some(Support { nodes: vec![node.clone()], more: false })));
    }
    let registry = registry(manifests, Decision::Allow);
    registry.why(&Context::anonymous(NOW), &"a".parse().unwrap(), &digest()).await.unwrap()
}

#[tokio::test]
async fn a_tag_that_ended_retains_and_does_not_serve() {
    let window = Policy::default().history_window;
    let ended = why(node(None, NOW - 1)).await;
    assert_eq!((ended.visible.is_some(), ended.goes(), ended.stays()), (false, Some(NOW - 1 + window), false));
    let alive = why(node(None, NOW + 1)).await;
    assert_eq!((alive.visible.is_some(), alive.goes()), (true, Some(NOW + 1 + window)));
    let over = why(node(None, NOW - window)).await;
    assert_eq!((over.visible, over.retained), (None, None));
}

#[tokio::test]
async fn what_is_deleted_is_not_served_whatever_holds_it() {
    let why = why(node(Some(NOW - 5), NOW + 1)).await;
    assert_eq!((why.deleted, why.visible), (Some(NOW - 5), None));
    assert_eq!(why.retained.unwrap().hold, Hold::Deletion { deleted: NOW - 5 });
}

#[tokio::test]
async fn what_is_not_there_is_unknown_and_what_is_hidden_too() {
    let mut manifests = MockManifests::new();
    manifests.expect_support().returning(|_| Ok(None));
    let ask = async |registry: Registry| {
        registry.why(&Context::anonymous(NOW), &"a".parse().unwrap(), &digest()).await.unwrap_err()
    };
    assert!(matches!(ask(registry(manifests, Decision::Allow)).await, FetchError::ManifestUnknown { .. }));
    let hidden = ask(registry(MockManifests::new(), Decision::Hide)).await;
    assert!(matches!(hidden, FetchError::RepositoryUnknown(_)));
}
