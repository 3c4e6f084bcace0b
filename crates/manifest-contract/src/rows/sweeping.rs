//! C5 and C6: what a sweep removes, and that it looks at everything.

use crate::world::{Fixture, KINDS, Repo, a_manifest, digest, must};
use manifest_core::empty_layer;
use manifest_core::facts::Visibility;
use manifest_core::plan::Applied;
use manifest_core::ports::{Liveness, SweepKind, Table};
use std::collections::BTreeSet;

/// Which of some manifests have a row.
async fn rows<'a>(app: &Repo, names: &[&'a str]) -> Vec<&'a str> {
    let mut there = Vec::new();
    for name in names {
        if app.holds(name, Liveness::Any, 0).await {
            there.push(*name);
        }
    }
    there
}

pub(crate) async fn c5_intervals_go_when_the_window_is_over(store: Fixture) {
    let app = store.repo("app");
    app.at(1).create(a_manifest("a")).create(a_manifest("a")).done().await;
    app.at(10).point("moved", "a").point("expired", "a").until(20).point("alive", "a").point("ended", "a").done().await;
    app.at(20).point("moved", "a").done().await;
    app.at(30).point("moved", "a").end("ended").done().await;
    // At 120 the window begins at 20: what had ended by then is over.
    assert_eq!(store.sweeper(119).sweep(SweepKind::History).await, 0);
    assert_eq!(store.sweeper(120).sweep(SweepKind::History).await, 2);
    let starts =
        |history: Vec<manifest_core::ports::HistoryRow>| history.iter().map(|row| row.start).collect::<Vec<_>>();
    assert_eq!(starts(app.history("moved").await), [30, 20]);
    assert_eq!(starts(app.history("ended").await), [10]);
    assert_eq!(app.history("expired").await, [], "the row of a tag that expired goes as well");
    assert_eq!(app.tag("expired").await, None);
    assert_eq!(store.sweeper(10_000).sweep(SweepKind::History).await, 2);
    assert_eq!(starts(app.history("moved").await), [30], "what is alive stays");
    assert_eq!(app.tags(10_000).await, Some(vec!["alive".to_owned(), "moved".to_owned()]));
    assert_eq!(app.history("ended").await, []);
}

pub(crate) async fn c5_manifests_go_when_nothing_keeps_them_any_more(store: Fixture) {
    let app = store.repo("app");
    let all = [
        "alive",
        "pinned",
        "was",
        "moved",
        "expired",
        "dead",
        "long-dead",
        "never",
        "pin-over",
        "leaf",
        "inner",
        "about",
        "lost",
    ];
    for name in ["alive", "pinned", "was", "moved", "expired", "dead", "long-dead", "never", "pin-over", "leaf", "lost"]
    {
        app.at(10).create(a_manifest(name).labelled("k", name)).done().await;
    }
    app.at(11).create(a_manifest("inner").child("leaf")).point("inner", "inner").done().await;
    app.at(12).create(a_manifest("about").about("inner")).done().await;
    app.at(13).create(a_manifest("list").child("lost")).point("list", "list").done().await;
    app.at(20)
        .point("alive", "alive")
        .point("moved", "moved")
        .point("was", "was")
        .point("expired", "expired")
        .until(60)
        .done()
        .await;
    app.at(20).pin("pinned", 161).point("dead", "dead").point("long-dead", "long-dead").done().await;
    app.at(21).pin("pin-over", 160).done().await;
    app.at(40).delete("list").done().await;
    app.at(40).delete("long-dead").done().await;
    app.at(60).point("moved", "alive").end("inner").done().await;
    app.at(61).end("was").done().await;
    app.at(70).delete("dead").done().await;
    // The window begins at 60.
    let sweeper = store.sweeper(160);
    assert_eq!(sweeper.sweep(SweepKind::Manifests).await, 10);
    assert_eq!(rows(&app, &all).await, ["alive", "pinned", "was", "dead"]);
    for table in [Table::Label, Table::Manifest] {
        assert_eq!(store.keys(table).await.len(), 4, "{table:?}");
    }
    assert!(store.keys(Table::ManifestChild).await.is_empty());
    // Nothing is left that points at what is gone.
    let page = crate::world::page_of(app.rows.listings.history(&app.all_history()).await);
    let left = ["alive", "was", "dead"].map(digest);
    assert!(page.items.iter().all(|row| left.contains(&row.target)), "{:?}", page.items);
    app.at(165).keep("dead").point("dead", "dead").done().await;
    assert_eq!(app.follow("dead", 165).await, Ok(digest("dead")), "what was deleted came back in time");
    assert_eq!(store.sweeper(161).sweep(SweepKind::Manifests).await, 2, "the pin and the interval are over");
    assert_eq!(rows(&app, &all).await, ["alive", "dead"]);
}

