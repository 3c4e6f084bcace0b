//! C5: sweeps that race with writers. What is acknowledged is there afterwards, whole, or it was refused.

use crate::world::{AnUpload, Fixture, KINDS, Repo, Sweeper, Write, a_manifest, at_once, digest, must, race};
use manifest_core::facts::Visibility;
use manifest_core::plan::Applied;
use manifest_core::ports::{Liveness, MountAsk, MountSource, Mounted, SweepKind, Table};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

const ROUNDS: usize = 48;

/// A write against a sweep of manifests, all of which go unless the write comes first. What the writer was told.
async fn against_manifests(store: &Fixture, round: usize, write: Write) -> Applied {
    let sweeper = store.sweeper(1_000).at_once();
    race(round, write.apply(), async move { sweeper.sweep(SweepKind::Manifests).await }).await.0
}

/// Panics unless the tag leads to the whole manifest if the write was done, and nowhere if it was not.
async fn assert_whole_if(done: &Applied, app: &Repo, name: &str) {
    let led = app.follow(name, 1_000).await;
    if matches!(done, Applied::Done { .. }) {
        assert_eq!(led, Ok(digest(name)), "{name} was acknowledged, and is lost");
        assert!(app.sees(name, 1_000).await);
        let labels = app.labels(name, "").await.map(|labels| labels.len());
        assert_eq!(labels, Some(1), "{name} lost its labels");
    } else {
        assert!(led.is_err(), "{name} was refused with {done:?}, and its tag is there");
    }
}

/// A manifest that goes with the next sweep, with one label.
async fn doomed(app: &Repo, name: &str) {
    app.at(10).create(a_manifest(name).labelled("k", "v")).done().await;
}

pub(crate) async fn c5_a_manifest_that_is_tagged_in_time_survives(store: Fixture) {
    let app = store.repo("app");
    for round in 0..ROUNDS {
        let name = format!("image-{round}");
        doomed(&app, &name).await;
        let write = app.at(1_000).keep(&name).point(&name, &name);
        let answer = against_manifests(&store, round, write).await;
        assert!(matches!(answer, Applied::Done { .. } | Applied::ManifestGone), "{answer:?}");
        assert_whole_if(&answer, &app, &name).await;
    }
}

pub(crate) async fn c5_a_manifest_that_is_pushed_or_revived_in_time_survives(store: Fixture) {
    let app = store.repo("app");
    for round in 0..ROUNDS {
        let name = format!("image-{round}");
        doomed(&app, &name).await;
        app.at(11).delete(&name).done().await;
        let write = app.at(1_000).create(a_manifest(&name).labelled("k", "v")).point(&name, &name);
        let answer = against_manifests(&store, round, write).await;
        assert!(matches!(answer, Applied::Done { .. }), "a push needs nothing to be there: {answer:?}");
        assert_whole_if(&answer, &app, &name).await;
    }
}

pub(crate) async fn c5_a_manifest_that_is_pinned_in_time_survives(store: Fixture) {
    let app = store.repo("app");
    for round in 0..ROUNDS {
        let name = format!("image-{round}");
        doomed(&app, &name).await;
        let answer = against_manifests(&store, round, app.at(1_000).pin(&name, 2_000)).await;
        assert!(matches!(answer, Applied::Done { .. } | Applied::ManifestGone), "{answer:?}");
        assert_eq!(app.sees(&name, 1_000).await, matches!(answer, Applied::Done { .. }), "{name}: {answer:?}");
    }
}

pub(crate) async fn c5_a_child_that_is_listed_in_time_survives(store: Fixture) {
    let app = store.repo("app");
    for round in 0..ROUNDS {
        let (child, index) = (format!("child-{round}"), format!("index-{round}"));
        doomed(&app, &child).await;
        let make = a_manifest(&index).child(&child).labelled("k", "v");
        let answer = against_manifests(&store, round, app.at(1_000).create(make).point(&index, &index)).await;
        assert!(matches!(answer, Applied::Done { .. } | Applied::MissingChildren(_)), "{answer:?}");
        assert_whole_if(&answer, &app, &index).await;
        assert_eq!(app.sees(&child, 1_000).await, matches!(answer, Applied::Done { .. }), "{child}: {answer:?}");
    }
}

pub(crate) async fn c5_what_a_moved_tag_leaves_behind_survives_by_its_pin(store: Fixture) {
    let app = store.repo("app");
    app.at(10).create(a_manifest("next")).point("next", "next").done().await;
    for round in 0..ROUNDS {
        let name = format!("image-{round}");
        doomed(&app, &name).await;
        let tag = format!("tag-{round}");
        app.at(10).point(&tag, &name).done().await;
        let write = app.at(1_000).point(&tag, "next").displaced_until(2_000);
        let answer = against_manifests(&store, round, write).await;
        assert!(matches!(answer, Applied::Done { .. }), "{answer:?}");
        assert!(app.sees(&name, 1_000).await, "it was tagged before and pinned after, and went in between");
    }
}

