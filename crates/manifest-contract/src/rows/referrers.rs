//! M12: the manifests about a digest.

use crate::world::{Fixture, Repo, a_manifest, digest, must};
use manifest_core::ports::{Page, Referrer, ReferrersAsk};
use oci_types::{Digest, MediaType};
use std::collections::BTreeMap;

async fn page(app: &Repo, ask: ReferrersAsk) -> Page<Referrer> {
    must(app.rows.manifests.referrers(&ask).await)
}

fn found(page: &Page<Referrer>) -> Vec<Digest> {
    page.items.iter().map(|referrer| referrer.digest).collect()
}

fn sorted(names: &[&str]) -> Vec<Digest> {
    let mut all: Vec<Digest> = names.iter().map(|name| digest(name)).collect();
    all.sort_unstable();
    all
}

pub(crate) async fn m12_referrers_are_listed_whether_or_not_the_subject_exists(store: Fixture) {
    let app = store.repo("app");
    let sbom = a_manifest("sbom").about("image").of_type("application/sbom").annotated("a", "b");
    app.at(10).create(sbom.of_media_type(MediaType::OCI_INDEX)).pin("sbom", 100).done().await;
    let before = page(&app, app.about("image", 20)).await;
    let expected = Referrer {
        digest: digest("sbom"),
        media_type: MediaType::OCI_INDEX.parse().unwrap_or_else(|error| panic!("{error}")),
        size: 4,
        artifact_type: Some("application/sbom".to_owned()),
        annotations: BTreeMap::from([("a".to_owned(), "b".to_owned())]),
    };
    assert_eq!((before.items, before.more), (vec![expected], false));
    app.at(20).create(a_manifest("image")).done().await;
    assert_eq!(found(&page(&app, app.about("image", 20)).await), [digest("sbom")]);
    assert_eq!(found(&page(&app, app.about("sbom", 20)).await), []);
    let nowhere = store.repo("nowhere");
    let none = page(&nowhere, nowhere.about("image", 20)).await;
    assert_eq!((none.items, none.more), (vec![], false));
}

pub(crate) async fn m12_only_visible_manifests_are_listed(store: Fixture) {
    let app = store.repo("app");
    app.at(10).create(a_manifest("image")).point("v1", "image").until(50).done().await;
    app.at(11).create(a_manifest("by-subject").about("image")).done().await;
    app.at(12).create(a_manifest("by-pin").about("image")).pin("by-pin", 60).done().await;
    app.at(13).create(a_manifest("dead").about("image")).point("dead", "dead").done().await;
    app.at(14).delete("dead").done().await;
    assert_eq!(found(&page(&app, app.about("image", 49)).await), sorted(&["by-subject", "by-pin"]));
    assert_eq!(found(&page(&app, app.about("image", 50)).await), [digest("by-pin")]);
    assert_eq!(found(&page(&app, app.about("image", 60)).await), []);
    let other = store.repo("other");
    other.at(10).create(a_manifest("image")).point("v1", "image").done().await;
    assert_eq!(found(&page(&other, other.about("image", 20)).await), [], "another repository");
}

pub(crate) async fn m12_any_of_the_types_passes_the_filter(store: Fixture) {
    let app = store.repo("app");
    app.at(10).create(a_manifest("a").about("image").of_type("type/a")).pin("a", 100).done().await;
    app.at(10).create(a_manifest("b").about("image").of_type("type/b")).pin("b", 100).done().await;
    app.at(10).create(a_manifest("c").about("image").of_type("type/c")).pin("c", 100).done().await;
    app.at(10).create(a_manifest("none").about("image")).pin("none", 100).done().await;
    let check = async |types: &[&str], expected: &[&str]| {
        let artifact_types = types.iter().map(|name| (*name).to_owned()).collect();
        let ask = ReferrersAsk { artifact_types, ..app.about("image", 20) };
        assert_eq!(found(&page(&app, ask).await), sorted(expected), "{types:?}");
    };
    check(&[], &["a", "b", "c", "none"]).await;
    check(&["type/a"], &["a"]).await;
    check(&["type/c", "type/a"], &["a", "c"]).await;
    check(&["type/d"], &[]).await;
    check(&["type"], &[]).await;
    check(&["TYPE/A"], &[]).await;
}

async fn many(store: &Fixture) -> (Repo, Vec<Digest>) {
    let app = store.repo("app");
    let names: Vec<String> = (0..12).map(|number| format!("referrer-{number}")).collect();
    for name in &names {
        let about = a_manifest(name).about("image").of_type("type/a").annotated("note", &"x".repeat(100));
        app.at(10).create(about).pin(name, 100).done().await;
        // What lies between the pages but is not listed.
        let hidden = format!("hidden-{name}");
        app.at(10).create(a_manifest(&hidden).about("image").of_type("type/a")).done().await;
    }
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    (app, sorted(&names))
}

pub(crate) async fn m12_pages_follow_each_other_in_byte_order(store: Fixture) {
    let (app, all) = many(&store).await;
    for limit in [1, 5, 11, 12, 13] {
        let (mut after, mut listed) = (None, Vec::new());
        loop {
            let page = page(&app, ReferrersAsk { after, limit, ..app.about("image", 20) }).await;
            assert!(page.items.len() <= usize::try_from(limit).unwrap_or_default());
            listed.extend(found(&page));
            assert_eq!(page.more, listed.len() < all.len(), "pages of {limit}");
            if !page.more {
                break;
            }
            after = listed.last().copied();
        }
        assert_eq!(listed, all, "pages of {limit}");
    }
    let nothing = page(&app, ReferrersAsk { limit: 0, ..app.about("image", 20) }).await;
    assert_eq!((nothing.items, nothing.more), (vec![], false));
}

pub(crate) async fn m12_a_page_stops_when_it_is_large_enough(store: Fixture) {
    let (app, all) = many(&store).await;
    for max_bytes in [0, 1] {
        let page = page(&app, ReferrersAsk { max_bytes, ..app.about("image", 20) }).await;
        assert_eq!(found(&page), all[..1], "one is always served");
        assert!(page.more);
    }
    // Each has more than 100 bytes and fewer than 250.
    let page = page(&app, ReferrersAsk { max_bytes: 500, ..app.about("image", 20) }).await;
    assert!((2..=5).contains(&page.items.len()), "{}", page.items.len());
    assert!(page.more);
    assert_eq!(found(&page), all[..page.items.len()]);
}
