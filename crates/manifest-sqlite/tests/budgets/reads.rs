use crate::counted::Counted;
use crate::pushes::put;
use crate::values::{digest, manifest, repository};
use manifest_core::access::{NameRange, ReadScope};
use manifest_core::empty_layer;
use manifest_core::ports::{
    Blobs, Collection, FetchAsk, Fetched, HistoryAsk, HistoryCursor, ImageTagsAsk, LegacyImages, Listings, Liveness,
    ManifestState, Manifests, ManifestsAsk, PageAsk, ReferrersAsk, Repositories, SupportAsk, TagCursor, TagOrder,
    TagsAsk,
};
use oci_types::{Reference, TagName};

/// A store with an image, its tag moved once.
async fn furnished() -> Counted {
    let mut counted = Counted::new();
    put(&mut counted, "app", manifest("image", 1, 1, 0)).await;
    counted
}

#[tokio::test]
async fn following_a_reference_is_one_statement() {
    let mut counted = furnished().await;
    let (store, app) = (counted.store.clone(), repository("app"));
    let ask = |reference: &str, at| FetchAsk {
        repository: app.clone(),
        reference: reference.parse::<Reference>().unwrap(),
        now: 20,
        liveness: Liveness::Visible,
        have: None,
        at,
    };
    let support = SupportAsk { repository: app.clone(), digest: digest("image"), now: 20, window: 10 };
    // The second round finds every statement prepared, which `statements` holds each run against.
    for round in 0..2 {
        for at in [None, Some(15)] {
            assert!(matches!(store.fetch(&ask("latest", at)).await.unwrap(), Fetched::Found(_)));
            assert_eq!(counted.statements(), 1, "by tag, at {at:?}");
        }
        assert!(matches!(store.fetch(&ask(&digest("image").to_string(), None)).await.unwrap(), Fetched::Found(_)));
        assert_eq!(counted.statements(), 1, "by digest");
        Blobs::find(&store, &app, &empty_layer::digest(), 20).await.unwrap();
        assert_eq!(counted.statements(), 1, "blob");
        Repositories::find(&store, &app).await.unwrap();
        assert_eq!(counted.statements(), 1, "repository");
        assert_eq!(store.labels(&app, &digest("image"), "KEY").await.unwrap().map(|labels| labels.len()), Some(1));
        assert_eq!(counted.statements(), 1, "labels");
        assert!(store.support(&support).await.unwrap().is_some());
        assert_eq!(counted.statements(), 1, "support");
        assert!(store.image(&app, "base", 20).await.unwrap().is_some());
        assert_eq!(counted.statements(), 1, "image");
        assert_eq!(store.ancestry(&app, "base", 20).await.unwrap(), ["base"]);
        assert_eq!(counted.statements(), 1, "ancestry");
        let tags = ImageTagsAsk { repository: app.clone(), only: None, after: None, limit: 10, now: 20 };
        assert_eq!(store.image_tags(&tags).await.unwrap().map(|page| page.items.len()), Some(1));
        assert_eq!(counted.statements(), 1, "tags of images");
        store.freed_by(&app, &[digest("image")], 20).await.unwrap();
        assert_eq!(counted.statements(), 1, "freed by");
        store.reclaimable(20, 10, 10).await.unwrap();
        assert_eq!(counted.statements(), 1, "reclaimable");
        store.totals().await.unwrap();
        assert_eq!(counted.statements(), 1, "totals in round {round}");
    }
}

#[tokio::test]
async fn a_page_is_one_statement() {
    let mut counted = furnished().await;
    let (store, app) = (counted.store.clone(), repository("app"));
    let about = ReferrersAsk {
        repository: app.clone(),
        subject: digest("subject"),
        artifact_types: vec!["a/b".into()],
        after: None,
        limit: 100,
        max_bytes: 1 << 20,
        now: 20,
    };
    let scope = ReadScope::ranges(true, [NameRange::repository(&app)]);
    for _ in 0..2 {
        store.referrers(&about).await.unwrap();
        assert_eq!(counted.statements(), 1, "referrers");
        store.tag_names(&app, &PageAsk::first(100), 20).await.unwrap();
        assert_eq!(counted.statements(), 1, "tag names");
        for scope in [&ReadScope::All, &scope] {
            store.repositories(scope, &PageAsk::first(100)).await.unwrap();
            assert_eq!(counted.statements(), 1, "catalogue");
        }
        for state in [ManifestState::Tagged, ManifestState::Untagged, ManifestState::Deleted] {
            let ask = ManifestsAsk { repository: app.clone(), state, after: Some(digest("a")), limit: 100, now: 20 };
            store.manifests(&ask).await.unwrap();
            assert_eq!(counted.statements(), 1, "{state:?} manifests");
        }
    }
}

#[tokio::test]
async fn a_page_of_tags_is_one_statement_in_any_order() {
    let mut counted = furnished().await;
    let (store, app) = (counted.store.clone(), repository("app"));
    let name: TagName = "latest".parse().unwrap();
    let tags = TagsAsk {
        repository: app.clone(),
        contains: Some("a".into()),
        order: TagOrder::Name,
        after: Some(TagCursor { start: 10, name: name.clone() }),
        limit: 1_000,
        now: 20,
    };
    let history = HistoryAsk {
        repository: app,
        name: None,
        active_only: true,
        since: Some(1),
        after: Some(HistoryCursor { start: 10, name: name.clone() }),
        limit: 10,
        now: 20,
    };
    for _ in 0..2 {
        for order in [TagOrder::Name, TagOrder::Newest] {
            store.tags(&TagsAsk { order, ..tags.clone() }).await.unwrap();
            assert_eq!(counted.statements(), 1, "tags by {order:?}");
        }
        for name in [None, Some(name.clone())] {
            store.history(&HistoryAsk { name, ..history.clone() }).await.unwrap();
            assert_eq!(counted.statements(), 1, "history");
        }
    }
}
