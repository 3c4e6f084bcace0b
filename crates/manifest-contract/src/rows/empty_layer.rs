//! M17 and B5: the blob that every store has.

use crate::world::{AnUpload, Fixture, a_manifest, must};
use manifest_core::empty_layer;
use manifest_core::plan::Applied;
use manifest_core::ports::{FinishUpload, Finished, Removal};

pub(crate) async fn m17_an_empty_store_has_the_empty_layer(store: Fixture) {
    let app = store.repo("app");
    let totals = must(app.rows.listings.totals().await);
    assert_eq!((totals.blobs, totals.blob_bytes), (1, 32));
    // Whoever uploads it is told where it is already.
    let upload = AnUpload::new(&app, "u").begun().await;
    let finish = FinishUpload {
        digest: empty_layer::digest(),
        size: empty_layer::BYTES.len() as u64,
        ..upload.finishing(0, "unused", "copy")
    };
    assert_eq!(upload.finish(finish).await, Finished::Done(empty_layer::blob()));
    let trash = store.trash().await;
    assert!(trash.contains(&upload.sealed("copy")), "the copy is not needed");
    assert!(!trash.contains(&empty_layer::location()));
}

pub(crate) async fn m17_a_manifest_brings_access_to_the_empty_layer(store: Fixture) {
    let (app, other) = (store.repo("app"), store.repo("other"));
    let find = async |now| must(app.rows.blobs.find(&app.name, &empty_layer::digest(), now).await);
    assert_eq!(find(5).await, None, "nothing grants it yet");
    app.at(10).create(a_manifest("image").with_empty_layer()).point("v1", "image").done().await;
    assert_eq!(find(1_000_000).await, Some(empty_layer::blob()));
    let elsewhere = must(other.rows.blobs.find(&other.name, &empty_layer::digest(), 10).await);
    assert_eq!(elsewhere, None, "to its own repository only");
}

pub(crate) async fn m17_a_manifest_that_comes_back_brings_access_again(store: Fixture) {
    let app = store.repo("app");
    let image = || a_manifest("image").with_empty_layer();
    app.at(10).create(image()).point("v1", "image").done().await;
    for round in [20, 30] {
        app.at(round).delete("image").done().await;
        // Whether or not there was anything left to remove, nothing is missing afterwards.
        let removed = must(app.rows.blobs.remove(&app.name, &empty_layer::digest(), round).await);
        assert_ne!(removed, Removal::StillLinked);
        let write = if round == 20 { app.at(round + 5).create(image()) } else { app.at(round + 5).keep("image") };
        assert!(matches!(write.apply().await, Applied::Done { .. }));
        let found = must(app.rows.blobs.find(&app.name, &empty_layer::digest(), round + 5).await);
        assert_eq!(found, Some(empty_layer::blob()));
    }
}

pub(crate) async fn b5_the_empty_layer_is_said_to_be_in_the_program(store: Fixture) {
    let app = store.repo("app");
    app.at(10).create(a_manifest("image").with_empty_layer()).done().await;
    let found = must(app.rows.blobs.find(&app.name, &empty_layer::digest(), 10).await);
    assert_eq!(found.map(|blob| blob.location), Some(empty_layer::location()));
}