pub(crate) async fn c5_ancestors_retain_what_they_hold(store: Fixture) {
    let app = store.repo("app");
    app.at(10).create(a_manifest("leaf")).done().await;
    app.at(11).create(a_manifest("index").child("leaf")).point("index", "index").done().await;
    app.at(12).create(a_manifest("signature").about("index")).done().await;
    app.at(13).create(a_manifest("sbom").about("signature")).done().await;
    app.at(20).delete("index").done().await;
    let all = ["leaf", "index", "signature", "sbom"];
    assert_eq!(store.sweeper(119).sweep(SweepKind::Manifests).await, 0, "the index may still be restored, whole");
    assert_eq!(rows(&app, &all).await, all);
    assert_eq!(store.sweeper(120).sweep(SweepKind::Manifests).await, 4);
    assert_eq!(rows(&app, &all).await, [""; 0]);
}

pub(crate) async fn c5_access_goes_when_nothing_needs_it(store: Fixture) {
    let app = store.repo("app");
    for (blob, lease) in [("linked", 50), ("linked-by-dead", 50), ("leased", 51), ("over", 50)] {
        app.upload_until(blob, lease).await;
    }
    app.at(10).create(a_manifest("image").blob("linked")).point("v1", "image").done().await;
    app.at(10).create(a_manifest("dead").blob_or_not("linked-by-dead")).done().await;
    app.at(11).delete("dead").done().await;
    let keys = |blobs: &[&str]| blobs.iter().map(|blob| format!("app@{}", digest(blob))).collect::<BTreeSet<_>>();
    assert_eq!(store.sweeper(59).sweep(SweepKind::Access).await, 0);
    assert_eq!(store.sweeper(60).sweep(SweepKind::Access).await, 1, "its lease ended at 50, and ten more have passed");
    assert_eq!(store.keys(Table::RepositoryBlob).await, keys(&["linked", "linked-by-dead", "leased"]));
    assert_eq!(store.sweeper(61).sweep(SweepKind::Access).await, 1);
    assert_eq!(store.keys(Table::RepositoryBlob).await, keys(&["linked", "linked-by-dead"]));
    store.sweeper(1_000).collect().await;
    assert_eq!(store.keys(Table::RepositoryBlob).await, keys(&["linked"]));
    assert!(app.has_blob("linked", 1_000).await);
}

pub(crate) async fn c5_blobs_that_nobody_may_read_go_to_the_trash(store: Fixture) {
    let (app, other) = (store.repo("app"), store.repo("other"));
    let own = app.upload("own").await;
    let shared = app.upload("shared").await;
    assert_eq!(other.upload("shared").await, shared);
    app.at(10).create(a_manifest("empty").with_empty_layer()).done().await;
    let before = store.trash().await;
    assert_eq!(store.sweeper(20).sweep(SweepKind::Blobs).await, 0);
    for blob in ["own", "shared"] {
        app.remove_blob(blob, 20).await;
    }
    assert_eq!(store.sweeper(20).sweep(SweepKind::Blobs).await, 1);
    let mut expected = before;
    expected.insert(own.location);
    assert_eq!(store.trash().await, expected, "in the same write");
    assert_eq!(other.blob("shared", 20).await, Some(shared));
    assert!(!store.keys(Table::Blob).await.contains(&digest("own").to_string()));
    // The shared empty layer is in the program: it stays, whether somebody refers to it or not.
    store.sweeper(1_000_000).at_once().collect().await;
    assert!(store.keys(Table::RepositoryBlob).await.iter().all(|key| key.starts_with("other@")));
    assert!(store.keys(Table::Blob).await.contains(&empty_layer::digest().to_string()));
    assert!(!store.trash().await.contains(&empty_layer::location()));
    app.at(2_000_000).create(a_manifest("empty").with_empty_layer()).done().await;
}

