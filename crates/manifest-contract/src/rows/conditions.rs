//! M2: every condition is checked by the write itself.

use crate::world::{Fixture, Repo, a_manifest, at_once, digest, digests, race, tag};
use manifest_core::facts::Visibility;
use manifest_core::plan::{Applied, Guard};
use manifest_core::ports::Removal;

pub(crate) async fn m2_missing_blobs_are_all_named(store: Fixture) {
    let (app, other) = (store.repo("app"), store.repo("other"));
    app.upload("here").await;
    other.upload("elsewhere").await;
    let image = a_manifest("image").blob("here").blob("elsewhere").blob("nowhere").blob_or_not("whatever");
    let applied = app.at(10).create(image).point("v1", "image").apply().await;
    assert_eq!(applied, Applied::MissingBlobs(digests(["elsewhere", "nowhere"])));
    assert!(!app.sees("image", 10).await);
}

pub(crate) async fn m2_missing_children_are_all_named(store: Fixture) {
    let (app, other) = (store.repo("app"), store.repo("other"));
    app.at(10).create(a_manifest("here")).done().await;
    other.at(10).create(a_manifest("elsewhere")).done().await;
    let index = a_manifest("index").child("here").child("elsewhere").child("nowhere").child_or_not("whatever");
    let applied = app.at(20).create(index).point("v1", "index").apply().await;
    assert_eq!(applied, Applied::MissingChildren(digests(["elsewhere", "nowhere"])));
    assert!(!app.sees("index", 20).await);
}

pub(crate) async fn m2_an_access_row_is_enough_though_its_lease_ended(store: Fixture) {
    let app = store.repo("app");
    app.upload_until("layer", 5).await;
    assert!(!app.has_blob("layer", 10).await);
    assert!(app.at(10).create(a_manifest("image").blob("layer")).done().await.created);
    assert!(app.has_blob("layer", 10).await, "a link grants access");
}

pub(crate) async fn m2_the_stored_links_of_a_manifest_that_exists_are_checked(store: Fixture) {
    let app = store.repo("app");
    app.upload("layer").await;
    app.at(10).create(a_manifest("child")).done().await;
    app.at(11).create(a_manifest("image").blob("layer")).done().await;
    app.at(12).create(a_manifest("index").child("child")).done().await;
    app.at(20).delete("image").done().await;
    assert_eq!(app.remove_blob("layer", 21).await, Removal::Removed);
    app.at(22).delete("child").done().await;
    let missing = Applied::MissingBlobs(digests(["layer"]));
    assert_eq!(app.at(30).keep("image").point("v1", "image").apply().await, missing);
    // What the plan says of a manifest that exists counts for nothing.
    assert_eq!(app.at(30).create(a_manifest("image")).apply().await, missing);
    let missing = Applied::MissingChildren(digests(["child"]));
    assert_eq!(app.at(30).keep("index").point("v1", "index").apply().await, missing);
    assert_eq!(app.at(30).create(a_manifest("index")).apply().await, missing);
    assert_eq!(app.tags(30).await, Some(vec![]));
}

pub(crate) async fn m2_guards_hold_or_refuse(store: Fixture) {
    let app = store.repo("app");
    app.at(10).create(a_manifest("old")).done().await;
    app.at(10).create(a_manifest("new")).done().await;
    let (old, new) = (digest("old"), digest("new"));
    let table = [
        // The guard, and whether it holds for: no tag, an expired one, one at `old`, one at `new`.
        (Guard::Any, [true, true, true, true]),
        (Guard::Absent, [true, true, false, false]),
        (Guard::Is(old), [false, false, true, false]),
        (Guard::Is(new), [false, false, false, true]),
        (Guard::AbsentOrIs(new), [true, true, false, true]),
    ];
    for (number, (guard, holds)) in table.into_iter().enumerate() {
        for (state, holds) in ["none", "expired", "old", "new"].into_iter().zip(holds) {
            let name = format!("{state}-{number}");
            prepare(&app, state, &name).await;
            let before = app.history(&name).await;
            let applied = app.at(30).point(&name, "new").if_it(guard).apply().await;
            if holds {
                assert!(matches!(applied, Applied::Done { .. }), "{guard:?} on {state}: {applied:?}");
                assert_eq!(app.follow(&name, 30).await, Ok(new), "{guard:?} on {state}");
            } else {
                assert_eq!(applied, Applied::GuardFailed(tag(&name)), "{guard:?} on {state}");
                assert_eq!(app.history(&name).await, before, "{guard:?} on {state}");
            }
        }
    }
}

async fn prepare(app: &Repo, state: &str, name: &str) {
    match state {
        "expired" => app.at(20).point(name, "old").until(25).done().await,
        "old" | "new" => app.at(20).point(name, state).done().await,
        _ => return,
    };
}

pub(crate) async fn m2_guards_hold_or_refuse_the_end_of_a_tag(store: Fixture) {
    let app = store.repo("app");
    app.at(10).create(a_manifest("old")).point("v1", "old").done().await;
    let end = |guard| app.at(20).end("v1").if_it(guard).apply();
    let failed = Applied::GuardFailed(tag("v1"));
    assert_eq!(end(Guard::Absent).await, failed);
    assert_eq!(end(Guard::Is(digest("new"))).await, failed);
    assert_eq!(app.follow("v1", 20).await, Ok(digest("old")));
    assert!(matches!(end(Guard::Is(digest("old"))).await, Applied::Done { .. }));
    assert_eq!(end(Guard::Is(digest("old"))).await, Applied::TagGone(tag("v1")));
    assert_eq!(end(Guard::Any).await, Applied::TagGone(tag("v1")));
    app.at(30).point("v1", "old").until(35).done().await;
    assert_eq!(app.at(35).end("v1").apply().await, Applied::TagGone(tag("v1")), "an expired tag");
}

