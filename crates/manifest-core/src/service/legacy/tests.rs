use super::{LegacyImageError, MAX_TAGS_AT_ONCE};
use crate::access::{MockAuthorizer, ReadScope};
use crate::policy::Policy;
use crate::ports::{ImageTag, ImageTagsAsk, Page};
use crate::service::FindImageError;
use crate::service::testing::{Mocks, cx, repository, tag};

/// Tags `t0` to, not including, `count`, by pages.
fn page_of(count: usize, ask: &ImageTagsAsk) -> Page<ImageTag> {
    let name = |number: usize| tag(&format!("t{number:05}"));
    let start = ask.after.as_ref().map_or(0, |after| after.as_str()[1..].parse::<usize>().unwrap() + 1);
    let end = count.min(start + ask.limit as usize);
    let items = (start..end).map(|number| ImageTag { name: name(number), image: number.to_string() });
    Page { items: items.collect(), more: end < count }
}

#[tokio::test]
async fn so_many_tags_and_no_more_are_listed_at_once() {
    for (count, listed) in [(0, true), (2_500, true), (MAX_TAGS_AT_ONCE, true), (MAX_TAGS_AT_ONCE + 1, false)] {
        let mut mocks = Mocks::default();
        mocks.legacy_images.expect_image_tags().returning(move |ask| Ok(Some(page_of(count, ask))));
        match mocks.registry().all_legacy_tags(&cx(), &repository()).await {
            Ok(tags) => assert_eq!((tags.len(), true), (count, listed)),
            Err(LegacyImageError::TooManyTags(name)) => assert_eq!((name, false), (repository(), listed)),
            Err(error) => panic!("{error}"),
        }
    }
}

/// Whoever may list nothing may still pull by id what he may pull by name: the registry as a whole is not asked for.
#[tokio::test]
async fn to_look_for_an_image_is_no_look_at_the_catalogue() {
    let mut mocks = Mocks::default();
    let mut access = MockAuthorizer::new();
    access.expect_read_scope().returning(|_| Ok(ReadScope::nothing()));
    access.expect_decide().never();
    mocks
        .listings
        .expect_repositories()
        .withf(|scope, _| *scope == ReadScope::nothing())
        .returning(|_, _| Ok(Page { items: Vec::new(), more: false }));
    let registry = mocks.registry_under(Policy::default(), access);
    assert_eq!(registry.find_legacy_image(&cx(), "one").await.unwrap(), None);
}

/// Not even where the first of them has the image: one that was not asked could have another.
#[tokio::test]
async fn where_not_all_can_be_asked_nobody_is() {
    let mut mocks = Mocks::default();
    mocks.listings.expect_repositories().returning(|_, _| Ok(Page { items: vec![repository()], more: true }));
    mocks.legacy_images.expect_image().never();
    let found = mocks.registry().find_legacy_image(&cx(), "one").await;
    assert!(matches!(found, Err(FindImageError::TooManyRepositories)), "{found:?}");
}
