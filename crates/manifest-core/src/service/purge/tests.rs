use super::{PlannedPurge, Purge, PurgeError};
use crate::access::{Action, Context};
use crate::facts::{PushFacts, RepositoryState, Visibility};
use crate::plan::{Applied, PurgePlan};
use crate::policy::Policy;
use crate::ports::{ManifestRow, ManifestState, Page, Reclaim, RepositoryRow, TagRow};
use crate::service::testing::{Mocks, NOW, allowing, cx, digest, done, holding, pointing, repository, tag};
use crate::service::{Registry, StalePlan};
use crate::time::HOUR;
use oci_types::MediaType;
use std::collections::{BTreeMap, BTreeSet};

const FREED: Reclaim = Reclaim { manifests: 1, blobs: 2, bytes: 3 };

/// A repository in which `v1` points at `m`, and that answers a purge so.
fn world(applied: Applied) -> Registry {
    let mut mocks = Mocks::default();
    mocks.manifests.expect_push_facts().returning(|ask| {
        let state = pointing(digest("m"));
        let (tags, tags_of) = (ask.tags.contains(&tag("v1")), ask.tags_of == Some(digest("m")));
        let named =
            |is_named: bool| is_named.then(|| (tag("v1"), state.clone())).into_iter().collect::<BTreeMap<_, _>>();
        Ok(PushFacts { tags: named(tags), tags_of: named(tags_of), ..holding(MediaType::OCI_MANIFEST) })
    });
    mocks.collection.expect_freed_by().returning(|_, _, _| Ok(FREED));
    mocks.manifests.expect_apply().returning(move |_| Ok(applied.clone()));
    mocks.registry()
}

fn manifest() -> Purge {
    Purge::Manifests(BTreeSet::from([digest("m")]))
}

async fn planned(registry: &Registry, what: &Purge) -> PlannedPurge {
    registry.plan_purge(&cx(), &repository(), what).await.unwrap()
}

#[tokio::test]
async fn what_is_shown_is_what_is_done() {
    for what in [manifest(), Purge::Tags(BTreeSet::from([tag("v1")]))] {
        let registry = world(done());
        let shown = planned(&registry, &what).await;
        assert_eq!((shown.reclaim, shown.planned_at), (FREED, NOW));
        let later = Context::anonymous(NOW + HOUR);
        let done = registry.purge(&later, &repository(), &what, shown.id, shown.planned_at).await.unwrap();
        assert_eq!(done, shown.plan);
        assert!(matches!(done, PurgePlan::Write(plan) if plan.now == NOW && plan.purge.contains(&digest("m"))));
    }
}

#[tokio::test]
async fn what_is_stale_is_refused() {
    let registry = world(done());
    let shown = planned(&registry, &manifest()).await;
    let stale = |cx: Context, what: Purge, planned_at: i64| {
        let (registry, id) = (registry.clone(), shown.id);
        async move {
            match registry.purge(&cx, &repository(), &what, id, planned_at).await {
                Err(PurgeError::Stale(stale)) => stale,
                other => panic!("stale, not {other:?}"),
            }
        }
    };
    let old = Context::anonymous(NOW + HOUR + 1);
    assert_eq!(stale(old, manifest(), NOW).await, StalePlan::TooOld { planned_at: NOW });
    assert_eq!(stale(cx(), manifest(), NOW + 1).await, StalePlan::Future { planned_at: NOW + 1 });
    assert_eq!(stale(cx(), manifest(), NOW - 1).await, StalePlan::Changed);
    let other = Purge::Manifests(BTreeSet::from([digest("other")]));
    assert_eq!(stale(cx(), other, NOW).await, StalePlan::Changed);
}

#[tokio::test]
async fn the_write_may_still_refuse() {
    let refused = |applied: Applied| async move {
        let registry = world(applied);
        let shown = planned(&registry, &manifest()).await;
        registry.purge(&cx(), &repository(), &manifest(), shown.id, NOW).await.unwrap_err()
    };
    let parents = BTreeSet::from([digest("index")]);
    assert!(matches!(refused(Applied::ListedBy(parents)).await, PurgeError::ListedBy(_)));
    assert!(matches!(refused(Applied::Immutable(tag("v2"))).await, PurgeError::Immutable(_)));
    let gone = refused(Applied::TagGone(tag("v1"))).await;
    assert!(matches!(gone, PurgeError::Stale(StalePlan::Changed)));
}

