//! M20: manifests that go for good.

use crate::world::{Fixture, a_manifest, digest, digests, moved, tag};
use manifest_core::facts::PushAsk;
use manifest_core::plan::Applied;
use manifest_core::ports::{Fetched, Liveness, Table};

pub(crate) async fn m20_a_purge_leaves_nothing(store: Fixture) {
    let app = store.repo("app");
    app.upload("layer").await;
    app.at(9).create(a_manifest("child")).point("child", "child").done().await;
    app.at(10).create(a_manifest("other")).point("v1", "other").point("v3", "other").done().await;
    let image = a_manifest("image").blob("layer").child("child").about("subject").labelled("k", "v");
    app.at(11).create(image).point("v1", "image").point("v2", "image").point("old", "image").done().await;
    app.at(12).point("v1", "other").pin("image", 500).point("expired", "image").until(14).done().await;
    app.at(13).point("v1", "image").done().await;
    app.at(13).point("v3", "image").end("old").done().await;
    app.at(14).point("v3", "other").done().await;
    let done = app.at(20).in_an_old_repository().purge("image").displaced_until(900).done().await;
    assert_eq!(done.displaced, moved([("v1", "image"), ("v2", "image")]), "the tags that were alive");
    assert!(!app.holds("image", Liveness::Any, 20).await);
    assert_eq!(app.labels("image", "").await, None);
    assert!(app.referrers("subject", 20).await.is_empty());
    assert_eq!(app.tags(20).await, Some(vec!["child".to_owned(), "v3".to_owned()]));
    assert_eq!(app.follow("v2", 20).await, Err(Fetched::Unknown), "the name has no interval any more");
    assert_eq!(app.tag("expired").await, None);
    let page = crate::world::page_of(app.rows.listings.history(&app.all_history()).await);
    assert!(page.items.iter().all(|row| row.target != digest("image")), "{:?}", page.items);
    assert_eq!(app.history("v3").await.len(), 2, "the others' intervals stay");
    for table in Table::ALL {
        for record in store.records(table).await {
            let name = digest("image").to_string();
            let points = record.columns.get("target").is_some_and(|target| *target == name);
            assert!(!record.key.contains(&name) && !points, "{table:?} has {record:?} left");
        }
    }
    assert!(app.sees("child", 20).await && app.sees("other", 20).await);
}

pub(crate) async fn m20_what_is_not_there_is_purged_already(store: Fixture) {
    let app = store.repo("app");
    app.at(10).create(a_manifest("image").labelled("k", "v")).point("v1", "image").done().await;
    let before = store.everything().await;
    let done = app.at(20).purge("never").done().await;
    assert!(done.displaced.is_empty() && !done.created);
    assert_eq!(store.everything().await, before);
    app.at(21).purge("image").purge("never").done().await;
    app.at(22).purge("image").done().await;
    let again = app.at(23).create(a_manifest("image").labelled("k", "w")).point("v1", "image").done().await;
    assert!(again.created, "it is a new one");
    assert_eq!(app.labels("image", "").await.map(|labels| labels.len()), Some(1));
    assert_eq!(app.history("v1").await.len(), 1);
    let nowhere = store.repo("nowhere").at(24).in_an_old_repository();
    assert_eq!(nowhere.purge("image").apply().await, Applied::RepositoryGone);
}

pub(crate) async fn m20_what_a_visible_manifest_lists_stays(store: Fixture) {
    let app = store.repo("app");
    app.at(10).create(a_manifest("child")).point("child", "child").done().await;
    app.at(11).create(a_manifest("tagged").child("child")).point("v1", "tagged").done().await;
    app.at(12).create(a_manifest("pinned").child_or_not("child")).pin("pinned", 100).done().await;
    app.at(13).create(a_manifest("hidden").child("child")).done().await;
    app.at(14).create(a_manifest("dead").child("child")).done().await;
    app.at(15).delete("dead").done().await;
    let purge = || app.at(20).purge("child");
    let before = store.everything().await;
    assert_eq!(purge().apply().await, Applied::ListedBy(digests(["tagged", "pinned"])));
    assert_eq!(purge().purge("tagged").apply().await, Applied::ListedBy(digests(["pinned"])));
    assert_eq!(store.everything().await, before, "a refused purge left something behind");
    purge().purge("tagged").purge("pinned").done().await;
    for name in ["child", "tagged", "pinned"] {
        assert!(!app.holds(name, Liveness::Any, 20).await, "{name}");
    }
    assert!(app.holds("hidden", Liveness::Undeleted, 20).await, "it goes when it is named");
}

