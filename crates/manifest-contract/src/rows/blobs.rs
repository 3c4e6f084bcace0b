//! B1 to B4: which repository may read which blob.

use crate::world::{Fixture, Repo, a_manifest, at_once, digest, must, repository};
use manifest_core::ReadScope;
use manifest_core::access::NameRange;
use manifest_core::facts::{Blob, Visibility};
use manifest_core::ports::{MountAsk, MountSource, Mounted, Removal};

pub(crate) async fn b1_access_lasts_as_long_as_its_lease(store: Fixture) {
    let app = store.repo("app");
    let blob = app.upload_until("layer", 50).await;
    assert_eq!(blob.size, 5);
    assert_eq!(app.blob("layer", 49).await, Some(blob));
    assert_eq!(app.blob("layer", 50).await, None, "the lease must be later than the time asked for");
    assert_eq!(app.blob("never", 49).await, None);
    assert_eq!(store.repo("nowhere").blob("layer", 49).await, None);
}

pub(crate) async fn b1_a_link_of_an_undeleted_manifest_grants_access_without_end(store: Fixture) {
    let app = store.repo("app");
    app.upload_until("layer", 50).await;
    app.upload_until("optional", 50).await;
    app.at(10).create(a_manifest("image").blob("layer").blob_or_not("optional")).done().await;
    for name in ["layer", "optional"] {
        assert!(app.has_blob(name, 1_000_000).await, "{name}");
    }
    app.at(20).delete("image").done().await;
    for name in ["layer", "optional"] {
        assert!(app.has_blob(name, 49).await, "{name} has its lease still");
        assert!(!app.has_blob(name, 50).await, "{name}");
    }
}

pub(crate) async fn b1_a_link_alone_grants_nothing(store: Fixture) {
    let (app, other) = (store.repo("app"), store.repo("other"));
    other.upload("layer").await;
    app.at(10).create(a_manifest("image").blob_or_not("layer")).point("v1", "image").done().await;
    assert!(!app.has_blob("layer", 20).await, "nobody uploaded it here");
    other.at(10).create(a_manifest("image").blob("layer")).point("v1", "image").done().await;
    assert!(!app.has_blob("layer", 20).await);
    app.upload_until("layer", 5).await;
    assert!(app.has_blob("layer", 20).await, "with an access row the link counts");
}

fn into(app: &Repo, content: &str, from: MountSource) -> MountAsk {
    MountAsk {
        to: app.name.clone(),
        from,
        digest: digest(content),
        lease_until: 100,
        create_repository: Some(Visibility::Private),
        now: 20,
    }
}

fn from(source: &Repo) -> MountSource {
    MountSource::Repository(source.name.clone())
}

async fn mounted(ask: MountAsk, store: &Fixture) -> Mounted {
    must(store.rows.blobs.mount(&ask).await)
}

pub(crate) async fn b2_a_mount_gives_access_to_what_its_source_has(store: Fixture) {
    let (source, app) = (store.repo("source"), store.repo("app"));
    let blob = source.upload_until("layer", 50).await;
    let ask = into(&app, "layer", from(&source));
    assert_eq!(mounted(ask, &store).await, Mounted::Done(blob.clone()));
    assert_eq!(app.blob("layer", 99).await, Some(blob));
    assert!(!app.has_blob("layer", 100).await);
    assert!(!source.has_blob("layer", 50).await, "the source's lease is what it was");
    app.at(30).create(a_manifest("image").blob("layer")).done().await;
}

pub(crate) async fn b2_a_mount_shortens_no_lease(store: Fixture) {
    let (source, app) = (store.repo("source"), store.repo("app"));
    source.upload("layer").await;
    app.upload_until("layer", 500).await;
    assert!(matches!(mounted(into(&app, "layer", from(&source)), &store).await, Mounted::Done(_)));
    assert!(app.has_blob("layer", 499).await);
    let ask = MountAsk { lease_until: 900, ..into(&app, "layer", from(&source)) };
    assert!(matches!(mounted(ask, &store).await, Mounted::Done(_)));
    assert!(app.has_blob("layer", 899).await);
}

pub(crate) async fn b2_only_what_the_source_grants_now_is_mounted(store: Fixture) {
    let (source, app) = (store.repo("source"), store.repo("app"));
    for (blob, lease_until) in [("over", 20), ("leased", 21), ("linked", 5), ("unlinked", 5), ("removed", 500)] {
        source.upload_until(blob, lease_until).await;
    }
    source.at(10).create(a_manifest("image").blob("linked")).done().await;
    source.at(10).create(a_manifest("dead").blob("unlinked")).done().await;
    source.at(11).delete("dead").done().await;
    assert_eq!(source.remove_blob("removed", 12).await, Removal::Removed);
    for (blob, granted) in
        [("over", false), ("leased", true), ("linked", true), ("unlinked", false), ("removed", false)]
    {
        for source in [from(&source), MountSource::Scope(ReadScope::All)] {
            let answer = mounted(into(&app, blob, source), &store).await;
            assert_eq!(matches!(answer, Mounted::Done(_)), granted, "{blob}: {answer:?}");
        }
        assert_eq!(app.has_blob(blob, 30).await, granted, "{blob}");
    }
}