pub(crate) async fn m2_immutable_tags_stay(store: Fixture) {
    let app = store.repo("app");
    app.at(10).create(a_manifest("held")).point("v1", "held").until(100).immutable().done().await;
    app.at(11).create(a_manifest("new")).done().await;
    let before = app.history("v1").await;
    let held = Applied::Immutable(tag("v1"));
    assert_eq!(app.at(20).point("v1", "new").apply().await, held);
    assert_eq!(app.at(20).end("v1").apply().await, held);
    assert_eq!(app.at(20).delete("held").apply().await, held);
    // To say `Done` here would be to say that its new expiry holds.
    assert_eq!(app.at(20).point("v1", "held").apply().await, held);
    assert_eq!(app.history("v1").await, before);
    // Once it has expired, there is nothing to hold.
    app.at(100).point("v1", "new").done().await;
    assert_eq!(app.follow("v1", 100).await, Ok(digest("new")));
}

pub(crate) async fn m2_what_is_gone_is_said(store: Fixture) {
    let app = store.repo("app");
    app.at(10).create(a_manifest("image")).done().await;
    app.at(11).create(a_manifest("dead")).done().await;
    app.at(12).delete("dead").done().await;
    let gone = Applied::ManifestGone;
    assert_eq!(app.at(20).keep("never").apply().await, gone);
    assert_eq!(app.at(20).point("v1", "never").apply().await, gone);
    assert_eq!(app.at(20).point("v1", "dead").apply().await, gone);
    assert_eq!(app.at(20).keep("image").point("v1", "dead").apply().await, gone);
    assert_eq!(app.at(20).delete("never").apply().await, gone);
    assert_eq!(app.at(20).delete("dead").apply().await, gone);
    let nowhere = store.repo("nowhere");
    let write = nowhere.at(20).in_an_old_repository();
    assert_eq!(write.create(a_manifest("image")).apply().await, Applied::RepositoryGone);
    // A manifest of another repository is no manifest of this one.
    let other = store.repo("other");
    other.at(20).in_a_new_repository(Visibility::Private).create(a_manifest("image")).done().await;
    assert_eq!(other.at(20).keep("dead").apply().await, gone);
    assert_eq!(app.tags(20).await, Some(vec![]));
}

pub(crate) async fn m2_of_many_that_want_a_tag_to_be_absent_one_gets_it(store: Fixture) {
    let app = store.repo("app");
    let answers = at_once(64, |number| {
        let name = format!("image-{number}");
        app.at(10).create(a_manifest(&name)).point("v1", &name).if_it(Guard::Absent).apply()
    });
    let (done, refused): (Vec<_>, Vec<_>) =
        answers.await.into_iter().partition(|answer| matches!(answer, Applied::Done { .. }));
    assert_eq!(done.len(), 1);
    assert!(refused.iter().all(|answer| *answer == Applied::GuardFailed(tag("v1"))), "{refused:?}");
    assert_eq!(app.history("v1").await.len(), 1);
}

pub(crate) async fn m2_of_many_that_make_a_tag_immutable_one_gets_it(store: Fixture) {
    let app = store.repo("app");
    let answers = at_once(64, |number| {
        let name = format!("image-{number}");
        app.at(10).create(a_manifest(&name)).point("v1", &name).immutable().apply()
    });
    let answers = answers.await;
    let (done, refused): (Vec<_>, Vec<_>) =
        answers.iter().enumerate().partition(|(_, answer)| matches!(answer, Applied::Done { .. }));
    assert_eq!(done.len(), 1);
    assert!(refused.iter().all(|(_, answer)| **answer == Applied::Immutable(tag("v1"))), "{refused:?}");
    let winner = format!("image-{}", done[0].0);
    assert_eq!(app.follow("v1", 10).await, Ok(digest(&winner)));
}

pub(crate) async fn m2_a_blob_is_linked_or_removed_but_never_both(store: Fixture) {
    let app = store.repo("app");
    for round in 0..32 {
        let (layer, image) = (format!("layer-{round}"), format!("image-{round}"));
        app.upload(&layer).await;
        let push = app.at(10).create(a_manifest(&image).blob(&layer)).apply();
        let (repo, name) = (app.clone(), layer.clone());
        let removal = async move { repo.remove_blob(&name, 10).await };
        let outcome = race(round, push, removal).await;
        let pushed = matches!(outcome, (Applied::Done { .. }, Removal::StillLinked));
        let removed = outcome == (Applied::MissingBlobs(digests([&layer])), Removal::Removed);
        assert!(pushed || removed, "{outcome:?}");
        assert_eq!(app.has_blob(&layer, 10).await, pushed);
    }
}

pub(crate) async fn m2_a_child_is_listed_or_deleted_but_never_both(store: Fixture) {
    let app = store.repo("app");
    for round in 0..32 {
        let (child, index) = (format!("child-{round}"), format!("index-{round}"));
        app.at(10).create(a_manifest(&child)).done().await;
        let push = app.at(20).create(a_manifest(&index).child(&child)).point(&index, &index).apply();
        let outcome = race(round, push, app.at(20).delete(&child).apply()).await;
        let listed = matches!(&outcome, (Applied::Done { .. }, Applied::ListedBy(by)) if *by == digests([&index]));
        let deleted = matches!(&outcome, (Applied::MissingChildren(missing), Applied::Done { .. })
            if *missing == digests([&child]));
        assert!(listed || deleted, "{outcome:?}");
        assert_eq!(app.sees(&child, 20).await, listed);
    }
}