pub(crate) async fn m20_a_deleted_manifest_stays_while_a_visible_one_lists_it(store: Fixture) {
    let app = store.repo("app");
    app.at(10).create(a_manifest("child")).done().await;
    app.at(11).delete("child").done().await;
    app.at(12).create(a_manifest("sparse").child_or_not("child")).point("v1", "sparse").done().await;
    assert_eq!(app.at(20).purge("child").apply().await, Applied::ListedBy(digests(["sparse"])));
    assert!(app.holds("child", Liveness::Any, 20).await, "it can still be restored");
    app.at(21).end("v1").done().await;
    app.at(22).purge("child").done().await;
    assert!(!app.holds("child", Liveness::Any, 22).await);
    assert!(app.holds("sparse", Liveness::Undeleted, 22).await, "its link dangles, as it may");
}

pub(crate) async fn m20_a_tag_that_the_plan_ends_shows_no_list(store: Fixture) {
    let app = store.repo("app");
    app.at(10).create(a_manifest("child")).done().await;
    app.at(11).create(a_manifest("inner").child("child")).done().await;
    app.at(12).create(a_manifest("outer").child("inner").child("child")).point("v1", "outer").done().await;
    app.at(13).create(a_manifest("about").about("outer").child("child")).done().await;
    assert!(
        app.sees("inner", 20).await && app.sees("about", 20).await,
        "by the tag of the one that lists it or is its subject"
    );
    let done = app.at(20).end("v1").purge("outer").purge("child").done().await;
    assert_eq!(done.displaced, moved([("v1", "outer")]));
    for name in ["outer", "child"] {
        assert!(!app.holds(name, Liveness::Any, 20).await, "{name}");
    }
    for name in ["inner", "about"] {
        assert!(app.holds(name, Liveness::Undeleted, 20).await && !app.sees(name, 20).await, "{name}");
    }
    app.at(30).create(a_manifest("part")).done().await;
    app.at(31).create(a_manifest("list").child("part")).pin("list", 100).done().await;
    app.at(32).delete("list").purge("part").done().await;
    assert!(!app.holds("part", Liveness::Any, 32).await, "what lists it is deleted by then");
}

pub(crate) async fn m20_what_the_plan_makes_visible_or_immutable_stops_its_purge(store: Fixture) {
    let app = store.repo("app");
    app.at(10).create(a_manifest("child")).done().await;
    app.at(11).create(a_manifest("list").child("child")).done().await;
    app.at(12).create(a_manifest("other")).point("other", "other").done().await;
    app.at(13).create(a_manifest("dead").child_or_not("child")).done().await;
    app.at(14).delete("dead").done().await;
    app.at(15).point("v1", "list").done().await;
    let before = store.everything().await;
    let purge = || app.at(20).purge("child");
    let listed = || Applied::ListedBy(digests(["list"]));
    assert_eq!(purge().end("v1").displaced_until(900).apply().await, listed(), "it pins what lists it");
    assert_eq!(purge().end("v1").pin("list", 900).apply().await, listed());
    assert_eq!(purge().end("v1").point("v2", "list").apply().await, listed());
    let both = Applied::ListedBy(digests(["list", "dead"]));
    assert_eq!(purge().keep("dead").point("v2", "dead").apply().await, both, "it revives one that lists it");
    let new = a_manifest("new").child_or_not("child");
    assert_eq!(purge().end("v1").create(new).pin("new", 900).apply().await, Applied::ListedBy(digests(["new"])));
    let held = app.at(20).point("v3", "other").immutable().purge("other");
    assert_eq!(held.apply().await, Applied::Immutable(tag("v3")));
    assert_eq!(store.everything().await, before, "a refused purge left something behind");
    purge().end("v1").done().await;
}

