//! Who may list what.

use crate::access::{AccessRefusal, Action, MockAuthorizer};
use crate::policy::Policy;
use crate::ports::{ManifestState, Page};
use crate::service::testing::{Mocks, allowing, cx, repository};
use crate::service::{ListError, Registry};

/// A registry whose pages are empty.
fn registry(access: MockAuthorizer) -> Registry {
    let mut mocks = Mocks::default();
    mocks.listings.expect_manifests().returning(|_| Ok(Some(Page { items: Vec::new(), more: false })));
    mocks.registry_under(Policy::default(), access)
}

#[tokio::test]
async fn only_administrators_see_which_manifests_were_deleted() {
    let check = async |allowed: fn(Action) -> bool, state, refused: Option<Action>| {
        let listed = registry(allowing(allowed)).manifests(&cx(), &repository(), state, None, None).await;
        match refused {
            None => assert!(listed.is_ok(), "{state:?}: {listed:?}"),
            Some(action) => {
                let Err(ListError::Access(AccessRefusal::Denied(ask))) = listed else {
                    panic!("{state:?}: {listed:?}")
                };
                assert_eq!(ask.action, action, "{state:?}");
            }
        }
    };
    check(|action| action == Action::Pull, ManifestState::Tagged, None).await;
    check(|action| action == Action::Pull, ManifestState::Untagged, None).await;
    check(|action| action != Action::Admin, ManifestState::Deleted, Some(Action::Admin)).await;
    check(|action| action != Action::Pull, ManifestState::Tagged, Some(Action::Pull)).await;
    check(|_| true, ManifestState::Deleted, None).await;
}