pub(crate) async fn b2_a_mount_creates_its_repository_only_if_it_may(store: Fixture) {
    let (source, app) = (store.repo("source"), store.repo("app"));
    source.upload("layer").await;
    let ask = MountAsk { create_repository: None, ..into(&app, "layer", from(&source)) };
    assert_eq!(mounted(ask.clone(), &store).await, Mounted::RepositoryGone);
    assert_eq!(must(store.rows.repositories.find(&app.name).await), None);
    let create_repository = Some(Visibility::Public);
    assert!(matches!(mounted(MountAsk { create_repository, ..ask }, &store).await, Mounted::Done(_)));
    let row = must(store.rows.repositories.find(&app.name).await);
    assert_eq!(row.map(|row| (row.visibility, row.created)), Some((Visibility::Public, 20)));
}

pub(crate) async fn b2_many_mounts_at_once_all_succeed(store: Fixture) {
    let source = store.repo("source");
    let blob = source.upload("layer").await;
    let (rows, app) = (store.rows.clone(), store.repo("app"));
    let answers = at_once(64, |number| {
        let (rows, mut ask) = (rows.clone(), into(&app, "layer", from(&source)));
        ask.lease_until = 100 + i64::from(u8::try_from(number).unwrap_or_default());
        async move { must(rows.blobs.mount(&ask).await) }
    });
    assert!(answers.await.iter().all(|answer| *answer == Mounted::Done(blob.clone())));
    assert!(app.has_blob("layer", 162).await && !app.has_blob("layer", 163).await, "the longest lease stays");
}

/// Blobs of some repositories, two of them public.
async fn furnished(store: &Fixture) {
    for (name, visibility) in
        [("open", Visibility::Public), ("secret", Visibility::Private), ("team/app", Visibility::Private)]
    {
        let repo = store.repo(name);
        repo.at(1).in_a_new_repository(visibility).create(a_manifest("image")).done().await;
        repo.upload(&format!("of {name}")).await;
    }
}

pub(crate) async fn b2_any_repository_of_the_scope_is_a_source(store: Fixture) {
    furnished(&store).await;
    let app = store.repo("app");
    let team = || NameRange::below(&repository("team"));
    for (scope, granted) in [
        (ReadScope::nothing(), [false, false, false]),
        (ReadScope::ranges(true, []), [true, false, false]),
        (ReadScope::ranges(false, [team()]), [false, false, true]),
        (ReadScope::ranges(true, [team()]), [true, false, true]),
        (ReadScope::All, [true, true, true]),
    ] {
        for (blob, granted) in ["of open", "of secret", "of team/app"].into_iter().zip(granted) {
            let ask = into(&app, blob, MountSource::Scope(scope.clone()));
            let answer = mounted(ask, &store).await;
            assert_eq!(matches!(answer, Mounted::Done(_)), granted, "{blob} in {scope:?}: {answer:?}");
        }
        for blob in ["of open", "of secret", "of team/app"] {
            app.remove_blob(blob, 20).await;
        }
    }
}

pub(crate) async fn b2_a_source_out_of_the_scope_does_not_hide_one_in_it(store: Fixture) {
    // Names on both sides of the one in the scope, so that the first that has the blob is not the one that counts.
    for name in ["a", "m", "z"] {
        store.repo(name).upload("layer").await;
    }
    let app = store.repo("app");
    let scope = ReadScope::ranges(false, [NameRange::repository(&repository("m"))]);
    let answer = mounted(into(&app, "layer", MountSource::Scope(scope)), &store).await;
    assert!(matches!(answer, Mounted::Done(_)), "{answer:?}");
}

pub(crate) async fn b3_what_is_out_of_the_scope_looks_like_what_does_not_exist(store: Fixture) {
    furnished(&store).await;
    let app = store.repo("app");
    let scope = MountSource::Scope(ReadScope::ranges(true, []));
    let open = MountSource::Repository(repository("open"));
    for source in [scope, open] {
        let hidden = mounted(into(&app, "of secret", source.clone()), &store).await;
        let absent = mounted(into(&app, "never", source), &store).await;
        assert_eq!((hidden, absent), (Mounted::NotFound, Mounted::NotFound));
    }
    let nowhere = MountSource::Repository(repository("nowhere"));
    assert_eq!(mounted(into(&app, "of open", nowhere), &store).await, Mounted::NotFound);
    assert_eq!(must(store.rows.repositories.find(&app.name).await), None, "not even a repository is left");
}

pub(crate) async fn b4_a_blob_that_a_manifest_links_stays(store: Fixture) {
    let app = store.repo("app");
    app.upload_until("layer", 500).await;
    app.at(10).create(a_manifest("image").blob_or_not("layer")).done().await;
    assert_eq!(app.remove_blob("layer", 20).await, Removal::StillLinked);
    assert!(app.has_blob("layer", 20).await);
    app.at(30).delete("image").done().await;
    assert!(app.has_blob("layer", 499).await, "its lease is what it was");
    assert_eq!(app.remove_blob("layer", 30).await, Removal::Removed);
    assert!(!app.has_blob("layer", 30).await);
}

pub(crate) async fn b4_other_repositories_keep_their_access(store: Fixture) {
    let (app, other) = (store.repo("app"), store.repo("other"));
    let blob: Blob = app.upload("layer").await;
    other.upload("layer").await;
    other.at(10).create(a_manifest("image").blob("layer")).done().await;
    assert_eq!(app.remove_blob("layer", 20).await, Removal::Removed, "another repository's link is no link here");
    assert!(!app.has_blob("layer", 20).await);
    assert_eq!(other.blob("layer", 20).await, Some(blob.clone()));
    assert!(!store.trash().await.contains(&blob.location), "the bytes are still somebody's");
    assert_eq!(app.remove_blob("layer", 20).await, Removal::Absent);
    assert_eq!(app.remove_blob("never", 20).await, Removal::Absent);
    assert_eq!(store.repo("nowhere").remove_blob("layer", 20).await, Removal::Absent);
}