pub(crate) async fn m20_what_goes_shows_nothing_any_more(store: Fixture) {
    let app = store.repo("app");
    let furnish = async |now: i64| {
        app.at(now).create(a_manifest("child")).done().await;
        app.at(now).create(a_manifest("inner").child("child")).done().await;
        app.at(now).create(a_manifest("outer").child("inner")).done().await;
    };
    let purged = || app.at(20).purge("outer").purge("child");
    let gone = async |what: &str| {
        for name in ["outer", "child"] {
            assert!(!app.holds(name, Liveness::Any, 20).await, "{name}, {what}");
        }
        assert!(app.holds("inner", Liveness::Undeleted, 20).await && !app.sees("inner", 20).await, "{what}");
        app.at(20).purge("inner").done().await;
    };
    furnish(10).await;
    app.at(11).pin("outer", 100).done().await;
    purged().done().await;
    gone("by its pin").await;
    furnish(12).await;
    app.at(13).point("v1", "outer").done().await;
    assert_eq!(purged().done().await.displaced, moved([("v1", "outer")]));
    gone("by its tag").await;
    furnish(14).await;
    app.at(15).create(a_manifest("about").about("outer")).pin("outer", 100).done().await;
    purged().done().await;
    assert!(!app.sees("about", 20).await, "by what it was the subject of");
    gone("as a subject").await;

    furnish(16).await;
    app.at(17).create(a_manifest("other").child("inner")).pin("outer", 100).done().await;
    app.at(17).pin("other", 100).done().await;
    let before = store.everything().await;
    assert_eq!(purged().apply().await, Applied::ListedBy(digests(["inner"])), "something else shows it");
    assert_eq!(store.everything().await, before, "a refused purge left something behind");
    purged().purge("other").done().await;
    gone("by two that go").await;
}

pub(crate) async fn m20_an_alive_immutable_tag_stops_a_purge(store: Fixture) {
    let app = store.repo("app");
    app.at(10).create(a_manifest("image")).point("a", "image").point("b", "image").until(30).immutable().done().await;
    app.at(10).create(a_manifest("other")).point("c", "other").done().await;
    let before = store.everything().await;
    assert_eq!(app.at(29).purge("other").purge("image").apply().await, Applied::Immutable(tag("b")));
    assert_eq!(store.everything().await, before);
    app.at(30).purge("image").done().await;
    assert!(!app.holds("image", Liveness::Any, 30).await, "the tag had expired");
}

pub(crate) async fn m20_deleted_manifests_are_purged(store: Fixture) {
    let app = store.repo("app");
    app.at(10).create(a_manifest("image")).point("v1", "image").done().await;
    app.at(20).delete("image").done().await;
    assert!(app.at(30).purge("image").done().await.displaced.is_empty(), "its tags had ended");
    let digest = Some(digest("image"));
    assert_eq!(app.facts(PushAsk { digest, ..app.ask(30) }).await.existing, None);
    assert_eq!(app.history("v1").await, []);
    assert_eq!(app.at(31).keep("image").apply().await, Applied::ManifestGone);
}

pub(crate) async fn m20_access_goes_with_the_last_link_if_its_lease_is_over(store: Fixture) {
    let (app, other) = (store.repo("app"), store.repo("other"));
    for (blob, lease) in [("own", 15), ("leased", 21), ("shared", 15), ("of-the-dead", 15), ("everywhere", 15)] {
        app.upload_until(blob, lease).await;
    }
    other.upload("everywhere").await;
    let image = a_manifest("image").blob("own").blob("leased").blob("shared").blob("of-the-dead").blob("everywhere");
    app.at(10).create(image).point("v1", "image").done().await;
    app.at(11).create(a_manifest("dead").blob("of-the-dead")).done().await;
    app.at(11).create(a_manifest("alive").blob("shared")).point("v2", "alive").done().await;
    app.at(12).delete("dead").done().await;
    app.at(20).purge("image").done().await;
    let left: Vec<String> = store.keys(Table::RepositoryBlob).await.into_iter().collect();
    let mut expected: Vec<String> =
        ["leased", "of-the-dead", "shared"].iter().map(|blob| format!("app@{}", digest(blob))).collect();
    expected.push(format!("other@{}", digest("everywhere")));
    expected.sort();
    assert_eq!(left, expected);
    assert!(!app.has_blob("own", 14).await);
    assert!(app.has_blob("leased", 20).await && app.has_blob("shared", 1_000).await);
    assert!(other.has_blob("everywhere", 1_000).await);
}
