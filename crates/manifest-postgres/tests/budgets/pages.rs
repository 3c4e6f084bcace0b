use crate::counted::{Counted, app, digest};
use manifest_core::access::{NameRange, ReadScope};
use manifest_core::ports::{
    HistoryAsk, HistoryCursor, ImageTagsAsk, LegacyImages, Listings, ManifestState, Manifests, ManifestsAsk, PageAsk,
    ReferrersAsk, TagCursor, TagOrder, TagsAsk,
};
use oci_types::TagName;

#[tokio::test(flavor = "multi_thread")]
async fn a_page_is_one_round_trip() {
    let counted = Counted::furnished().await;
    for types in [vec![], vec!["a/b".to_owned(), "c/d".to_owned()]] {
        let about = ReferrersAsk {
            repository: app(),
            subject: digest("subject"),
            artifact_types: types,
            after: None,
            limit: 100,
            max_bytes: 1 << 20,
            now: 20,
        };
        let page = counted.once("referrers", async |store| store.referrers(&about).await.unwrap()).await;
        assert_eq!(page.items.len(), 2);
    }
    let scope = ReadScope::ranges(true, [NameRange::repository(&app()), NameRange::below(&app())]);
    for scope in [&ReadScope::All, &scope] {
        let ask = PageAsk::first(100);
        let page = counted.once("catalogue", async |store| store.repositories(scope, &ask).await.unwrap()).await;
        assert_eq!(page.items, [app()]);
    }
    for (state, expected) in [(ManifestState::Tagged, 2), (ManifestState::Untagged, 0), (ManifestState::Deleted, 0)] {
        let ask = ManifestsAsk { repository: app(), state, after: None, limit: 100, now: 20 };
        let page = counted.once("manifests", async |store| store.manifests(&ask).await.unwrap()).await;
        assert_eq!(page.unwrap().items.len(), expected, "{state:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_v1_api_asks_is_one_round_trip_however_long_the_chain() {
    let counted = Counted::furnished().await;
    for (id, below) in [("small 0", 1), ("large 499", 500), ("large 0", 1)] {
        let found = counted.once("image", async |store| store.image(&app(), id, 20).await.unwrap()).await;
        assert!(found.is_some_and(|found| found.image.id == id && found.layer.is_some()), "{id}");
        let ids = counted.once("ancestry", async |store| store.ancestry(&app(), id, 20).await.unwrap()).await;
        assert_eq!(ids.len(), below, "{id}");
    }
    let ask = ImageTagsAsk { repository: app(), only: None, after: None, limit: 100, now: 20 };
    let page = counted.once("tags of images", async |store| store.image_tags(&ask).await.unwrap()).await;
    assert_eq!(page.unwrap().items.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_tags_is_one_round_trip_in_any_order() {
    let counted = Counted::furnished().await;
    let name: TagName = "large".parse().unwrap();
    let first = PageAsk::first(100);
    let page = counted.once("tag names", async |store| store.tag_names(&app(), &first, 20).await.unwrap()).await;
    assert_eq!(page.unwrap().items.len(), 3);
    for order in [TagOrder::Name, TagOrder::Newest] {
        let ask = TagsAsk {
            repository: app(),
            contains: Some("a".into()),
            order,
            after: Some(TagCursor { start: 11, name: name.clone() }),
            limit: 1_000,
            now: 20,
        };
        let page = counted.once("tags", async |store| store.tags(&ask).await.unwrap()).await;
        assert!(!page.unwrap().items.is_empty(), "{order:?}");
    }
    for name in [None, Some(name)] {
        let ask = HistoryAsk {
            repository: app(),
            name: name.clone(),
            active_only: false,
            since: Some(1),
            after: Some(HistoryCursor { start: 20, name: "latest".parse().unwrap() }),
            limit: 10,
            now: 20,
        };
        let page = counted.once("history", async |store| store.history(&ask).await.unwrap()).await;
        assert!(!page.unwrap().items.is_empty(), "of {name:?}");
    }
}
