//! Two walks, one question: what the use case asks the port, and what it makes of the answers.

use super::Hold;
use crate::access::{Context, Decision, MockAuthorizer};
use crate::policy::Policy;
use crate::ports::{Support, SupportNode};
use crate::service::testing::Mocks;
use crate::service::{FetchError, Registry, Why};
use crate::time::Millis;
use oci_types::{Algorithm, Digest};

const NOW: Millis = 10_000_000_000;

fn digest() -> Digest {
    Digest::of(Algorithm::Sha256, b"a manifest")
}

fn node(deleted: Option<Millis>, ended: Millis) -> SupportNode {
    let tags = vec![("v1".parse().unwrap(), ended)];
    SupportNode { digest: digest(), via: None, deleted, pinned_until: 0, tags }
}

/// Asks about one manifest alone.
async fn why(node: SupportNode) -> Why {
    let window = Policy::default().history_window;
    let mut mocks = Mocks::default();
    for expected in [0, window] {
        let node = node.clone();
        mocks
            .manifests
            .expect_support()
            .times(1)
            .withf(move |ask| (ask.digest, ask.now, ask.window) == (digest(), NOW, expected))
            .returning(move |_| Ok(Some(Support { nodes: vec![node.clone()], more: false })));
    }
    mocks.registry().why(&Context::anonymous(NOW), &"a".parse().unwrap(), &digest()).await.unwrap()
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
    let ask = async |registry: Registry| {
        registry.why(&Context::anonymous(NOW), &"a".parse().unwrap(), &digest()).await.unwrap_err()
    };
    let missing = |there: bool| {
        let mut mocks = Mocks::default();
        mocks.manifests.expect_support().returning(|_| Ok(None));
        mocks.has_repository(there);
        mocks.registry()
    };
    assert!(matches!(ask(missing(true)).await, FetchError::ManifestUnknown { .. }));
    assert!(matches!(ask(missing(false)).await, FetchError::RepositoryUnknown(_)));
    let mut hiding = MockAuthorizer::new();
    hiding.expect_decide().returning(|_, _| Ok(vec![Decision::Hide]));
    let hidden = ask(Mocks::default().registry_under(Policy::default(), hiding)).await;
    assert!(matches!(hidden, FetchError::RepositoryUnknown(_)));
}