pub(crate) async fn c5_a_history_that_is_swept_while_its_tag_moves_stays_sound(store: Fixture) {
    let app = store.repo("app");
    app.at(10).create(a_manifest("a")).point("stays", "a").done().await;
    app.at(10).create(a_manifest("b")).point("kept", "b").done().await;
    for round in 0..ROUNDS {
        let now = 1_000 + i64::try_from(round).unwrap_or_default();
        let write = if round.is_multiple_of(3) { app.at(now).end("v1") } else { app.at(now).point("v1", "a") };
        let sweeper = store.sweeper(now).at_once();
        let sweeping = async move { sweeper.sweep(SweepKind::History).await };
        let (answer, _) = race(round, write.apply(), sweeping).await;
        assert!(matches!(answer, Applied::Done { .. } | Applied::TagGone(_)), "{answer:?}");
        crate::world::sound(&app.history("v1").await);
        let alive = app.follow("v1", now).await.is_ok();
        assert_eq!(alive, !round.is_multiple_of(3), "round {round}: {answer:?}");
        assert_eq!(app.follow("stays", now).await, Ok(digest("a")));
    }
}

/// Collects access rows, then blobs.
async fn collect_blobs(sweeper: Sweeper) {
    sweeper.sweep(SweepKind::Access).await;
    sweeper.sweep(SweepKind::Blobs).await;
}

/// Panics unless the repository has the blob at a place that is not in the trash.
async fn assert_readable(store: &Fixture, app: &Repo, content: &str) {
    let Some(blob) = app.blob(content, 1_000).await else { panic!("{content} was acknowledged, and is lost") };
    let trash = store.trash().await;
    assert!(!trash.contains(&blob.location), "the bytes of {content} are given up");
    assert!(store.keys(Table::Blob).await.contains(&digest(content).to_string()), "{content} has no row of its own");
}

pub(crate) async fn c5_a_blob_that_is_linked_in_time_survives(store: Fixture) {
    let app = store.repo("app");
    for round in 0..ROUNDS {
        let (blob, image) = (format!("blob-{round}"), format!("image-{round}"));
        app.upload_until(&blob, 20).await;
        let write = app.at(1_000).create(a_manifest(&image).blob(&blob)).point(&image, &image);
        let collecting = collect_blobs(store.sweeper(1_000).at_once());
        let (answer, ()) = race(round, write.apply(), collecting).await;
        if matches!(answer, Applied::Done { .. }) {
            assert_readable(&store, &app, &blob).await;
        } else {
            assert!(matches!(answer, Applied::MissingBlobs(_)), "{answer:?}");
            assert!(!app.has_blob(&blob, 1).await);
        }
    }
}

pub(crate) async fn c5_a_blob_that_is_mounted_in_time_survives(store: Fixture) {
    let (app, source) = (store.repo("app"), store.repo("source"));
    for round in 0..ROUNDS {
        let blob = format!("blob-{round}");
        source.upload_until(&blob, 20).await;
        let ask = MountAsk {
            to: app.name.clone(),
            from: MountSource::Repository(source.name.clone()),
            digest: digest(&blob),
            lease_until: 5_000,
            create_repository: Some(Visibility::Private),
            // By a clock that is behind, the source still grants it.
            now: 10,
        };
        let rows = store.rows.clone();
        let mounting = async move { must(rows.blobs.mount(&ask).await) };
        let (answer, ()) = race(round, mounting, collect_blobs(store.sweeper(1_000).at_once())).await;
        match answer {
            Mounted::Done(_) => assert_readable(&store, &app, &blob).await,
            Mounted::NotFound => assert!(!app.has_blob(&blob, 1).await),
            refusal @ (Mounted::RepositoryGone | Mounted::ReadOnly) => panic!("{refusal:?}"),
        }
    }
}

pub(crate) async fn c5_a_blob_that_is_uploaded_again_in_time_survives(store: Fixture) {
    let (app, other) = (store.repo("app"), store.repo("other"));
    for round in 0..ROUNDS {
        let blob = format!("blob-{round}");
        other.upload_until(&blob, 20).await;
        let again = AnUpload::new(&app, &format!("again {round}")).begun().await;
        let name = blob.clone();
        let uploading = async move { again.makes(&name, 5_000).await };
        let (made, ()) = race(round, uploading, collect_blobs(store.sweeper(1_000).at_once())).await;
        assert_readable(&store, &app, &blob).await;
        assert_eq!(app.blob(&blob, 1_000).await, Some(made), "where it was said to be");
    }
}