pub(crate) async fn c5_what_goes_is_gone_for_later_writes(store: Fixture) {
    let app = store.repo("app");
    app.upload_until("layer", 5).await;
    app.at(10).create(a_manifest("image").blob("layer")).done().await;
    store.sweeper(20).at_once().collect().await;
    assert_eq!(app.at(21).keep("image").apply().await, Applied::ManifestGone);
    let again = app.at(22).create(a_manifest("image").blob("layer")).apply().await;
    assert_eq!(again, Applied::MissingBlobs(crate::world::digests(["layer"])));
    let blob = crate::world::AnUpload::new(&app, "again").begun().await.makes("layer", 500).await;
    assert_eq!(app.blob("layer", 23).await, Some(blob.clone()));
    assert!(!store.trash().await.contains(&blob.location), "a fresh copy for a row that is new");
    assert!(app.at(23).create(a_manifest("image").blob("layer")).done().await.created);
}

/// Many rows of each kind that go, and as many that stay, in several repositories.
async fn crowd(store: &Fixture) -> Vec<Repo> {
    let mut repos = Vec::new();
    for name in ["a", "a-b", "a/b", "b"] {
        let repo = store.repo(name);
        for number in 0..7 {
            let (going, staying) = (format!("going-{number}"), format!("staying-{number}"));
            repo.upload_until(&format!("{going}-{name}"), 5).await;
            repo.upload_until(&format!("{staying}-{name}"), 1_000).await;
            let image = a_manifest(&going).images([going.as_str()]);
            repo.at(10).create(image).point(&going, &going).until(20).done().await;
            let image = a_manifest(&staying).images([staying.as_str()]);
            repo.at(10).create(image).point(&staying, &staying).done().await;
        }
        repos.push(repo);
    }
    for name in ["x", "y", "z"] {
        store.repo(name).at(10).create(a_manifest("image")).done().await;
        assert!(must(store.rows.repositories.delete(&store.repo(name).name, 15).await));
    }
    repos
}

pub(crate) async fn c6_steps_of_every_size_look_at_every_row(store: Fixture) {
    let repos = crowd(&store).await;
    for limit in [1, 3, 200] {
        let sweeper = store.sweeper(500).in_steps_of(limit);
        for kind in [SweepKind::History, SweepKind::Manifests, SweepKind::Access] {
            assert_eq!(sweeper.doomed(kind).await.len(), 28, "{kind:?} in steps of {limit}");
        }
        assert_eq!(sweeper.doomed(SweepKind::Repositories).await.len(), 3);
    }
    for (kind, limit) in KINDS.into_iter().zip([3, 1, 4, 2, 5, 1]) {
        let sweeper = store.sweeper(500).in_steps_of(limit);
        let removed = sweeper.sweep(kind).await;
        assert!(removed >= 28 || kind == SweepKind::Repositories && removed >= 3, "{kind:?} removed {removed}");
        assert_eq!(sweeper.doomed(kind).await, [], "{kind:?} left something behind");
    }
    for repo in repos {
        assert_eq!(repo.tags(500).await.map(|tags| tags.len()), Some(7), "what stays stays");
        assert_eq!(repo.history("going-0").await, []);
    }
}

pub(crate) async fn c6_rows_that_come_and_go_meanwhile_hide_none(store: Fixture) {
    let repos = crowd(&store).await;
    let sweeper = store.sweeper(500).in_steps_of(2);
    for kind in [SweepKind::History, SweepKind::Manifests, SweepKind::LegacyImages, SweepKind::Access] {
        let (mut round, mut after) = (0, None);
        loop {
            let done = sweeper.step(kind, after).await;
            let Some(next) = done.next else { break };
            after = Some(next);
            round += 1;
            // Before and behind the cursor, in old repositories and in new ones.
            let repo = &repos[round % repos.len()];
            let name = format!("{kind:?}-{round}");
            repo.upload_until(&name, 1_000).await;
            repo.at(400).create(a_manifest(&name).images([name.as_str()])).point(&name, &name).done().await;
            store
                .repo(&format!("a/{round}"))
                .at(400)
                .in_a_new_repository(Visibility::Public)
                .create(a_manifest("new"))
                .pin("new", 900)
                .done()
                .await;
            repo.at(401).end(&name).purge(&name).done().await;
        }
        assert!(round > 5, "{kind:?} took {round} steps");
        assert_eq!(sweeper.doomed(kind).await, [], "{kind:?} left something that was there all the time");
    }
}
