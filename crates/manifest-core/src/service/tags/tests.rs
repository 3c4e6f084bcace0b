use super::TagError;
use crate::access::{AccessRefusal, Action};
use crate::facts::{PushFacts, RepositoryState};
use crate::plan::{Applied, Guard, ManifestChange, TagChange};
use crate::policy::Policy;
use crate::ports::{Fetched, Found, Liveness};
use crate::service::testing::{Mocks, NOW, allowing, cx, digest, done, holding, pointing, repository, tag};
use crate::service::{ATTEMPTS, Retagged};
use crate::time::NEVER;
use bytes::Bytes;
use oci_types::MediaType;
use std::collections::{BTreeMap, BTreeSet};

#[tokio::test]
async fn a_retag_asks_once_and_tells_what_it_displaced() {
    let mut mocks = Mocks::default();
    mocks.know(holding(MediaType::OCI_MANIFEST));
    let point = |change: &TagChange| matches!(change, TagChange::Point { reversion: false, .. });
    let displaced = BTreeMap::from([(tag("v1"), digest("old"))]);
    mocks
        .manifests
        .expect_apply()
        .times(1)
        .withf(move |plan| plan.now == NOW && plan.manifest.is_none() && plan.tags.iter().all(point))
        .return_once(|_| Ok(Applied::Done { created: false, displaced }));
    let done = mocks.registry().retag(&cx(), &repository(), &tag("v1"), &digest("new"), Guard::Any).await.unwrap();
    let expected = Retagged {
        digest: digest("new"),
        displaced: Some(digest("old")),
        expires: Some(NEVER),
        immutable: false,
        revived: false,
    };
    assert_eq!(done, expected);
}

#[tokio::test]
async fn a_restore_revives_or_names_what_is_gone() {
    let deleted = || {
        let mut facts = holding(MediaType::OCI_MANIFEST);
        facts.existing.as_mut().unwrap().deleted = true;
        let mut mocks = Mocks::default();
        mocks.know(facts);
        mocks
    };
    let mut mocks = deleted();
    let keeps = Some(ManifestChange::Keep(digest("m")));
    mocks.manifests.expect_apply().withf(move |plan| plan.manifest == keeps).return_once(|_| Ok(done()));
    let back = mocks.registry().restore(&cx(), &repository(), &tag("v1"), &digest("m"), Guard::Any).await.unwrap();
    assert!(back.revived);

    let lacking = |applied: Applied| async move {
        let mut mocks = deleted();
        mocks.answer(applied);
        mocks.registry().restore(&cx(), &repository(), &tag("v1"), &digest("m"), Guard::Any).await.unwrap_err()
    };
    let gone = BTreeSet::from([digest("layer")]);
    let blobs = lacking(Applied::MissingBlobs(gone.clone())).await;
    assert!(matches!(&blobs, TagError::Gone { blobs, children, .. } if *blobs == gone && children.is_empty()));
    let children = lacking(Applied::MissingChildren(gone.clone())).await;
    assert!(matches!(&children, TagError::Gone { blobs, children, .. } if blobs.is_empty() && *children == gone));
    assert!(blobs.to_string().ends_with("1 blob and 0 manifests that it needs are gone"), "{blobs}");

    let refused = deleted().registry().retag(&cx(), &repository(), &tag("v1"), &digest("m"), Guard::Any).await;
    assert!(matches!(refused, Err(TagError::ManifestUnknown { .. })), "a deleted manifest is restored, not tagged");
}

#[tokio::test]
async fn schema_1_is_read_for_the_tag_that_it_carries() {
    let text = r#"{"schemaVersion":1,"name":"team/app","tag":"v2","architecture":"amd64",
        "fsLayers":[{"blobSum":"sha256:a3ed95caeb02ffe68cdd9fd84406680ae93d633cb16422d00e8a7c22955b46d4"}],
        "history":[{"v1Compatibility":"{\"id\":\"a\"}"}]}"#;
    let mut mocks = Mocks::default();
    mocks.know(holding(MediaType::DOCKER_SCHEMA1));
    let found = Found {
        digest: digest(text),
        media_type: MediaType::from_static(MediaType::DOCKER_SCHEMA1),
        size: text.len() as u64,
        bytes: Some(Bytes::from_static(text.as_bytes())),
        tag: None,
    };
    mocks
        .manifests
        .expect_fetch()
        .times(1)
        .withf(|ask| ask.liveness == Liveness::Any)
        .return_once(move |_| Ok(Fetched::Found(found)));
    let registry = mocks.registry();
    let refused = registry.retag(&cx(), &repository(), &tag("v1"), &digest(text), Guard::Any).await;
    assert!(matches!(refused, Err(TagError::EmbeddedTag { embedded, .. }) if embedded == "v2"));
}

#[tokio::test]
async fn a_stale_plan_goes_back_to_facts_and_gives_up_at_last() {
    let mut mocks = Mocks::default();
    mocks.know(holding(MediaType::OCI_MANIFEST));
    mocks.manifests.expect_apply().times(ATTEMPTS).returning(|_| Ok(Applied::ManifestGone));
    let given_up = mocks.registry().retag(&cx(), &repository(), &tag("v1"), &digest("m"), Guard::Any).await;
    assert!(matches!(given_up, Err(TagError::Contended)));
}

#[tokio::test]
async fn an_immutable_tag_that_points_there_stays_as_it_is() {
    let mut held = pointing(digest("m"));
    held.immutable = true;
    let mut mocks = Mocks::default();
    mocks.know(PushFacts { tags: BTreeMap::from([(tag("v1"), held)]), ..holding(MediaType::OCI_MANIFEST) });
    mocks.manifests.expect_apply().withf(|plan| plan.tags.is_empty()).return_once(|_| Ok(done()));
    let done = mocks.registry().retag(&cx(), &repository(), &tag("v1"), &digest("m"), Guard::Any).await.unwrap();
    assert_eq!((done.expires, done.immutable, done.displaced), (None, true, None));
}

#[tokio::test]
async fn who_may_not_overwrite_moves_no_tag_and_who_may_not_push_asks_nothing() {
    let mut mocks = Mocks::default();
    let tags = BTreeMap::from([(tag("v1"), pointing(digest("old")))]);
    mocks.know(PushFacts { tags, ..holding(MediaType::OCI_MANIFEST) });
    let registry = mocks.registry_under(Policy::default(), allowing(|action| action == Action::Push));
    let refused = registry.retag(&cx(), &repository(), &tag("v1"), &digest("m"), Guard::Any).await;
    assert!(matches!(refused, Err(TagError::OverwriteDenied(_))));

    let registry = Mocks::default().registry_under(Policy::default(), allowing(|action| action == Action::Pull));
    let refused = registry.restore(&cx(), &repository(), &tag("v1"), &digest("m"), Guard::Any).await;
    assert!(matches!(refused, Err(TagError::Access(AccessRefusal::Denied(_)))));
}

#[tokio::test]
async fn repositories_that_are_absent_or_read_only() {
    let refused = |state: RepositoryState| async move {
        let mut mocks = Mocks::default();
        mocks.know(PushFacts::nothing_in(state));
        mocks.registry().retag(&cx(), &repository(), &tag("v1"), &digest("m"), Guard::Any).await.unwrap_err()
    };
    assert!(matches!(refused(RepositoryState::Absent).await, TagError::RepositoryUnknown(_)));
    assert!(matches!(refused(RepositoryState::ReadOnly).await, TagError::ReadOnly(_)));
    assert!(matches!(refused(RepositoryState::Open).await, TagError::ManifestUnknown { .. }));
}