pub(crate) async fn c5_everything_that_is_acknowledged_under_constant_sweeps_is_there(store: Fixture) {
    let enough = Arc::new(AtomicBool::new(false));
    let (sweeper, stop) = (store.sweeper(2_000).at_once().in_steps_of(7), Arc::clone(&enough));
    let sweeping = tokio::spawn(async move {
        let mut removed = [0; KINDS.len()];
        // The last round is after the last write, so it finds what is left.
        let mut last = false;
        while !last {
            last = stop.load(Ordering::SeqCst);
            for (kind, removed) in KINDS.into_iter().zip(&mut removed) {
                *removed += sweeper.sweep(kind).await;
            }
            tokio::task::yield_now().await;
        }
        removed
    });
    at_once(WRITERS, |writer| write_and_check(store.repo("app"), store.repo(&format!("own-{writer}")), writer)).await;
    enough.store(true, Ordering::SeqCst);
    match sweeping.await {
        Ok(removed) => assert!(removed[..4].iter().all(|removed| *removed > 0), "not all was swept: {removed:?}"),
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
    let app = store.repo("app");
    for (writer, round) in (0..WRITERS).flat_map(|writer| (0..IMAGES).map(move |round| (writer, round))) {
        let (blob, image) = (format!("blob-{writer}-{round}"), format!("image-{writer}-{round}"));
        assert_eq!(app.holds(&image, Liveness::Any, 1_000).await, stays(round), "{image}");
        let own = store.repo(&format!("own-{writer}"));
        assert_eq!(own.follow(&image, 1_000).await, Ok(digest(&image)));
        assert_readable(&store, &own, &blob).await;
    }
}

const WRITERS: usize = 6;

const IMAGES: usize = 12;

/// Which images a writer leaves tagged in the repository that all share.
fn stays(round: usize) -> bool {
    round.is_multiple_of(4)
}

/// Pushes an image with a layer whose lease is long over: the sweep takes it until an image links it.
async fn push(app: &Repo, blob: &str, image: &str, which: &str) {
    for attempt in 0..10_000 {
        let upload = AnUpload::new(app, &format!("{blob} {which} {attempt}")).begun().await;
        upload.makes(blob, 20).await;
        let made = a_manifest(image).blob(blob).images(["base", image]);
        let write = app.at(1_000).create(made).point(image, image);
        let answer = write.apply().await;
        if matches!(answer, Applied::Done { .. }) {
            return;
        }
        assert!(matches!(answer, Applied::MissingBlobs(_)), "{image}: {answer:?}");
        tokio::task::yield_now().await;
    }
    panic!("{image} is never faster than the sweep");
}

/// Pushes, mounts, deletes, restores and untags, and looks after each whether it is there.
async fn write_and_check(app: Repo, own: Repo, writer: usize) {
    for round in 0..IMAGES {
        let (blob, image) = (format!("blob-{writer}-{round}"), format!("image-{writer}-{round}"));
        push(&app, &blob, &image, "first").await;
        let ask = MountAsk {
            to: own.name.clone(),
            from: MountSource::Repository(app.name.clone()),
            digest: digest(&blob),
            lease_until: 5_000,
            create_repository: Some(Visibility::Private),
            now: 1_000,
        };
        assert!(matches!(must(own.rows.blobs.mount(&ask).await), Mounted::Done(_)));
        own.at(1_000).create(a_manifest(&image).blob(&blob)).point(&image, &image).done().await;
        tokio::task::yield_now().await;
        app.at(1_000).delete(&image).done().await;
        let back = app.at(1_000).keep(&image).point(&image, &image).apply().await;
        if !matches!(back, Applied::Done { .. }) {
            assert!(matches!(back, Applied::ManifestGone | Applied::MissingBlobs(_)), "{image}: {back:?}");
            push(&app, &blob, &image, "again").await;
        }
        tokio::task::yield_now().await;
        assert_eq!(app.follow(&image, 1_000).await, Ok(digest(&image)));
        let ancestry = must(app.rows.legacy_images.ancestry(&app.name, &image, 1_000).await);
        assert_eq!(ancestry, [image.as_str(), "base"], "its legacy images");
        assert!(app.has_blob(&blob, 1_000).await && own.has_blob(&blob, 1_000).await);
        if !stays(round) {
            app.at(1_000).end(&image).done().await;
        }
    }
}
