//! R4: repositories that are deleted, whole.

use crate::world::{AnUpload, Fixture, Repo, a_manifest, at_once, digest, must, tag};
use manifest_core::ReadScope;
use manifest_core::access::NameRange;
use manifest_core::facts::{PushAsk, RepositoryState, Visibility};
use manifest_core::plan::Applied;
use manifest_core::ports::{
    Fetched, Finished, Liveness, MountAsk, MountSource, Mounted, PageAsk, Published, Reclaim, Removal, SupportAsk,
    SweepKind, Table,
};

async fn delete(repo: &Repo, now: i64) -> bool {
    must(repo.rows.repositories.delete(&repo.name, now).await)
}

async fn furnished(store: &Fixture) -> (Repo, AnUpload) {
    let app = store.repo("app");
    assert!(must(app.rows.repositories.create(&app.name, Visibility::Public, 1).await));
    app.upload("layer").await;
    let image = a_manifest("image").blob("layer").about("subject").labelled("k", "v");
    let write = app.at(10).create(image);
    write.point("v1", "image").pin("image", 500).immutable().done().await;
    app.at(11).create(a_manifest("index").child("image")).point("v2", "index").done().await;
    let upload = AnUpload::new(&app, "open").begun().await;
    assert_eq!(upload.publish(0, upload.part("a", 3)).await, Published::Done);
    (app, upload)
}

fn mounting(from: MountSource, to: &Repo) -> MountAsk {
    let (to, digest) = (to.name.clone(), digest("layer"));
    MountAsk { to, from, digest, lease_until: 100, create_repository: Some(Visibility::Private), now: 20 }
}

pub(crate) async fn r4_a_deleted_repository_is_unknown_to_every_call(store: Fixture) {
    let (app, upload) = furnished(&store).await;
    let other = store.repo("other");
    other.at(10).create(a_manifest("mine")).done().await;
    assert!(delete(&app, 20).await);
    assert!(!delete(&app, 20).await, "it is gone");
    let (rows, name) = (&app.rows, &app.name);
    assert_eq!(must(rows.repositories.find(name).await), None);
    assert!(!app.set_state(RepositoryState::Open).await);
    assert_eq!(app.follow("v1", 20).await, Err(Fetched::RepositoryUnknown));
    assert_eq!(app.fetch(app.fetching("image", Liveness::Any, 20)).await, Fetched::RepositoryUnknown);
    let everything = PushAsk { digest: Some(digest("image")), tags: [tag("v1")].into(), ..app.ask(20) };
    let facts = app.facts(everything).await;
    assert_eq!((facts.repository, facts.existing, facts.tags.len()), (RepositoryState::Absent, None, 0));
    assert_eq!(app.at(20).in_an_old_repository().end("v1").apply().await, Applied::RepositoryGone);
    assert!(app.referrers("subject", 20).await.is_empty());
    assert_eq!(app.labels("image", "").await, None);
    let ask = SupportAsk { repository: name.clone(), digest: digest("image"), now: 20, window: 100 };
    assert_eq!(must(rows.manifests.support(&ask).await), None);
    assert_eq!(app.tags(20).await, None);
    assert!(must(rows.listings.tags(&app.all_tags()).await).is_none());
    assert!(must(rows.listings.history(&app.all_history()).await).is_none());
    assert_eq!(app.blob("layer", 20).await, None);
    assert_eq!(app.remove_blob("layer", 20).await, Removal::Absent);
    assert_eq!(upload.load(20).await, None);
    assert_eq!(upload.publish(3, upload.part("b", 1)).await, Published::Unknown);
    assert_eq!(upload.finish(upload.finishing(3, "content", "whole")).await, Finished::RepositoryGone);
    assert!(!upload.cancel(&[]).await);
    for from in [MountSource::Repository(name.clone()), MountSource::Scope(ReadScope::All)] {
        assert_eq!(must(rows.blobs.mount(&mounting(from, &other)).await), Mounted::NotFound);
    }
    for scope in [ReadScope::All, ReadScope::ranges(true, [NameRange::repository(name)])] {
        let page = must(rows.listings.repositories(&scope, &PageAsk::first(10)).await);
        assert!(!page.items.contains(name), "{scope:?}");
    }
    assert_eq!(must(rows.collection.freed_by(name, &[digest("image")], 20).await), Reclaim::default());
    let totals = must(rows.listings.totals().await);
    assert_eq!((totals.repositories, totals.manifests, totals.tags), (1, 1, 0));
    for table in Table::ALL {
        let mentions = store.keys(table).await.into_iter().any(|key| key.starts_with("app"));
        assert!(!mentions, "{table:?} mentions it");
    }
}

