//! M7 and M8: manifests that are deleted, and that come back.

use crate::world::{Fixture, a_manifest, digest, digests, moved, tag};
use manifest_core::facts::PushAsk;
use manifest_core::plan::Applied;
use manifest_core::ports::{Fetched, Liveness, Removal};

pub(crate) async fn m7_a_deletion_ends_tags_and_pin_and_hides_at_once(store: Fixture) {
    let app = store.repo("app");
    let image = a_manifest("image").about("subject");
    app.at(10).create(image).point("v1", "image").point("v2", "image").pin("image", 500).done().await;
    app.at(10).create(a_manifest("other")).point("v3", "other").done().await;
    let done = app.at(20).delete("image").displaced_until(300).done().await;
    assert_eq!(done.displaced, moved([("v1", "image"), ("v2", "image")]));
    assert!(!done.created);
    assert!(!app.sees("image", 20).await, "neither a pin nor a tag that was displaced keeps it");
    assert!(!app.holds("image", Liveness::Undeleted, 20).await);
    assert!(app.holds("image", Liveness::Any, 20).await, "the row stays");
    assert!(app.referrers("subject", 20).await.is_empty());
    assert_eq!(app.tags(20).await, Some(vec!["v3".to_owned()]));
    assert_eq!((app.tag("v1").await, app.tag("v2").await), (None, None));
    let digest = Some(digest("image"));
    let existing = app.facts(PushAsk { digest, ..app.ask(20) }).await.existing;
    let existing = existing.map(|existing| (existing.deleted, existing.visible));
    assert_eq!(existing, Some((true, false)));
}

pub(crate) async fn m7_a_deletion_clears_the_pin_for_good(store: Fixture) {
    let app = store.repo("app");
    app.at(10).create(a_manifest("image")).pin("image", 500).done().await;
    app.at(20).delete("image").done().await;
    app.at(30).keep("image").done().await;
    assert!(app.holds("image", Liveness::Undeleted, 30).await);
    assert!(!app.sees("image", 30).await, "the pin did not come back with it");
}

pub(crate) async fn m7_an_expired_tag_neither_stops_a_deletion_nor_is_ended_by_it(store: Fixture) {
    let app = store.repo("app");
    app.at(10).create(a_manifest("image")).pin("image", 100).point("v1", "image").until(15).immutable().done().await;
    assert!(app.at(20).delete("image").done().await.displaced.is_empty());
    assert_eq!(app.history("v1").await[0].end, 15);
}

pub(crate) async fn m7_an_immutable_tag_stops_a_deletion(store: Fixture) {
    let app = store.repo("app");
    app.at(10).create(a_manifest("image")).point("a", "image").point("b", "image").immutable().done().await;
    assert_eq!(app.at(20).delete("image").apply().await, Applied::Immutable(tag("b")));
    assert_eq!(app.tags(20).await, Some(vec!["a".to_owned(), "b".to_owned()]));
    assert!(app.sees("image", 20).await);
}

pub(crate) async fn m7_visible_parents_stop_a_deletion_and_are_all_named(store: Fixture) {
    let app = store.repo("app");
    app.at(10).create(a_manifest("child")).point("child", "child").done().await;
    app.at(11).create(a_manifest("tagged").child("child")).point("v1", "tagged").done().await;
    app.at(12).create(a_manifest("pinned").child_or_not("child")).pin("pinned", 100).done().await;
    app.at(13).create(a_manifest("nested").child("child")).done().await;
    app.at(14).create(a_manifest("outer").child("nested")).point("v2", "outer").done().await;
    app.at(15).create(a_manifest("hidden").child("child")).done().await;
    app.at(16).create(a_manifest("dead").child("child")).done().await;
    app.at(17).delete("dead").done().await;
    let listed = app.at(20).delete("child").apply().await;
    assert_eq!(listed, Applied::ListedBy(digests(["tagged", "pinned", "nested"])));
    assert_eq!(app.follow("child", 20).await, Ok(digest("child")), "nothing was changed");
}

pub(crate) async fn m7_parents_that_are_deleted_or_not_kept_stop_nothing(store: Fixture) {
    let app = store.repo("app");
    app.at(10).create(a_manifest("child")).point("child", "child").done().await;
    app.at(11).create(a_manifest("dead").child("child")).point("v1", "dead").done().await;
    app.at(12).create(a_manifest("expired").child("child")).point("v2", "expired").until(15).done().await;
    app.at(13).delete("dead").done().await;
    app.at(20).delete("child").done().await;
    assert!(!app.sees("child", 20).await);
}

