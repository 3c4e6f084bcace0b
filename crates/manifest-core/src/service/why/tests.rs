//! Two walks, one question: what the use case asks the port, and what it makes of the answers.

use super::Hold;
use crate::access::{Action, Context, Decision, MockAuthorizer};
use crate::policy::Policy;
use crate::ports::{Support, SupportLink, SupportNode};
use crate::service::testing::{Mocks, allowing};
use crate::service::{FetchError, Registry, Why};
use crate::time::{Millis, NEVER};
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

/// Asks as somebody who may do that.
async fn why_for(support: Support, allowed: fn(Action) -> bool) -> Result<Why, FetchError> {
    let mut mocks = Mocks::default();
    mocks.manifests.expect_support().returning(move |_| Ok(Some(support.clone())));
    let registry = mocks.registry_under(Policy::default(), allowing(allowed));
    registry.why(&Context::anonymous(NOW), &"a".parse().unwrap(), &digest()).await
}

#[tokio::test]
async fn what_is_deleted_is_unknown_to_all_but_administrators() {
    let alone = |deleted| Support { nodes: vec![node(deleted, NOW + 1)], more: false };
    let pulls: fn(Action) -> bool = |action| action == Action::Pull;
    let unknown = why_for(alone(Some(NOW - 5)), |action| action != Action::Admin).await;
    assert!(matches!(unknown, Err(FetchError::ManifestUnknown { .. })), "{unknown:?}");
    assert_eq!(why_for(alone(Some(NOW - 5)), |_| true).await.unwrap().deleted, Some(NOW - 5));
    assert!(why_for(alone(None), pulls).await.unwrap().visible.is_some());
    let refused = why_for(alone(None), |action| action == Action::Admin).await;
    assert!(matches!(refused, Err(FetchError::Access(_))), "{refused:?}");
}

#[tokio::test]
async fn which_deleted_manifest_keeps_one_is_for_administrators() {
    let other = |name: &[u8]| Digest::of(Algorithm::Sha256, name);
    let above = |name, from, deleted, tags| SupportNode {
        digest: other(name),
        via: Some((from, SupportLink::Parent)),
        deleted,
        pinned_until: 0,
        tags,
    };
    let tags = vec![("v1".parse().unwrap(), NEVER)];
    let kept = SupportNode { tags: Vec::new(), ..node(None, 0) };
    // Under an index that is there, under one that was deleted, under one that is there.
    let nodes = vec![
        kept,
        above(b"index", 0, None, Vec::new()),
        above(b"deleted", 1, Some(NOW - 5), Vec::new()),
        above(b"top", 2, None, tags),
    ];
    let support = Support { nodes, more: false };
    let links = |why: Why| why.retained.unwrap().links.iter().map(|(_, digest)| *digest).collect::<Vec<_>>();
    let all = why_for(support.clone(), |_| true).await.unwrap();
    let (whole, until) = (links(all.clone()), all.goes());
    assert_eq!(whole[..2], [other(b"index"), other(b"deleted")]);
    let some = why_for(support, |action| action == Action::Pull).await.unwrap();
    assert_eq!((links(some.clone()), some.goes()), (vec![other(b"index")], until));
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
    hiding.expect_decide().returning(|_, asks| Ok(vec![Decision::Hide; asks.len()]));
    let hidden = ask(Mocks::default().registry_under(Policy::default(), hiding)).await;
    assert!(matches!(hidden, FetchError::RepositoryUnknown(_)));
}
