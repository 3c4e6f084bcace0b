//! The use case of a push, with nothing but mocks: what it asks whom, and what it makes of the answers.

use super::{Push, PushError};
use crate::access::{AccessAsk, AccessRefusal, Action, Context, Decision, MockAuthorizer};
use crate::error::{PortError, PortErrorKind};
use crate::facts::{PushFacts, RepositoryState};
use crate::plan::{Applied, Guard, PushTarget, Rejection};
use crate::policy::{Policy, References};
use crate::ports::MockManifests;
use crate::service::Registry;
use crate::service::testing::{Mocks, allowing};
use bytes::Bytes;
use mockall::Sequence;
use oci_types::{Algorithm, Digest, MediaType};
use std::collections::{BTreeMap, BTreeSet};

const NOW: i64 = 1_000_000;
const EMPTY_INDEX: &str = r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}"#;

fn registry(manifests: MockManifests, access: MockAuthorizer, policy: Policy) -> Registry {
    Mocks { manifests, ..Mocks::default() }.registry_under(policy, access)
}

fn allow_all() -> MockAuthorizer {
    allowing(|_| true)
}

fn open() -> PushFacts {
    PushFacts::nothing_in(RepositoryState::Open)
}

fn push(bytes: &str) -> Push {
    Push {
        repository: "team/app".parse().unwrap(),
        target: PushTarget::Tag { name: "v1".parse().unwrap(), guard: Guard::Any },
        content_type: None,
        bytes: Bytes::from(bytes.to_owned()),
    }
}

fn done() -> Applied {
    Applied::Done { created: true, displaced: BTreeMap::new() }
}

#[tokio::test]
async fn a_push_asks_once_and_applies_what_it_planned() {
    let mut manifests = MockManifests::new();
    manifests.expect_push_facts().times(1).returning(|_| Ok(open()));
    manifests.expect_apply().times(1).withf(|plan| plan.now == NOW && plan.tags.len() == 1).returning(|_| Ok(done()));
    let registry = registry(manifests, allow_all(), Policy::default());
    let pushed = registry.push(&Context::anonymous(NOW), &push(EMPTY_INDEX)).await.unwrap();
    assert!(pushed.created);
    assert_eq!(pushed.digest, Digest::of(Algorithm::Sha256, EMPTY_INDEX.as_bytes()));
    assert_eq!(pushed.media_type.as_str(), MediaType::OCI_INDEX);
}

#[tokio::test]
async fn a_stale_plan_goes_back_to_facts_and_gives_up_at_last() {
    let mut manifests = MockManifests::new();
    let mut order = Sequence::new();
    manifests.expect_push_facts().returning(|_| Ok(open()));
    for answer in [Applied::ManifestGone, Applied::RepositoryGone, done()] {
        manifests.expect_apply().times(1).in_sequence(&mut order).return_once(move |_| Ok(answer));
    }
    let twice_stale = registry(manifests, allow_all(), Policy::default());
    assert!(twice_stale.push(&Context::anonymous(NOW), &push(EMPTY_INDEX)).await.is_ok());

    let mut manifests = MockManifests::new();
    manifests.expect_push_facts().returning(|_| Ok(open()));
    manifests.expect_apply().times(crate::service::ATTEMPTS).returning(|_| Ok(Applied::ManifestGone));
    let always_stale = registry(manifests, allow_all(), Policy::default());
    let given_up = always_stale.push(&Context::anonymous(NOW), &push(EMPTY_INDEX)).await;
    assert!(matches!(given_up, Err(PushError::Contended)));
}

#[tokio::test]
async fn ids_that_are_taken_are_asked_about() {
    let mut manifests = MockManifests::new();
    let mut order = Sequence::new();
    let taken = BTreeSet::from(["x".to_owned()]);
    for (asked, answer) in [(BTreeSet::new(), Applied::ImagesTaken(taken.clone())), (taken, done())] {
        let facts = manifests.expect_push_facts().times(1).in_sequence(&mut order);
        facts.withf(move |ask| ask.legacy_images == asked).returning(|_| Ok(open()));
        manifests.expect_apply().times(1).in_sequence(&mut order).return_once(move |_| Ok(answer));
    }
    let registry = registry(manifests, allow_all(), Policy::default());
    assert!(registry.push(&Context::anonymous(NOW), &push(EMPTY_INDEX)).await.unwrap().created);
}