pub(crate) async fn r4_the_name_is_free_for_another_one(store: Fixture) {
    let (app, upload) = furnished(&store).await;
    assert!(delete(&app, 20).await);
    let created = must(app.rows.repositories.create(&app.name, Visibility::Private, 21).await);
    assert!(created, "the name is free");
    assert_eq!(app.tags(30).await, Some(vec![]), "nothing of the old one is in it");
    assert_eq!(app.history("v1").await, []);
    assert!(!app.holds("image", Liveness::Any, 30).await);
    assert_eq!(app.blob("layer", 30).await, None);
    assert_eq!(upload.load(30).await, None, "an upload of the old one is none of the new one");
    assert_eq!(upload.publish(3, upload.part("b", 1)).await, Published::Unknown);
    let late = upload.finish(upload.finishing(3, "content", "whole")).await;
    assert!(matches!(late, Finished::Unknown | Finished::RepositoryGone), "{late:?}");
    assert!(!app.has_blob("content", 30).await);
    assert!(store.trash().await.contains(&upload.sealed("whole")));
    let refused = app.at(30).create(a_manifest("image").blob("layer")).apply().await;
    assert_eq!(refused, Applied::MissingBlobs(crate::world::digests(["layer"])));
    let image = a_manifest("image").labelled("new", "one");
    assert!(app.at(31).create(image).point("v1", "image").done().await.created);
    // What is left of the old one goes without a trace in the new one.
    store.sweeper(40).collect().await;
    assert_eq!(app.follow("v1", 41).await, Ok(digest("image")));
    assert_eq!(app.history("v1").await.len(), 1);
    assert_eq!(app.labels("image", "").await.map(|labels| labels.len()), Some(1));
    assert!(delete(&app, 50).await, "and it is deleted like the first");
    assert_eq!(must(app.rows.repositories.find(&app.name).await), None);
}

pub(crate) async fn r4_its_rows_go_with_the_sweep(store: Fixture) {
    let (app, upload) = furnished(&store).await;
    let other = store.repo("other");
    let blob = app.blob("layer", 20).await.map(|blob| blob.location);
    let Some(location) = blob else { panic!("it was uploaded") };
    other.upload("mine").await;
    other.at(10).create(a_manifest("mine").blob("mine")).point("v1", "mine").done().await;
    assert!(delete(&app, 20).await);
    let before = store.everything().await;
    let sweeper = store.sweeper(30).in_steps_of(2);
    assert_eq!(sweeper.sweep(SweepKind::Blobs).await, 0, "its access rows are still there");
    let mut steps = 0;
    let mut after = None;
    loop {
        let done = sweeper.step(SweepKind::Repositories, after).await;
        assert!(done.removed <= 2, "a step of two removed {}", done.removed);
        steps += 1;
        after = done.next;
        if after.is_none() {
            break;
        }
    }
    assert!(steps > 2, "in batches");
    assert_eq!(sweeper.doomed(SweepKind::Repositories).await, []);
    assert_eq!(store.everything().await, before, "nobody else is touched");
    assert_eq!(sweeper.sweep(SweepKind::Blobs).await, 1, "nobody refers to its blob any more");
    let trash = store.trash().await;
    assert!(trash.contains(&location) && trash.contains(&upload.part("a", 3).location), "{trash:?}");
    assert!(other.has_blob("mine", 1_000).await);
}

pub(crate) async fn r4_a_repository_is_deleted_once_and_what_is_written_meanwhile_goes_with_it(store: Fixture) {
    let app = store.repo("app");
    app.at(10).create(a_manifest("image")).done().await;
    let answers = at_once(32, |number| {
        let (app, rows) = (app.clone(), store.rows.clone());
        let name = number.to_string();
        async move {
            if number % 4 == 0 {
                return must(rows.repositories.delete(&app.name, 20).await);
            }
            let write = app.at(20).in_an_old_repository().create(a_manifest(&name)).point(&name, &name);
            let answer = write.apply().await;
            assert!(matches!(answer, Applied::Done { .. } | Applied::RepositoryGone), "{answer:?}");
            false
        }
    });
    assert_eq!(answers.await.iter().filter(|deleted| **deleted).count(), 1);
    assert_eq!(app.tags(30).await, None);
    store.sweeper(30).collect().await;
    assert!(store.keys(Table::Manifest).await.is_empty());
}
