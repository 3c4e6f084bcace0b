use super::{PLAN_LIFE, PlannedPushError, StalePlan};
use crate::access::Context;
use crate::facts::{PushFacts, RepositoryState};
use crate::plan::{Applied, Guard, PlanId, PushTarget};
use crate::service::testing::{Mocks, NOW, cx, repository, tag};
use crate::service::{Push, PushError, Registry};
use bytes::Bytes;
use std::collections::BTreeMap;

const INDEX: &str = r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}"#;

fn push() -> Push {
    Push {
        repository: repository(),
        target: PushTarget::Tag { name: tag("v1"), guard: Guard::Any },
        content_type: None,
        bytes: Bytes::from_static(INDEX.as_bytes()),
    }
}

fn world(state: RepositoryState, applied: Applied) -> Registry {
    let mut mocks = Mocks::default();
    mocks.know(PushFacts::nothing_in(state));
    mocks.manifests.expect_apply().times(..=1).returning(move |_| Ok(applied.clone()));
    mocks.registry()
}

fn created() -> Applied {
    Applied::Done { created: true, displaced: BTreeMap::new() }
}

async fn shown() -> PlanId {
    let registry = world(RepositoryState::Open, created());
    registry.explain_push(&cx(), &push()).await.unwrap().plan_id().unwrap()
}

#[tokio::test]
async fn what_was_explained_is_pushed() {
    let registry = world(RepositoryState::Open, created());
    let later = Context::anonymous(NOW + PLAN_LIFE);
    let pushed = registry.push_planned(&later, &push(), shown().await, NOW).await.unwrap();
    assert!(pushed.created);
}

#[tokio::test]
async fn what_is_stale_is_not() {
    let stale = |applied: Applied, cx: Context, planned_at: i64| async move {
        let registry = world(RepositoryState::Open, applied);
        match registry.push_planned(&cx, &push(), shown().await, planned_at).await {
            Err(PlannedPushError::Stale(stale)) => stale,
            other => panic!("stale, not {other:?}"),
        }
    };
    let old = Context::anonymous(NOW + PLAN_LIFE + 1);
    assert_eq!(stale(created(), old, NOW).await, StalePlan::TooOld { planned_at: NOW });
    assert_eq!(stale(created(), cx(), NOW + 1).await, StalePlan::Future { planned_at: NOW + 1 });
    assert_eq!(stale(created(), cx(), NOW - 1).await, StalePlan::Changed, "another time is another plan");
    assert_eq!(stale(Applied::GuardFailed(tag("v1")), cx(), NOW).await, StalePlan::Changed, "no second attempt");
}

#[tokio::test]
async fn a_rule_still_refuses() {
    let registry = world(RepositoryState::ReadOnly, created());
    let explained = registry.explain_push(&cx(), &push()).await.unwrap();
    assert_eq!(explained.plan_id(), None);
    let refused = registry.push_planned(&cx(), &push(), shown().await, NOW).await;
    assert!(matches!(refused, Err(PlannedPushError::Push(PushError::Rejected(_)))));
}
