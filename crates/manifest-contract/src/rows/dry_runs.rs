//! C7 and C8: what a sweep would remove, and how much that would free.

use crate::world::{Fixture, KINDS, Repo, a_manifest, digest, must};
use manifest_core::ports::{Doomed, Reclaim, SweepKind, Table};
use oci_types::Digest;
use std::collections::BTreeSet;

/// Rows of each kind that go at 200, and of each that stay.
async fn furnished(store: &Fixture) -> Repo {
    let (app, other) = (store.repo("app"), store.repo("other"));
    for (blob, lease) in [("a", 15), ("ab", 100), ("abc", 195), ("abcd", 15), ("abcde", 500)] {
        app.upload_until(blob, lease).await;
    }
    other.upload("ab").await;
    other.remove_blob("ab", 2).await;
    app.at(10)
        .create(a_manifest("kept").blob("abcd"))
        .point("kept", "kept")
        .point("old", "kept")
        .until(60)
        .done()
        .await;
    app.at(10).create(a_manifest("moved").blob("a")).point("moved", "moved").done().await;
    app.at(11).create(a_manifest("dead")).pin("dead", 1_000).point("dead", "dead").done().await;
    app.at(11).create(a_manifest("pinned").images(["base", "middle", "top"])).pin("pinned", 90).done().await;
    app.at(11).create(a_manifest("never").labelled("k", "v")).done().await;
    app.at(70).point("moved", "kept").done().await;
    app.at(75).delete("dead").done().await;
    app.at(90).point("moved", "kept").done().await;
    let gone = store.repo("gone");
    gone.at(80).create(a_manifest("image")).point("v1", "image").done().await;
    assert!(must(gone.rows.repositories.delete(&gone.name, 85).await));
    app
}

/// The keys of records that hold what a dry run named.
fn keys(kind: SweepKind, doomed: &[Doomed]) -> BTreeSet<String> {
    let key = |row: &Doomed| {
        let repository = row.repository.as_ref().map(ToString::to_string).unwrap_or_default();
        match kind {
            SweepKind::History => {
                let (name, start) = row.what.rsplit_once('@').unwrap_or_default();
                format!("{repository}:{name}#{:020}", start.parse::<i64>().unwrap_or_default())
            }
            SweepKind::Manifests | SweepKind::LegacyImages | SweepKind::Access => format!("{repository}@{}", row.what),
            SweepKind::Blobs | SweepKind::Repositories => row.what.clone(),
        }
    };
    doomed.iter().map(key).collect()
}

/// The keys of the rows that a sweep is about, those of tags as if they were closed.
async fn about(store: &Fixture, kind: SweepKind) -> BTreeSet<String> {
    match kind {
        SweepKind::History => {
            let tags = store.records(Table::Tag).await.into_iter();
            let start =
                |record: &manifest_core::ports::Record| record.columns["start"].parse::<i64>().unwrap_or_default();
            let tags = tags.map(|record| format!("{}#{:020}", record.key, start(&record)));
            tags.chain(store.keys(Table::TagHistory).await).collect()
        }
        SweepKind::Manifests => store.keys(Table::Manifest).await,
        SweepKind::LegacyImages => store.keys(Table::LegacyImage).await,
        SweepKind::Access => store.keys(Table::RepositoryBlob).await,
        SweepKind::Blobs => store.keys(Table::Blob).await,
        SweepKind::Repositories => store.keys(Table::Repository).await,
    }
}

pub(crate) async fn c7_a_dry_run_names_what_the_sweep_removes(store: Fixture) {
    furnished(&store).await;
    let sweeper = store.sweeper(200).in_steps_of(2);
    for kind in KINDS {
        let before = (store.everything().await, store.trash().await);
        let doomed = sweeper.doomed(kind).await;
        assert_eq!(sweeper.doomed(kind).await, doomed);
        assert_eq!((store.everything().await, store.trash().await), before, "a dry run of {kind:?} wrote something");
        assert!(!doomed.is_empty(), "nothing of {kind:?} goes");
        let rows = about(&store, kind).await;
        let removed = sweeper.sweep(kind).await;
        if kind == SweepKind::Repositories {
            let names: Vec<_> = doomed.iter().map(|row| row.what.as_str()).collect();
            assert_eq!(names, ["gone"]);
            assert!(removed > 0);
        } else {
            let gone: BTreeSet<String> = rows.difference(&about(&store, kind).await).cloned().collect();
            assert_eq!(gone, keys(kind, &doomed), "{kind:?}");
            assert_eq!(removed, doomed.len() as u64, "{kind:?}");
        }
        assert_eq!(sweeper.doomed(kind).await, [], "{kind:?}");
    }
}