pub(crate) async fn m7_a_deletion_is_judged_by_what_the_plan_makes_of_tags_and_pins(store: Fixture) {
    let app = store.repo("app");
    app.at(10).create(a_manifest("child")).point("child", "child").done().await;
    app.at(11).create(a_manifest("list").child("child")).point("v1", "list").done().await;
    let delete = || app.at(20).delete("child").end("v1");
    assert_eq!(delete().displaced_until(900).apply().await, Applied::ListedBy(digests(["list"])));
    assert_eq!(delete().pin("list", 900).apply().await, Applied::ListedBy(digests(["list"])));
    assert_eq!(delete().point("v2", "list").apply().await, Applied::ListedBy(digests(["list"])));
    assert_eq!(delete().point("v2", "child").immutable().apply().await, Applied::Immutable(tag("v2")));
    assert_eq!(app.tags(20).await, Some(vec!["child".to_owned(), "v1".to_owned()]), "nothing was changed");
    assert_eq!(delete().done().await.displaced, moved([("child", "child"), ("v1", "list")]));
    assert!(app.holds("list", Liveness::Undeleted, 20).await && !app.holds("child", Liveness::Undeleted, 20).await);
}

pub(crate) async fn m7_a_subject_is_deleted_though_it_has_referrers(store: Fixture) {
    let app = store.repo("app");
    app.at(10).create(a_manifest("image")).point("v1", "image").done().await;
    app.at(11).create(a_manifest("signature").about("image")).done().await;
    app.at(12).create(a_manifest("sbom").about("image")).pin("sbom", 100).done().await;
    app.assert_same(&app.referrers("image", 15).await, ["signature", "sbom"]);
    app.at(20).delete("image").done().await;
    // What has support of its own stays listed.
    app.assert_same(&app.referrers("image", 20).await, ["sbom"]);
    assert!(!app.sees("signature", 20).await);
}

pub(crate) async fn m8_creating_or_keeping_revives(store: Fixture) {
    let app = store.repo("app");
    app.upload_until("layer", 5).await;
    let image = || a_manifest("image").blob("layer").about("subject").labelled("k", "v").acting(Some(7), true);
    app.at(10).create(image()).point("v1", "image").done().await;
    for round in [100, 200] {
        app.at(round).delete("image").done().await;
        assert!(!app.sees("image", round).await);
        assert!(!app.has_blob("layer", round).await, "a deleted manifest links nothing");
        let write = app.at(round + 10);
        let write = if round == 100 { write.create(image()) } else { write.keep("image") };
        let done = write.point("v1", "image").done().await;
        assert!(!done.created, "its row was there");
        assert!(app.sees("image", round + 10).await);
        assert_eq!(app.follow("v1", round + 10).await, Ok(digest("image")));
        assert!(app.has_blob("layer", round + 10).await, "its links count again");
        app.assert_same(&app.referrers("subject", round + 10).await, ["image"]);
        let children = digests(["image"]);
        let facts = app.facts(PushAsk { children, digest: Some(digest("image")), ..app.ask(round + 10) }).await;
        assert_eq!(facts.children[&digest("image")].labels["k"], "v", "its labels are there again");
        let acting = facts.existing.map(|existing| (existing.deleted, existing.acting.expires_after));
        assert_eq!(acting, Some((false, Some(7))));
    }
}

pub(crate) async fn m8_nothing_is_revived_without_what_it_needs(store: Fixture) {
    let app = store.repo("app");
    app.upload("layer").await;
    app.at(10).create(a_manifest("child")).done().await;
    app.at(11).create(a_manifest("index").blob("layer").child("child")).done().await;
    app.at(20).delete("index").done().await;
    app.at(21).delete("child").done().await;
    assert_eq!(app.at(30).keep("index").apply().await, Applied::MissingChildren(digests(["child"])));
    app.at(31).keep("child").done().await;
    assert_eq!(app.remove_blob("layer", 32).await, Removal::Removed);
    assert_eq!(app.at(33).keep("index").apply().await, Applied::MissingBlobs(digests(["layer"])));
    assert!(!app.holds("index", Liveness::Undeleted, 33).await);
}

pub(crate) async fn m8_a_tag_of_a_deleted_manifest_does_not_come_back_with_it(store: Fixture) {
    let app = store.repo("app");
    app.at(10).create(a_manifest("image")).point("v1", "image").done().await;
    app.at(20).delete("image").done().await;
    app.at(30).keep("image").pin("image", 100).done().await;
    assert_eq!(app.tags(30).await, Some(vec![]));
    assert_eq!(app.follow("v1", 30).await, Err(Fetched::TagExpired));
}
