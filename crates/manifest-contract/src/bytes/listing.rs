//! S5: what a store lists.

use super::Fixture;
use super::fixture::upload_id;
use crate::world::must;
use manifest_core::facts::Location;
use manifest_core::ports::{Page, Stored};
use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

/// A store with parts and sealed blobs of several uploads, some of which came in one body, and the size of each.
async fn furnish(store: &Fixture) -> BTreeMap<Location, u64> {
    let mut all = BTreeMap::new();
    for number in 0..8_usize {
        let upload = format!("upload-{number}");
        let part = store.part(&upload, &vec![7; number * 100]).await;
        let sealed = store.seal(&upload, &[part.clone(), part.clone()]).await;
        all.insert(sealed, part.size * 2);
        all.insert(part.location, part.size);
        // Small ones and large ones.
        let ended = vec![7; number * 20_000];
        all.insert(store.ended(&upload, &ended).await, ended.len() as u64);
    }
    all
}

pub(crate) async fn s5_parts_and_sealed_blobs_are_listed_in_byte_order(store: Fixture) {
    assert_eq!(store.listed().await, []);
    let all = furnish(&store).await;
    let listed = store.listed().await;
    assert!(listed.is_sorted_by(|a, b| a.location.key < b.location.key), "in byte order, none twice");
    let sizes: BTreeMap<Location, u64> = listed.into_iter().map(|stored| (stored.location, stored.size)).collect();
    assert_eq!(sizes, all);
}

pub(crate) async fn s5_pages_follow_each_other(store: Fixture) {
    let all = furnish(&store).await;
    let whole = store.listed().await;
    for limit in [1, 3, 23, 24, 25] {
        let (mut after, mut listed) = (None, Vec::<Stored>::new());
        loop {
            let Page { items, more } = must(store.store.list(after, limit).await);
            assert!(items.len() as u64 <= u64::from(limit));
            assert!(!items.is_empty() || !more, "an empty page without an end");
            listed.extend(items);
            assert_eq!(more, listed.len() < all.len(), "whether more follow, in pages of {limit}");
            if !more {
                break;
            }
            after = listed.last().map(|stored| stored.location.clone());
        }
        assert_eq!(listed, whole, "pages of {limit}");
    }
    let nothing = must(store.store.list(None, 0).await);
    assert_eq!((nothing.items, nothing.more), (vec![], false));
}

pub(crate) async fn s5_a_page_may_start_behind_what_was_deleted(store: Fixture) {
    furnish(&store).await;
    let whole = store.listed().await;
    // A sweep deletes what it listed, and goes on behind it.
    must(store.store.delete(&whole[4].location).await);
    let page = must(store.store.list(Some(whole[4].location.clone()), 3).await);
    assert_eq!(page.items, whole[5..8]);
    let left: Vec<Stored> = store.listed().await;
    assert_eq!(left, [&whole[..4], &whole[5..]].concat());
    let end = must(store.store.list(Some(whole[23].location.clone()), 3).await);
    assert_eq!((end.items, end.more), (vec![], false));
}

pub(crate) async fn s5_the_list_says_who_wrote_what_and_when(store: Fixture) {
    let clock = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
    let before = clock();
    let part = store.part("u", b"content").await;
    let sealed = store.seal("u", std::slice::from_ref(&part)).await;
    let ended = store.ended("u", b"content").await;
    let after = clock();
    for stored in store.listed().await {
        assert!(stored.location == part.location || stored.location == sealed || stored.location == ended);
        assert_eq!(stored.upload, upload_id("u"));
        // Another machine's clock may stamp it; seconds taken for milliseconds would be off by decades.
        let modified = u128::try_from(stored.modified).unwrap_or_default();
        let day = 24 * 60 * 60 * 1_000;
        assert!(before < modified + day && modified < after + day, "{stored:?}");
    }
}
