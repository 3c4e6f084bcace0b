//! R1 to R3: repositories as such.

use crate::world::{AnUpload, Fixture, a_manifest, at_once, digest, must, repository};
use manifest_core::PortErrorKind;
use manifest_core::facts::{RepositoryState, Visibility};
use manifest_core::plan::Applied;
use manifest_core::ports::{Begun, MountAsk, MountSource, Mounted, Removal, RepositoryRow};

pub(crate) async fn r1_a_repository_is_found_once_it_exists(store: Fixture) {
    let app = store.repo("app");
    let find = async |name: &str| must(store.rows.repositories.find(&repository(name)).await);
    assert_eq!(find("app").await, None);
    app.at(10).in_a_new_repository(Visibility::Public).create(a_manifest("image")).done().await;
    let row = RepositoryRow {
        name: repository("app"),
        state: RepositoryState::Open,
        visibility: Visibility::Public,
        created: 10,
    };
    assert_eq!(find("app").await, Some(row.clone()));
    assert_eq!(find("app/below").await, None);
    assert!(app.set_state(RepositoryState::ReadOnly).await);
    assert_eq!(find("app").await, Some(RepositoryRow { state: RepositoryState::ReadOnly, ..row }));
}

pub(crate) async fn r1_a_refused_write_brings_no_repository_into_being(store: Fixture) {
    let app = store.repo("app");
    let find = async || must(store.rows.repositories.find(&app.name).await);
    assert_eq!(app.at(10).keep("image").apply().await, Applied::ManifestGone);
    assert_eq!(find().await, None);
    let ask = MountAsk {
        to: app.name.clone(),
        from: MountSource::Repository(repository("nowhere")),
        digest: digest("layer"),
        lease_until: 100,
        create_repository: Some(Visibility::Private),
        now: 10,
    };
    assert_eq!(must(app.rows.blobs.mount(&ask).await), Mounted::NotFound);
    assert_eq!(find().await, None);
}

pub(crate) async fn r2_a_read_only_repository_takes_no_writes(store: Fixture) {
    let (app, source) = (store.repo("app"), store.repo("source"));
    app.upload("layer").await;
    source.upload("other").await;
    app.at(10).create(a_manifest("image")).point("v1", "image").done().await;
    assert!(app.set_state(RepositoryState::ReadOnly).await);

    assert_eq!(app.at(20).create(a_manifest("new")).apply().await, Applied::ReadOnly);
    assert_eq!(app.at(20).in_an_old_repository().end("v1").apply().await, Applied::ReadOnly);
    let upload = AnUpload::new(&app, "late");
    assert_eq!(upload.begin(upload.opening()).await, Begun::ReadOnly);
    assert_eq!(upload.load(20).await, None);
    let ask = MountAsk {
        to: app.name.clone(),
        from: MountSource::Repository(source.name.clone()),
        digest: digest("other"),
        lease_until: 100,
        create_repository: Some(Visibility::Private),
        now: 20,
    };
    assert_eq!(must(app.rows.blobs.mount(&ask).await), Mounted::ReadOnly);
    assert_eq!(app.remove_blob("layer", 20).await, Removal::ReadOnly);

    assert_eq!(app.follow("v1", 20).await, Ok(digest("image")), "it is read all the same");
    assert!(app.has_blob("layer", 20).await && !app.has_blob("other", 20).await);
    assert!(app.set_state(RepositoryState::Open).await);
    app.at(30).create(a_manifest("new")).done().await;
    assert!(matches!(must(app.rows.blobs.mount(&ask).await), Mounted::Done(_)));
}

pub(crate) async fn r2_a_state_is_set_only_where_there_is_a_repository(store: Fixture) {
    let app = store.repo("app");
    assert!(!app.set_state(RepositoryState::ReadOnly).await);
    assert_eq!(must(app.rows.repositories.find(&app.name).await), None);
    app.at(10).create(a_manifest("image")).done().await;
    let Err(error) = app.rows.repositories.set_state(&app.name, RepositoryState::Absent).await else {
        panic!("a repository was deleted by setting its state");
    };
    assert_eq!(error.kind(), PortErrorKind::Internal);
    assert_eq!(app.tags(10).await, Some(vec![]));
}

pub(crate) async fn r3_a_repository_is_made_once(store: Fixture) {
    let name = repository("app");
    let made = at_once(32, |number| {
        let (rows, name) = (store.rows.clone(), name.clone());
        let visibility = if number % 2 == 0 { Visibility::Public } else { Visibility::Private };
        let now = i64::try_from(number).unwrap_or_default();
        async move { (must(rows.repositories.create(&name, visibility, now).await), visibility, now) }
    });
    let made = made.await;
    let done: Vec<_> = made.iter().filter(|(done, ..)| *done).collect();
    assert_eq!(done.len(), 1, "{made:?}");
    let row = must(store.rows.repositories.find(&name).await);
    let expected =
        RepositoryRow { name: name.clone(), state: RepositoryState::Open, visibility: done[0].1, created: done[0].2 };
    assert_eq!(row, Some(expected));
    assert_eq!(must(store.rows.listings.totals().await).repositories, 1);
}

pub(crate) async fn r3_what_exists_stays_as_it_is(store: Fixture) {
    let app = store.repo("app");
    app.at(10).create(a_manifest("image")).point("v1", "image").done().await;
    app.set_state(RepositoryState::ReadOnly).await;
    let before = must(app.rows.repositories.find(&app.name).await);
    assert!(!must(app.rows.repositories.create(&app.name, Visibility::Public, 20).await));
    assert_eq!(must(app.rows.repositories.find(&app.name).await), before);
    assert_eq!(app.follow("v1", 20).await, Ok(digest("image")));
    assert!(must(app.rows.repositories.create(&repository("app/below"), Visibility::Public, 20).await));
    assert_eq!(store.repo("app/below").tags(20).await, Some(vec![]));
}
