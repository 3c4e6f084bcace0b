//! M3, M13 and M14: who was first, and what is linked.

use crate::world::{Fixture, a_manifest, at_once, digest, digests, must, repository};
use manifest_core::ReadScope;
use manifest_core::facts::{PushAsk, Visibility};
use manifest_core::plan::Applied;
use manifest_core::ports::PageAsk;

pub(crate) async fn m3_of_many_that_create_a_manifest_one_does(store: Fixture) {
    let app = store.repo("app");
    app.upload("layer").await;
    app.at(5).create(a_manifest("child")).done().await;
    let done = at_once(64, |number| {
        let image = a_manifest("image").blob("layer").child("child").labelled("k", "v");
        app.at(10).create(image).point(&format!("v{number}"), "image").done()
    });
    let done = done.await;
    assert_eq!(done.iter().filter(|done| done.created).count(), 1);
    assert_eq!(app.tags(10).await.map(|tags| tags.len()), Some(64), "the others point their tags all the same");
    let totals = must(app.rows.listings.totals().await);
    assert_eq!(totals.manifests, 2);
}

pub(crate) async fn m3_those_who_are_not_first_pin_all_the_same(store: Fixture) {
    let app = store.repo("app");
    let done = at_once(64, |number| {
        // Whoever comes first, it is unlikely to be the one with the longest pin.
        let until = 100 + i64::from(u8::try_from(number * 37 % 64).unwrap_or_default());
        app.at(10).create(a_manifest("image")).pin("image", until).done()
    });
    assert_eq!(done.await.iter().filter(|done| done.created).count(), 1);
    assert!(app.sees("image", 162).await);
    assert!(!app.sees("image", 163).await);
}

pub(crate) async fn m3_what_exists_is_not_created_again(store: Fixture) {
    let app = store.repo("app");
    let image = || a_manifest("image").labelled("k", "v");
    assert!(app.at(10).create(image()).done().await.created);
    assert!(!app.at(20).create(image()).point("v1", "image").done().await.created);
    assert!(!app.at(30).keep("image").done().await.created);
    // In another repository it is another manifest.
    assert!(store.repo("other").at(40).create(image()).done().await.created);
}

pub(crate) async fn m13_a_repository_is_created_once(store: Fixture) {
    let app = store.repo("app");
    let done = at_once(64, |number| {
        let name = format!("image-{number}");
        let write = app.at(10).in_a_new_repository(Visibility::Public);
        write.create(a_manifest(&name)).point(&name, &name).done()
    });
    assert!(done.await.iter().all(|done| done.created));
    assert_eq!(app.tags(10).await.map(|tags| tags.len()), Some(64));
    assert_eq!(must(app.rows.listings.totals().await).repositories, 1);
    let page = must(app.rows.listings.repositories(&ReadScope::All, &PageAsk::first(10)).await);
    assert_eq!(page.items, [repository("app")]);
}

pub(crate) async fn m13_a_repository_that_exists_keeps_its_visibility(store: Fixture) {
    let app = store.repo("app");
    app.at(10).in_a_new_repository(Visibility::Public).create(a_manifest("a")).done().await;
    app.at(20).in_a_new_repository(Visibility::Private).create(a_manifest("b")).done().await;
    let row = must(app.rows.repositories.find(&app.name).await);
    assert_eq!(row.map(|row| (row.visibility, row.created)), Some((Visibility::Public, 10)));
}

pub(crate) async fn m14_a_deleted_child_is_missing_to_new_links(store: Fixture) {
    let app = store.repo("app");
    app.at(10).create(a_manifest("child")).point("v1", "child").done().await;
    app.at(20).delete("child").done().await;
    let index = || a_manifest("index").child("child");
    let missing = Applied::MissingChildren(digests(["child"]));
    assert_eq!(app.at(30).create(index()).apply().await, missing);
    let children = digests(["child"]);
    assert!(app.facts(PushAsk { children, ..app.ask(30) }).await.children.is_empty());
    app.at(40).keep("child").done().await;
    app.at(50).create(index()).done().await;
}

pub(crate) async fn m14_a_child_that_comes_later_is_a_child(store: Fixture) {
    let app = store.repo("app");
    app.at(10).create(a_manifest("index").child_or_not("late")).point("v1", "index").done().await;
    app.at(20).create(a_manifest("late")).done().await;
    assert!(app.sees("late", 20).await, "its parent keeps it");
    let listed = Applied::ListedBy(digests(["index"]));
    assert_eq!(app.at(30).delete("late").apply().await, listed);
}

pub(crate) async fn m14_a_child_may_be_listed_more_than_once(store: Fixture) {
    let app = store.repo("app");
    app.at(10).create(a_manifest("child")).done().await;
    let index = a_manifest("index").child("child").child("child").child_or_not("child");
    app.at(20).create(index).point("v1", "index").done().await;
    assert_eq!(app.at(30).delete("child").apply().await, Applied::ListedBy(digests(["index"])));
    assert_eq!(app.follow("v1", 30).await, Ok(digest("index")));
}
