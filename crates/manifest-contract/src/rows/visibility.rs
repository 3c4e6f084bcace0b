//! M9: which manifests are found by digest.

use crate::world::{Fixture, Repo, a_manifest};
use manifest_core::facts::PushAsk;
use manifest_core::ports::Liveness;

/// What a fetch finds, and what facts say of it, which must be the same.
async fn seen(app: &Repo, name: &str, now: i64) -> bool {
    let seen = app.sees(name, now).await;
    let digest = Some(crate::world::digest(name));
    let ask = PushAsk { digest, visibility: true, ..app.ask(now) };
    let facts = app.facts(ask).await.existing.is_some_and(|existing| existing.visible);
    assert_eq!(seen, facts, "fetch and facts differ about {name} at {now}");
    seen
}

pub(crate) async fn m9_a_tag_that_is_alive_keeps(store: Fixture) {
    let app = store.repo("app");
    app.at(10).create(a_manifest("image")).point("v1", "image").until(50).done().await;
    assert!(seen(&app, "image", 49).await);
    assert!(!seen(&app, "image", 50).await, "a tag is over when it expires");
}

pub(crate) async fn m9_a_pin_keeps_until_it_is_over(store: Fixture) {
    let app = store.repo("app");
    app.at(10).create(a_manifest("image")).pin("image", 50).done().await;
    assert!(seen(&app, "image", 49).await);
    assert!(!seen(&app, "image", 50).await);
}

pub(crate) async fn m9_an_interval_that_ends_later_keeps(store: Fixture) {
    let app = store.repo("app");
    app.at(500).create(a_manifest("image")).point("v1", "image").done().await;
    // Ended by a slow clock: the interval is closed where it started, at 500.
    app.at(100).end("v1").done().await;
    assert!(seen(&app, "image", 499).await);
    assert!(!seen(&app, "image", 500).await);
}

pub(crate) async fn m9_what_nothing_keeps_is_found_only_by_those_who_ask_for_it(store: Fixture) {
    let app = store.repo("app");
    app.at(10).create(a_manifest("image")).done().await;
    assert!(!seen(&app, "image", 10).await);
    assert!(app.holds("image", Liveness::Undeleted, 10).await);
    assert!(app.holds("image", Liveness::Any, 10).await);
    assert!(!app.holds("never", Liveness::Any, 10).await);
    assert!(!store.repo("nowhere").holds("image", Liveness::Any, 10).await);
}

pub(crate) async fn m9_ancestors_keep_at_any_depth(store: Fixture) {
    let app = store.repo("app");
    app.at(10).create(a_manifest("leaf")).done().await;
    app.at(11).create(a_manifest("inner").child("leaf")).done().await;
    app.at(12).create(a_manifest("outer").child("inner")).done().await;
    app.at(13).create(a_manifest("signature").about("leaf")).done().await;
    app.at(14).create(a_manifest("of-signature").about("signature")).done().await;
    app.at(15).create(a_manifest("part-of-signature")).done().await;
    app.at(16).create(a_manifest("list").child("part-of-signature").about("of-signature")).done().await;
    let all = ["leaf", "inner", "outer", "signature", "of-signature", "part-of-signature", "list"];
    for name in all {
        assert!(!seen(&app, name, 20).await, "{name}");
    }
    app.at(20).point("v1", "outer").until(50).done().await;
    for name in all {
        assert!(seen(&app, name, 49).await, "{name} is below the tagged one");
        assert!(!seen(&app, name, 50).await, "{name} goes with it");
    }
}

pub(crate) async fn m9_descendants_keep_nothing(store: Fixture) {
    let app = store.repo("app");
    app.at(10).create(a_manifest("child")).point("child", "child").done().await;
    app.at(11).create(a_manifest("index").child("child")).done().await;
    app.at(12).create(a_manifest("subject")).done().await;
    app.at(13).create(a_manifest("signature").about("subject")).point("signature", "signature").done().await;
    assert!(!seen(&app, "index", 20).await, "a child keeps no parent");
    assert!(!seen(&app, "subject", 20).await, "a referrer keeps no subject");
}

pub(crate) async fn m9_deleted_ancestors_keep_nothing(store: Fixture) {
    let app = store.repo("app");
    app.at(10).create(a_manifest("leaf")).done().await;
    app.at(11).create(a_manifest("inner").child("leaf")).done().await;
    app.at(12).create(a_manifest("outer").child("inner")).done().await;
    app.at(13).delete("inner").done().await;
    // The way to the tagged one leads through a deleted row, which can no longer be linked anew either.
    app.at(14).keep("outer").point("v1", "outer").apply().await;
    app.at(15).create(a_manifest("tagged").child_or_not("inner")).point("v2", "tagged").done().await;
    assert!(!seen(&app, "leaf", 20).await);
    app.at(20).keep("inner").done().await;
    assert!(seen(&app, "leaf", 20).await, "with the row the way is back");
}

pub(crate) async fn m9_what_is_deleted_is_not_visible_whatever_keeps_it(store: Fixture) {
    let app = store.repo("app");
    app.at(10).create(a_manifest("child")).done().await;
    app.at(20).delete("child").done().await;
    app.at(21).create(a_manifest("index").child_or_not("child")).point("v1", "index").done().await;
    assert!(!seen(&app, "child", 30).await);
}

pub(crate) async fn m9_a_cycle_ends(store: Fixture) {
    let app = store.repo("app");
    app.at(10).create(a_manifest("a").child_or_not("b").about("a")).done().await;
    app.at(11).create(a_manifest("b").child_or_not("a").about("c")).done().await;
    app.at(12).create(a_manifest("c").about("b")).done().await;
    for name in ["a", "b", "c"] {
        assert!(!seen(&app, name, 20).await, "{name}");
    }
    app.at(20).point("v1", "c").done().await;
    for name in ["a", "b", "c"] {
        assert!(seen(&app, name, 20).await, "{name}");
    }
}

pub(crate) async fn m9_other_repositories_keep_nothing(store: Fixture) {
    let (app, other) = (store.repo("app"), store.repo("other"));
    app.at(10).create(a_manifest("child")).done().await;
    other.at(10).create(a_manifest("child")).point("child", "child").done().await;
    other.at(11).create(a_manifest("index").child("child")).point("v1", "index").done().await;
    assert!(!seen(&app, "child", 20).await);
}

pub(crate) async fn m9_after_a_thousand_ancestors_the_answer_is_visible(store: Fixture) {
    let app = store.repo("app");
    app.at(10).create(a_manifest("0")).done().await;
    for number in 1..=1_100 {
        let above = a_manifest(&number.to_string()).child(&(number - 1).to_string());
        app.at(10).create(above).done().await;
    }
    assert!(seen(&app, "0", 20).await, "1,100 ancestors");
    assert!(!seen(&app, "600", 20).await, "500 ancestors, none of them kept");
    assert!(!seen(&app, "1100", 20).await, "no ancestor");
    app.at(20).point("v1", "1100").done().await;
    assert!(seen(&app, "600", 20).await, "the 500th ancestor is tagged");
}
