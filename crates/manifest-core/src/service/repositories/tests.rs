use super::RepositoryError;
use crate::access::Action;
use crate::facts::{RepositoryState, Visibility};
use crate::policy::Policy;
use crate::ports::RepositoryRow;
use crate::service::testing::{Mocks, NOW, allowing, cx, repository};

fn row(state: RepositoryState) -> RepositoryRow {
    RepositoryRow { name: repository(), state, visibility: Visibility::Private, created: 1 }
}

#[tokio::test]
async fn a_name_is_taken_once() {
    let create = |made: bool| async move {
        let mut mocks = Mocks::default();
        mocks.repositories.expect_create().withf(|_, _, now| *now == NOW).return_once(move |_, _, _| Ok(made));
        mocks.registry().create_repository(&cx(), &repository(), Visibility::Public).await
    };
    assert!(create(true).await.is_ok());
    assert!(matches!(create(false).await, Err(RepositoryError::Exists(_))));
}

#[tokio::test]
async fn states_are_set_or_the_repository_is_unknown() {
    let set = |read_only: bool, state: RepositoryState, there: bool| async move {
        let mut mocks = Mocks::default();
        mocks
            .repositories
            .expect_set_state()
            .withf(move |_, wanted| *wanted == state)
            .return_once(move |_, _| Ok(there));
        mocks.registry().set_read_only(&cx(), &repository(), read_only).await
    };
    assert!(set(true, RepositoryState::ReadOnly, true).await.is_ok());
    assert!(set(false, RepositoryState::Open, true).await.is_ok());
    assert!(matches!(set(true, RepositoryState::ReadOnly, false).await, Err(RepositoryError::RepositoryUnknown(_))));
}

#[tokio::test]
async fn only_an_open_repository_is_deleted() {
    let delete = |row: Option<RepositoryRow>, there: bool| async move {
        let mut mocks = Mocks::default();
        mocks.repositories.expect_find().return_once(move |_| Ok(row));
        mocks.repositories.expect_delete().returning(move |_, _| Ok(there));
        mocks.registry().delete_repository(&cx(), &repository()).await
    };
    assert!(delete(Some(row(RepositoryState::Open)), true).await.is_ok());
    let gone = delete(Some(row(RepositoryState::Open)), false).await;
    assert!(matches!(gone, Err(RepositoryError::RepositoryUnknown(_))));
    assert!(matches!(delete(None, true).await, Err(RepositoryError::RepositoryUnknown(_))));
    let closed = delete(Some(row(RepositoryState::ReadOnly)), true).await;
    assert!(matches!(closed, Err(RepositoryError::ReadOnly(_))));
}

#[tokio::test]
async fn each_needs_its_own_permission() {
    // A mock without expectations panics when it is called.
    let registry = || Mocks::default().registry_under(Policy::default(), allowing(|action| action == Action::Delete));
    let create = registry().create_repository(&cx(), &repository(), Visibility::Public).await;
    assert!(matches!(create, Err(RepositoryError::Access(_))));
    let close = registry().set_read_only(&cx(), &repository(), true).await;
    assert!(matches!(close, Err(RepositoryError::Access(_))));
    let delete = registry().delete_repository(&cx(), &repository()).await;
    assert!(matches!(delete, Err(RepositoryError::Access(_))));
}
