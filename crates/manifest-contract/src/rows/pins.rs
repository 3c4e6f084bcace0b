//! M6: what a tag leaves behind is pinned.

use crate::world::{Fixture, a_manifest, at_once, moved};

pub(crate) async fn m6_a_move_pins_what_it_leaves_behind(store: Fixture) {
    let app = store.repo("app");
    app.at(10).create(a_manifest("old")).point("latest", "old").done().await;
    let write = app.at(20).create(a_manifest("new")).point("latest", "new").displaced_until(100);
    assert_eq!(write.done().await.displaced, moved([("latest", "old")]));
    assert!(app.sees("old", 99).await);
    assert!(!app.sees("old", 100).await);
    assert!(app.sees("new", 100).await);
}

pub(crate) async fn m6_an_end_pins_what_it_leaves_behind(store: Fixture) {
    let app = store.repo("app");
    app.at(10).create(a_manifest("old")).point("v1", "old").done().await;
    let done = app.at(20).end("v1").displaced_until(100).done().await;
    assert_eq!(done.displaced, moved([("v1", "old")]));
    assert!(app.sees("old", 99).await);
    assert!(!app.sees("old", 100).await);
}

pub(crate) async fn m6_a_tag_that_had_expired_pins_nothing(store: Fixture) {
    let app = store.repo("app");
    app.at(10).create(a_manifest("old")).point("v1", "old").until(15).done().await;
    let write = app.at(20).create(a_manifest("new")).point("v1", "new").displaced_until(100);
    assert!(write.done().await.displaced.is_empty());
    assert!(!app.sees("old", 20).await);
}

pub(crate) async fn m6_nothing_is_pinned_where_the_plan_does_not_say_so(store: Fixture) {
    let app = store.repo("app");
    app.at(10).create(a_manifest("old")).point("latest", "old").done().await;
    let done = app.at(20).create(a_manifest("new")).point("latest", "new").done().await;
    assert_eq!(done.displaced, moved([("latest", "old")]), "but it is said");
    assert!(app.sees("old", 19).await, "its interval ends at 20");
    assert!(!app.sees("old", 20).await);
}

pub(crate) async fn m6_a_tag_that_stays_pins_nothing(store: Fixture) {
    let app = store.repo("app");
    app.at(10).create(a_manifest("image")).point("v1", "image").until(50).done().await;
    let done = app.at(20).point("v1", "image").until(60).displaced_until(100).done().await;
    assert!(done.displaced.is_empty());
    assert!(app.sees("image", 59).await);
    assert!(!app.sees("image", 60).await);
}

pub(crate) async fn m6_the_greatest_pin_wins(store: Fixture) {
    let app = store.repo("app");
    app.at(10).create(a_manifest("image")).pin("image", 100).done().await;
    app.at(20).pin("image", 50).done().await;
    assert!(app.sees("image", 99).await, "a shorter pin shortens nothing");
    app.at(30).point("v1", "image").done().await;
    app.at(40).end("v1").displaced_until(70).done().await;
    assert!(app.sees("image", 99).await, "nor does a tag that leaves");
    app.at(50).pin("image", 200).done().await;
    assert!(app.sees("image", 199).await);
    assert!(!app.sees("image", 200).await);
}

pub(crate) async fn m6_of_many_pins_at_once_the_greatest_wins(store: Fixture) {
    let app = store.repo("app");
    app.at(10).create(a_manifest("image")).done().await;
    at_once(64, |number| {
        let until = 1_000 + i64::from(u8::try_from(number * 37 % 64).unwrap_or_default());
        app.at(20).pin("image", until).done()
    })
    .await;
    assert!(app.sees("image", 1_062).await);
    assert!(!app.sees("image", 1_063).await);
}

pub(crate) async fn m6_every_tag_that_leaves_is_named(store: Fixture) {
    let app = store.repo("app");
    app.at(10).create(a_manifest("a")).point("v1", "a").point("v2", "a").done().await;
    app.at(10).create(a_manifest("b")).point("v3", "b").point("v4", "b").until(15).done().await;
    let write = app.at(20).create(a_manifest("new")).displaced_until(100);
    let write = write.point("v1", "new").point("v3", "a").point("v4", "new").point("v5", "new").end("v2");
    assert_eq!(write.done().await.displaced, moved([("v1", "a"), ("v2", "a"), ("v3", "b")]));
    assert!(app.sees("b", 99).await && !app.sees("b", 100).await);
}