pub(crate) async fn c7_each_step_names_what_the_same_step_removes(store: Fixture) {
    furnished(&store).await;
    let sweeper = store.sweeper(200).in_steps_of(2);
    for kind in KINDS.into_iter().filter(|kind| *kind != SweepKind::Repositories) {
        let mut after = None;
        loop {
            let dry = sweeper.ask(kind, after.clone());
            let (doomed, next) = must(store.rows.collection.doomed(&dry).await);
            assert!(doomed.len() <= 2, "a step of two");
            let rows = about(&store, kind).await;
            let done = sweeper.step(kind, after).await;
            let gone: BTreeSet<String> = rows.difference(&about(&store, kind).await).cloned().collect();
            assert_eq!((gone, done.next.clone()), (keys(kind, &doomed), next), "{kind:?}");
            after = done.next;
            if after.is_none() {
                break;
            }
        }
    }
}

pub(crate) async fn c7_a_dry_run_says_since_when(store: Fixture) {
    furnished(&store).await;
    let sweeper = store.sweeper(200);
    let check = async |kind, what: String, since: Option<i64>, bytes: u64| {
        let doomed = sweeper.doomed(kind).await;
        let row = doomed.iter().find(|row| row.what == what).map(|row| (row.since, row.bytes));
        assert_eq!(row, Some((since, bytes)), "{kind:?} {what} in {doomed:?}");
    };
    let name = |content: &str| digest(content).to_string();
    check(SweepKind::History, "old@10".to_owned(), Some(60), 0).await;
    check(SweepKind::History, "moved@10".to_owned(), Some(70), 0).await;
    check(SweepKind::Manifests, name("dead"), Some(75), 0).await;
    check(SweepKind::Manifests, name("moved"), Some(70), 0).await;
    check(SweepKind::Manifests, name("pinned"), Some(90), 0).await;
    check(SweepKind::Manifests, name("never"), None, 0).await;
    check(SweepKind::Access, name("ab"), Some(100), 0).await;
    check(SweepKind::Repositories, "gone".to_owned(), Some(85), 0).await;
    sweeper.sweep(SweepKind::Access).await;
    check(SweepKind::Blobs, name("ab"), None, 2).await;
}

async fn freed_by(repo: &Repo, names: &[&str], now: i64) -> (u64, u64, u64) {
    let digests: Vec<Digest> = names.iter().map(|name| digest(name)).collect();
    let Reclaim { manifests, blobs, bytes } = must(repo.rows.collection.freed_by(&repo.name, &digests, now).await);
    (manifests, blobs, bytes)
}

