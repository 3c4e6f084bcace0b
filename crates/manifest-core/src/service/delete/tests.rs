use super::DeleteError;
use crate::facts::PushFacts;
use crate::plan::{Applied, Guard, TagChange};
use crate::service::testing::{Mocks, cx, digest, done, holding, pointing, repository, tag};
use crate::service::{ATTEMPTS, Registry};
use oci_types::{MediaType, TagName};

/// A manifest at which those tags point, each immutable or not.
fn tagged(tags: &[(&str, bool)]) -> Mocks {
    let state = |immutable: bool| {
        let mut state = pointing(digest("m"));
        state.immutable = immutable;
        state
    };
    let tags_of = tags.iter().map(|(name, immutable)| (tag(name), state(*immutable))).collect();
    let mut mocks = Mocks::default();
    mocks.know(PushFacts { tags_of, ..holding(MediaType::OCI_MANIFEST) });
    mocks
}

async fn delete_tags_of(registry: Registry) -> Result<Vec<TagName>, DeleteError> {
    registry.delete_tags_of(&cx(), &repository(), &digest("m")).await
}

#[tokio::test]
async fn all_tags_of_a_manifest_end_and_are_named() {
    let mut mocks = tagged(&[("a", false), ("b", false)]);
    let ends = |change: &TagChange| matches!(change, TagChange::End { guard, .. } if *guard == Guard::Is(digest("m")));
    mocks
        .manifests
        .expect_apply()
        .withf(move |plan| plan.tags.iter().all(ends) && plan.displaced_until.is_some())
        .return_once(|_| Ok(done()));
    assert_eq!(delete_tags_of(mocks.registry()).await.unwrap(), [tag("a"), tag("b")]);

    let mut mocks = tagged(&[]);
    mocks.answer(done());
    assert_eq!(delete_tags_of(mocks.registry()).await.unwrap(), []);
}

#[tokio::test]
async fn one_immutable_tag_holds_them_all() {
    let refused = delete_tags_of(tagged(&[("a", false), ("b", true)]).registry()).await;
    assert!(matches!(refused, Err(DeleteError::Immutable(name)) if name == tag("b")));
}

#[tokio::test]
async fn a_manifest_that_is_deleted_has_no_tags_to_end() {
    let mut facts = holding(MediaType::OCI_MANIFEST);
    facts.existing.as_mut().unwrap().deleted = true;
    let mut mocks = Mocks::default();
    mocks.know(facts);
    assert!(matches!(delete_tags_of(mocks.registry()).await, Err(DeleteError::Unknown { .. })));
}

#[tokio::test]
async fn tags_that_move_all_the_time_are_given_up() {
    let mut mocks = tagged(&[("a", false)]);
    mocks.manifests.expect_apply().times(ATTEMPTS).returning(|_| Ok(Applied::GuardFailed(tag("a"))));
    assert!(matches!(delete_tags_of(mocks.registry()).await, Err(DeleteError::Contended)));
}
