use super::*;
use crate::policy::Policy;
use crate::ports::{Fetched, Found, SupportLink, SupportNode};
use crate::service::testing::{Mocks, NOW, allowing, cx, digest, done, repository, tag};
use bytes::Bytes;
use oci_types::MediaType;

fn node(via: Option<usize>, deleted: Option<i64>, ends: &[i64]) -> SupportNode {
    let tags = ends.iter().map(|end| (tag("v1"), *end)).collect();
    let via = via.map(|from| (from, SupportLink::Parent));
    SupportNode { digest: digest("m"), via, deleted, pinned_until: i64::MAX, tags }
}

fn found() -> Fetched {
    Fetched::Found(Found {
        digest: digest("m"),
        media_type: MediaType::from_static(MediaType::OCI_MANIFEST),
        size: 1,
        bytes: Some(Bytes::from_static(b"m")),
        tag: None,
    })
}

#[test]
fn only_alive_tags_hold_and_only_through_what_is_undeleted() {
    let check = |nodes: Vec<SupportNode>, more: bool, expected: bool| {
        assert_eq!(is_tagged(&Support { nodes: nodes.clone(), more }, 100), expected, "{nodes:?} {more}");
    };
    check(vec![node(None, None, &[])], false, false);
    check(vec![node(None, None, &[])], true, true);
    check(vec![node(None, None, &[100])], false, false);
    check(vec![node(None, None, &[50, 101])], false, true);
    check(vec![node(None, None, &[]), node(Some(0), None, &[101])], false, true);
    check(vec![node(None, None, &[]), node(Some(0), Some(100), &[101])], false, false);
    check(vec![node(None, None, &[]), node(Some(0), Some(5), &[]), node(Some(1), None, &[101])], false, false);
    check(vec![node(None, Some(5), &[101])], false, false);
}

#[tokio::test]
async fn a_time_that_has_not_come_is_refused_before_anything_is_looked_up() {
    let early = Mocks::default().registry().manifest_at(&cx(), &repository(), &tag("v1"), NOW + 1).await;
    assert!(matches!(early, Err(ManifestAtError::Future { now: NOW, .. })));

    let mut mocks = Mocks::default();
    mocks.manifests.expect_fetch().withf(|ask| ask.at == Some(5)).return_once(|_| Ok(found()));
    assert_eq!(mocks.registry().manifest_at(&cx(), &repository(), &tag("v1"), 5).await.unwrap().digest, digest("m"));

    let mut mocks = Mocks::default();
    mocks.manifests.expect_fetch().return_once(|_| Ok(Fetched::Unknown));
    let before = mocks.registry().manifest_at(&cx(), &repository(), &tag("v1"), 4).await;
    assert!(matches!(before, Err(ManifestAtError::Fetch(FetchError::ManifestUnknown { .. }))));
}

#[tokio::test]
async fn what_is_not_served_is_for_administrators() {
    let registry = Mocks::default().registry_under(Policy::default(), allowing(|action| action == Action::Pull));
    let refused = registry.manifest_any(&cx(), &repository(), &digest("m")).await;
    assert!(matches!(refused, Err(FetchError::Access(_))));

    let mut mocks = Mocks::default();
    mocks.manifests.expect_fetch().withf(|ask| ask.liveness == Liveness::Any).return_once(|_| Ok(found()));
    let registry = mocks.registry_under(Policy::default(), allowing(|action| action == Action::Admin));
    assert!(registry.manifest_any(&cx(), &repository(), &digest("m")).await.is_ok());
}

#[tokio::test]
async fn a_strict_policy_asks_what_holds_a_manifest() {
    let lookup = |nodes: Vec<SupportNode>| async move {
        let mut mocks = Mocks::default();
        mocks.manifests.expect_fetch().return_once(|_| Ok(found()));
        mocks
            .manifests
            .expect_support()
            .withf(|ask| ask.window == 0)
            .return_once(|_| Ok(Some(Support { nodes, more: false })));
        let strict = Policy { strict_lookup: true, ..Policy::default() };
        let registry = mocks.registry_under(strict, allowing(|action| action == Action::Pull));
        registry.manifest(&cx(), &repository(), &Reference::Digest(digest("m"))).await
    };
    assert!(lookup(vec![node(None, None, &[NOW + 1])]).await.is_ok());
    let pinned = lookup(vec![node(None, None, &[])]).await;
    assert!(matches!(pinned, Err(FetchError::ManifestUnknown { .. })));
}

#[tokio::test]
async fn what_is_required_is_pinned() {
    let mut mocks = Mocks::default();
    mocks.manifests.expect_fetch().withf(|ask| ask.liveness == Liveness::Undeleted).return_once(|_| Ok(found()));
    mocks
        .manifests
        .expect_apply()
        .withf(|plan| plan.pin.is_some_and(|pin| pin.until == NOW + 5) && plan.manifest.is_none())
        .return_once(|_| Ok(done()));
    let required = mocks.registry().require_available(&cx(), &repository(), &digest("m"), Lookup::Any, NOW + 5).await;
    assert_eq!(required.unwrap().digest, digest("m"));

    let mut mocks = Mocks::default();
    let mut answers = vec![Fetched::Unknown, found()];
    mocks.manifests.expect_fetch().times(2).returning(move |_| Ok(answers.pop().unwrap_or(Fetched::Unknown)));
    mocks.answer(Applied::ManifestGone);
    let registry = mocks.registry();
    let gone = registry.require_available(&cx(), &repository(), &digest("m"), Lookup::Visible, NOW + 5).await;
    assert!(matches!(gone, Err(RequireError::Fetch(FetchError::ManifestUnknown { .. }))));

    let mut mocks = Mocks::default();
    mocks.manifests.expect_fetch().return_once(|_| Ok(found()));
    mocks.answer(Applied::ReadOnly);
    let registry = mocks.registry();
    let closed = registry.require_available(&cx(), &repository(), &digest("m"), Lookup::Visible, NOW + 5).await;
    assert!(matches!(closed, Err(RequireError::ReadOnly(_))));
}