#[tokio::test]
async fn nobody_is_asked_about_facts_before_the_authorizer_has_decided() {
    let check = |decision: Decision, expected: fn(&PushError) -> bool| async move {
        let mut access = MockAuthorizer::new();
        access.expect_decide().returning(move |_, asks| Ok(vec![decision; asks.len()]));
        // A mock without expectations panics when it is called.
        let registry = registry(MockManifests::new(), access, Policy::default());
        let error = registry.push(&Context::anonymous(NOW), &push("not even json")).await.unwrap_err();
        assert!(expected(&error), "{decision:?}: {error:?}");
    };
    check(
        Decision::Challenge,
        |error| matches!(error, PushError::Access(AccessRefusal::Challenge(asks)) if asks.len() == 3),
    )
    .await;
    check(Decision::Deny, |error| {
        matches!(error, PushError::Access(AccessRefusal::Denied(AccessAsk { action: Action::Push, .. })))
    })
    .await;
    check(Decision::Hide, |error| matches!(error, PushError::RepositoryUnknown(_))).await;
}

#[tokio::test]
async fn an_authorizer_that_decides_too_little_allows_nothing() {
    let mut access = MockAuthorizer::new();
    access.expect_decide().returning(|_, _| Ok(vec![Decision::Allow]));
    let registry = registry(MockManifests::new(), access, Policy::default());
    let error = registry.push(&Context::anonymous(NOW), &push(EMPTY_INDEX)).await.unwrap_err();
    assert!(matches!(error, PushError::Port(error) if error.kind() == PortErrorKind::Internal));
}

#[tokio::test]
async fn what_is_wrong_with_the_bytes_is_said_before_facts_are_taken() {
    let refuse = |push: Push, policy: Policy| async move {
        registry(MockManifests::new(), allow_all(), policy).push(&Context::anonymous(NOW), &push).await.unwrap_err()
    };
    let small = Policy { max_manifest_bytes: 10, ..Policy::default() };
    assert!(matches!(refuse(push(EMPTY_INDEX), small).await, PushError::TooLarge { limit: 10, .. }));
    assert!(matches!(refuse(push("{"), Policy::default()).await, PushError::Document(_)));
    let digest = Digest::of(Algorithm::Sha512, b"something else");
    let target = PushTarget::Digest { digest, tags: BTreeSet::new() };
    let wrong = refuse(Push { target, ..push(EMPTY_INDEX) }, Policy::default()).await;
    assert!(matches!(wrong, PushError::DigestMismatch { expected, .. } if expected == digest));
    let tags = (0..101).map(|n| format!("t{n}").parse().unwrap()).collect();
    let digest = Digest::of(Algorithm::Sha256, EMPTY_INDEX.as_bytes());
    let many = Push { target: PushTarget::Digest { digest, tags }, ..push(EMPTY_INDEX) };
    assert!(matches!(refuse(many, Policy::default()).await, PushError::TooManyTags { found: 101, limit: 100 }));
}

#[tokio::test]
async fn a_failing_port_is_passed_on_and_nothing_is_applied() {
    let mut manifests = MockManifests::new();
    manifests.expect_push_facts().returning(|_| Err(PortError::new(PortErrorKind::Unavailable, "facts")));
    let registry = registry(manifests, allow_all(), Policy::default());
    let error = registry.push(&Context::anonymous(NOW), &push(EMPTY_INDEX)).await.unwrap_err();
    assert!(matches!(error, PushError::Port(error) if error.is_retryable()));
}

#[tokio::test]
async fn an_explanation_writes_nothing() {
    let mut manifests = MockManifests::new();
    manifests.expect_push_facts().returning(|_| Ok(PushFacts { repository: RepositoryState::ReadOnly, ..open() }));
    let policy = Policy { references: References::Unchecked, ..Policy::default() };
    let registry = registry(manifests, allow_all(), policy);
    let explained = registry.explain_push(&Context::anonymous(NOW), &push(EMPTY_INDEX)).await.unwrap();
    assert_eq!(explained.outcome, Err(Rejection::ReadOnly));
    assert_eq!(explained.ask.tags.len(), 1);
}