pub(crate) async fn c8_a_purge_frees_what_only_it_holds(store: Fixture) {
    let (app, other) = (store.repo("app"), store.repo("other"));
    for blob in ["a", "bb", "ccc", "dddd", "eeeee"] {
        app.upload_until(blob, if blob == "eeeee" { 21 } else { 5 }).await;
    }
    other.upload("dddd").await;
    let one = a_manifest("one").blob("a").blob("bb").blob("ccc").blob("dddd").blob("eeeee").with_empty_layer();
    app.at(10).create(one).point("v1", "one").done().await;
    app.at(11).create(a_manifest("two").blob("bb")).point("v2", "two").done().await;
    app.at(12).create(a_manifest("dead").blob("ccc")).done().await;
    app.at(13).delete("dead").done().await;
    let before = store.everything().await;
    assert_eq!(freed_by(&app, &["one"], 20).await, (1, 1, 1), "bb is two's, ccc the dead's, dddd the other's");
    assert_eq!(freed_by(&app, &["one", "two", "one", "never"], 20).await, (2, 2, 3), "each once");
    assert_eq!(freed_by(&app, &["one", "two", "dead"], 20).await, (3, 3, 6));
    assert_eq!(freed_by(&app, &["one", "two", "dead"], 21).await, (3, 4, 11), "a lease is over");
    assert_eq!(freed_by(&app, &["two"], 20).await, (1, 0, 0));
    assert_eq!(freed_by(&other, &["one"], 20).await, (0, 0, 0), "it is not there");
    assert_eq!(freed_by(&store.repo("nowhere"), &["one"], 20).await, (0, 0, 0));
    assert_eq!(store.everything().await, before, "a question changes nothing");
    other.upload_until("eeeee", 5).await;
    assert_eq!(
        freed_by(&app, &["one", "two", "dead"], 21).await,
        (3, 3, 6),
        "the other's row stays, although its lease is over"
    );
    // The purge keeps what was said.
    let said = freed_by(&app, &["one", "two", "dead"], 21).await;
    app.at(21).purge("one").purge("two").purge("dead").done().await;
    let doomed = store.sweeper(21).doomed(SweepKind::Blobs).await;
    assert_eq!((doomed.len() as u64, doomed.iter().map(|row| row.bytes).sum::<u64>()), (said.1, said.2));
    // What nobody may read any more is free already, although a manifest still names it.
    other.upload("loose").await;
    app.at(22).create(a_manifest("three").blob_or_not("loose")).done().await;
    other.remove_blob("loose", 23).await;
    assert_eq!(freed_by(&app, &["three"], 24).await, (1, 0, 0), "no access row goes with it");
}

pub(crate) async fn c8_what_is_reclaimable_is_what_a_collection_frees(store: Fixture) {
    let app = furnished(&store).await;
    // A blob that two manifests share, one of which goes; one that two repositories share, of which one lets it go.
    for (blob, lease) in [("shared-by-manifests", 5), ("shared-by-repositories", 5), ("orphan", 5)] {
        app.upload_until(blob, lease).await;
    }
    let other = store.repo("other");
    other.upload("shared-by-repositories").await;
    let both = |name: &str| a_manifest(name).blob("shared-by-manifests");
    app.at(10).create(both("going").blob("shared-by-repositories")).done().await;
    app.at(10).create(both("staying")).point("staying", "staying").done().await;
    app.remove_blob("orphan", 2).await;
    for now in [50, 111, 175, 190, 200, 600] {
        let before = store.everything().await;
        let said = must(store.rows.collection.reclaimable(now, 100, 10).await);
        assert_eq!(store.everything().await, before, "a question changes nothing");
        let manifests = store.sweeper(now).doomed(SweepKind::Manifests).await.len() as u64;
        let blobs = store.records(Table::Blob).await;
        store.sweeper(now).collect().await;
        let left = store.keys(Table::Blob).await;
        let gone: Vec<u64> = blobs
            .iter()
            .filter(|blob| !left.contains(&blob.key))
            .map(|blob| blob.columns["size"].parse().unwrap_or_default())
            .collect();
        let expected = (gone.len() as u64, gone.iter().sum::<u64>());
        assert_eq!((said.blobs, said.bytes), expected, "at {now}");
        assert!(said.manifests >= manifests, "at {now}");
        let nothing = must(store.rows.collection.reclaimable(now, 100, 10).await);
        assert_eq!(nothing, Reclaim::default(), "all of it is gone at {now}");
    }
}

pub(crate) async fn c8_what_a_deleted_repository_held_is_reclaimable(store: Fixture) {
    let (app, other) = (store.repo("app"), store.repo("other"));
    app.upload("own").await;
    app.upload("shared").await;
    other.upload("shared").await;
    app.at(10).create(a_manifest("image").blob("own").blob("shared")).point("v1", "image").done().await;
    let reclaimable = async || must(store.rows.collection.reclaimable(20, 100, 10).await);
    assert_eq!(reclaimable().await, Reclaim::default());
    assert!(must(app.rows.repositories.delete(&app.name, 20).await));
    assert_eq!(reclaimable().await, Reclaim { manifests: 1, blobs: 1, bytes: 3 });
    assert_eq!(freed_by(&other, &[], 20).await, (0, 0, 0));
}
