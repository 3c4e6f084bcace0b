use super::AmendError;
use crate::access::Action;
use crate::facts::{PushFacts, RepositoryState};
use crate::plan::{Amended, Applied};
use crate::policy::Policy;
use crate::service::ATTEMPTS;
use crate::service::testing::{Mocks, NOW, allowing, cx, digest, done, pointing, repository, tag};
use crate::time::{HOUR, NEVER};
use std::collections::BTreeMap;

/// An open repository in which `v1` is alive.
fn tagged() -> Mocks {
    let mut mocks = Mocks::default();
    let tags = BTreeMap::from([(tag("v1"), pointing(digest("m")))]);
    mocks.know(PushFacts { tags, ..PushFacts::nothing_in(RepositoryState::Open) });
    mocks
}

#[tokio::test]
async fn an_expiry_is_set_and_both_ends_are_told() {
    let mut mocks = tagged();
    mocks.answer(done());
    let amended = mocks.registry().set_expiry(&cx(), &repository(), &tag("v1"), Some(NOW + 2 * HOUR)).await.unwrap();
    let expected = Amended { previous_expires: NEVER, expires: NOW + 2 * HOUR, was_immutable: false, immutable: false };
    assert_eq!(amended, expected);
}

#[tokio::test]
async fn refusals_name_the_tag() {
    let past = tagged().registry().set_expiry(&cx(), &repository(), &tag("v1"), Some(NOW)).await.unwrap_err();
    assert!(matches!(&past, AmendError::Past { end, .. } if *end == NOW - 1_000 + HOUR));
    assert_eq!(past.to_string(), "tag v1 would have ended by now");
    let unknown = tagged().registry().set_immutable(&cx(), &repository(), &tag("v2"), true).await;
    assert!(matches!(unknown, Err(AmendError::TagUnknown { .. })));
}

#[tokio::test]
async fn protection_is_given_by_writers_and_taken_by_administrators() {
    let writers = || allowing(|action| action == Action::Overwrite);
    let mut mocks = tagged();
    mocks.answer(done());
    let registry = mocks.registry_under(Policy::default(), writers());
    assert!(registry.set_immutable(&cx(), &repository(), &tag("v1"), true).await.unwrap().immutable);
    // A mock without expectations panics when it is called.
    let registry = Mocks::default().registry_under(Policy::default(), writers());
    let refused = registry.set_immutable(&cx(), &repository(), &tag("v1"), false).await;
    assert!(matches!(refused, Err(AmendError::Access(_))));
}

#[tokio::test]
async fn an_interval_that_moves_all_the_time_is_given_up() {
    let mut mocks = tagged();
    mocks.manifests.expect_apply().times(ATTEMPTS).returning(|_| Ok(Applied::GuardFailed(tag("v1"))));
    let given_up = mocks.registry().set_expiry(&cx(), &repository(), &tag("v1"), None).await;
    assert!(matches!(given_up, Err(AmendError::Contended)));
}