#[tokio::test]
async fn a_purge_names_what_is_there_and_not_too_much() {
    let registry = world(done());
    let what = Purge::Tags(BTreeSet::from([tag("v2")]));
    let unknown = registry.plan_purge(&cx(), &repository(), &what).await;
    assert!(matches!(unknown, Err(PurgeError::Unknown { .. })));
    let registry = Mocks::default().registry_under(Policy { max_purge: 0, ..Policy::default() }, allowing(|_| true));
    let many = registry.plan_purge(&cx(), &repository(), &manifest()).await;
    assert!(matches!(many, Err(PurgeError::TooMany { found: 1, limit: 0 })));
    let registry = Mocks::default().registry_under(Policy::default(), allowing(|action| action == Action::Delete));
    let refused = registry.plan_purge(&cx(), &repository(), &manifest()).await;
    assert!(matches!(refused, Err(PurgeError::Access(_))));
}

fn row(state: ManifestState) -> ManifestRow {
    ManifestRow {
        digest: digest(&format!("{state:?}")),
        media_type: MediaType::from_static(MediaType::OCI_MANIFEST),
        size: 1,
        layers_size: None,
        platform: None,
        image_created: None,
        artifact_type: None,
        subject: None,
        created: 1,
        actor: None,
        pinned_until: 0,
        deleted: None,
        tags: 0,
    }
}

fn tag_row(name: &str, immutable: bool) -> TagRow {
    let mut state = pointing(digest("m"));
    state.immutable = immutable;
    TagRow {
        name: tag(name),
        state,
        media_type: MediaType::from_static(MediaType::OCI_MANIFEST),
        manifest_size: 1,
        layers_size: None,
        platforms: Vec::new(),
        image_created: None,
    }
}

/// A repository with a manifest in each state and two tags on two pages, of which the second may be immutable.
fn whole(immutable: bool, state: RepositoryState) -> Mocks {
    let mut mocks = Mocks::default();
    let found = RepositoryRow { name: repository(), state, visibility: Visibility::Private, created: 7 };
    mocks.repositories.expect_find().returning(move |_| Ok(Some(found.clone())));
    mocks.listings.expect_tags().returning(move |ask| {
        let page = match ask.after {
            None => Page { items: vec![tag_row("a", false)], more: true },
            Some(_) => Page { items: vec![tag_row("b", immutable)], more: false },
        };
        Ok(Some(page))
    });
    mocks.listings.expect_manifests().returning(|ask| Ok(Some(Page { items: vec![row(ask.state)], more: false })));
    mocks.collection.expect_freed_by().withf(|_, digests, _| digests.len() == 3).returning(|_, _, _| Ok(FREED));
    mocks
}

#[tokio::test]
async fn a_repository_goes_whole() {
    let mut mocks = whole(false, RepositoryState::Open);
    mocks.repositories.expect_delete().times(1).return_once(|_, _| Ok(true));
    let registry = mocks.registry();
    let shown = planned(&registry, &Purge::Repository).await;
    let PurgePlan::Repository(purge) = &shown.plan else { panic!("a whole repository") };
    assert_eq!((purge.manifests, purge.tags, purge.created), (3, 2, 7));
    registry.purge(&cx(), &repository(), &Purge::Repository, shown.id, NOW).await.unwrap();
}

#[tokio::test]
async fn a_repository_that_is_held_or_closed_stays() {
    let refused = |mocks: Mocks| async move {
        mocks.registry().plan_purge(&cx(), &repository(), &Purge::Repository).await.unwrap_err()
    };
    assert!(
        matches!(refused(whole(true, RepositoryState::Open)).await, PurgeError::Immutable(name) if name == tag("b"))
    );
    assert!(matches!(refused(whole(false, RepositoryState::ReadOnly)).await, PurgeError::ReadOnly(_)));
    let mut mocks = Mocks::default();
    mocks.repositories.expect_find().return_once(|_| Ok(None));
    assert!(matches!(refused(mocks).await, PurgeError::RepositoryUnknown(_)));
}
