//! Answers that are kept in memory: as long as they are true, and no longer.

use super::world::{World, digest, manifest, plan};
use crate::lookups::Lookups;
use crate::{SqliteOptions, SqliteStore};
use manifest_core::facts::Blob;
use manifest_core::plan::{ManifestChange, Plan};
use manifest_core::ports::{Blobs, FetchAsk, Fetched, Found, Liveness, Manifests};
use manifest_core::time::Millis;
use oci_types::Digest;
use std::sync::Arc;

fn ask(reference: &str, now: Millis) -> FetchAsk {
    FetchAsk {
        repository: "app".parse().unwrap(),
        reference: reference.parse().unwrap(),
        now,
        liveness: Liveness::Visible,
        have: None,
        at: None,
    }
}

fn by_digest(name: &str, now: Millis) -> FetchAsk {
    ask(&digest(name).to_string(), now)
}

async fn fetch(world: &World, ask: &FetchAsk) -> Option<Found> {
    match world.store.fetch(ask).await.unwrap() {
        Fetched::Found(found) => Some(found),
        Fetched::RepositoryUnknown | Fetched::Unknown | Fetched::TagExpired => None,
    }
}

async fn media_type(world: &World, ask: &FetchAsk) -> String {
    fetch(world, ask).await.unwrap().media_type.to_string()
}

/// Changes what all manifests are, past the store: who still gets the old answer got it from memory.
fn change(world: &World) {
    world.sql("UPDATE manifest SET media_type = 'application/changed'");
}

#[tokio::test]
async fn answers_are_kept_until_the_store_writes() {
    let world = World::new();
    world.push("app", "image", &["latest"]).await;
    for ask in [ask("latest", 20), by_digest("image", 20)] {
        let first = fetch(&world, &ask).await.unwrap();
        change(&world);
        assert_eq!(fetch(&world, &ask).await.unwrap(), first);
        // The bytes are shared, not copied.
        let (again, bytes) = (fetch(&world, &ask).await.unwrap().bytes.unwrap(), first.bytes.unwrap());
        assert_eq!(again.as_ptr(), fetch(&world, &ask).await.unwrap().bytes.unwrap().as_ptr());
        assert_eq!(again, bytes);
        // Any write will do, elsewhere too.
        world.push("other", "another", &["latest"]).await;
        assert_eq!(media_type(&world, &ask).await, "application/changed");
        world.sql(&format!("UPDATE manifest SET media_type = '{}'", manifest("image").media_type));
        world.push("other", "another", &["later"]).await;
    }
}

#[tokio::test]
async fn a_tag_that_moves_or_ends_is_seen_by_the_next_who_asks() {
    let world = World::new();
    world.push("app", "image", &["latest"]).await;
    assert_eq!(fetch(&world, &ask("latest", 20)).await.unwrap().digest, digest("image"));
    world.push("app", "next", &["latest"]).await;
    assert_eq!(fetch(&world, &ask("latest", 20)).await.unwrap().digest, digest("next"));
    let mut delete = plan("app", "next", &[]);
    delete.delete = Some(digest("next"));
    world.store.apply(&Plan { manifest: None, pin: None, ..delete }).await.unwrap();
    assert_eq!(fetch(&world, &ask("latest", 30)).await, None);
}

#[tokio::test]
async fn no_answer_outlives_its_tag() {
    let world = World::new();
    world.push("app", "image", &["latest"]).await;
    world.sql("UPDATE tag SET expires_ms = 100; UPDATE manifest SET pinned_until_ms = 0");
    for ask in [ask("latest", 20), by_digest("image", 20)] {
        assert!(fetch(&world, &ask).await.is_some());
        change(&world);
        let at = |now| FetchAsk { now, ..ask.clone() };
        assert_ne!(media_type(&world, &at(99)).await, "application/changed", "kept");
        assert_eq!(fetch(&world, &at(100)).await, None, "over");
        world.sql(&format!("UPDATE manifest SET media_type = '{}'", manifest("image").media_type));
        world.push("other", "another", &["latest"]).await;
    }
}

#[tokio::test]
async fn what_depends_on_more_than_its_own_tag_is_read_each_time() {
    let world = World::new();
    world.push("app", "pinned", &[]).await;
    world.push("app", "image", &["latest"]).await;
    let undeleted = FetchAsk { liveness: Liveness::Undeleted, ..by_digest("image", 20) };
    let earlier = FetchAsk { at: Some(15), ..ask("latest", 20) };
    for ask in [by_digest("pinned", 20), undeleted, earlier] {
        assert_ne!(media_type(&world, &ask).await, "application/changed");
        change(&world);
        assert_eq!(media_type(&world, &ask).await, "application/changed", "{ask:?}");
        world.sql(&format!("UPDATE manifest SET media_type = '{}'", manifest("image").media_type));
    }
}

#[tokio::test]
async fn bytes_that_the_caller_has_are_left_out() {
    let world = World::new();
    world.push("app", "image", &["latest"]).await;
    let have = FetchAsk { have: Some(digest("image")), ..ask("latest", 20) };
    // An answer without bytes is not kept for those who want them.
    assert_eq!(fetch(&world, &have).await.unwrap().bytes, None);
    assert!(fetch(&world, &ask("latest", 20)).await.unwrap().bytes.is_some());
    assert_eq!(fetch(&world, &have).await.unwrap().bytes, None);
}

#[tokio::test]
async fn large_manifests_are_read_each_time() {
    let world = World::new();
    let mut large = plan("app", "image", &["latest"]);
    if let Some(ManifestChange::Create(new)) = &mut large.manifest {
        Arc::make_mut(new).bytes = vec![b' '; 8 * 1024 + 1].into();
    }
    world.store.apply(&large).await.unwrap();
    fetch(&world, &ask("latest", 20)).await.unwrap();
    change(&world);
    assert_eq!(media_type(&world, &ask("latest", 20)).await, "application/changed");
}

#[tokio::test]
async fn a_blob_is_kept_until_its_lease_ends_or_for_good_if_it_is_linked() {
    let world = World::new();
    world.push("app", "image", &["latest"]).await;
    let blob = manifest_core::empty_layer::digest();
    world.sql(
        "INSERT INTO repository_blob (repository_id, digest, size, location, lease_until_ms) \
         SELECT r.id, b.digest, b.size, b.location, 100 FROM repository r, blob b",
    );
    let size = async |after| {
        let found: Option<Blob> = world.store.find(&"app".parse().unwrap(), &blob, after).await.unwrap();
        found.map(|blob| blob.size)
    };
    assert_eq!(size(20).await, Some(32));
    world.sql("UPDATE repository_blob SET size = 33");
    assert_eq!((size(99).await, size(100).await), (Some(32), None));
    let link = "INSERT INTO manifest_blob (repository_id, manifest_id, digest, required) \
         SELECT r.id, m.id, b.digest, 1 FROM repository r, manifest m, blob b";
    world.sql(link);
    assert_eq!(size(100).await, Some(33));
    world.sql("UPDATE repository_blob SET size = 34");
    assert_eq!(size(1_000).await, Some(33));
    world.push("app", "next", &["latest"]).await;
    assert_eq!(size(1_000).await, Some(34));
}

#[tokio::test]
async fn a_store_without_room_or_that_is_only_read_keeps_nothing() {
    let world = World::new();
    world.push("app", "image", &["latest"]).await;
    let read = SqliteStore::open_read_only(&world.path(), SqliteOptions::default()).unwrap();
    world.store.close();
    let none = SqliteOptions { lookups: 0, ..SqliteOptions::default() };
    let written = SqliteStore::open(&world.path(), none).unwrap();
    for store in [read, written] {
        let kind = async || match store.fetch(&ask("latest", 20)).await.unwrap() {
            Fetched::Found(found) => found.media_type.to_string(),
            other @ (Fetched::RepositoryUnknown | Fetched::Unknown | Fetched::TagExpired) => panic!("{other:?}"),
        };
        assert_ne!(kind().await, "application/changed");
        change(&world);
        assert_eq!(kind().await, "application/changed");
        world.sql(&format!("UPDATE manifest SET media_type = '{}'", manifest("image").media_type));
    }
}

#[test]
fn nothing_is_answered_or_kept_while_a_commit_is_under_way() {
    let lookups = Lookups::new(16);
    let (repository, blob) = ("app".parse().unwrap(), Digest::of(oci_types::Algorithm::Sha256, b"blob"));
    let found = Blob { size: 1, location: manifest_core::empty_layer::location() };
    let before = lookups.state().unwrap();
    lookups.keep_blob(before, &repository, blob, &found, 100);
    assert_eq!(lookups.blob(before, &repository, blob, 20), Some(found.clone()));
    let changing = lookups.changing();
    assert_eq!(lookups.state(), None, "some see what is committed, and some do not yet");
    // Whoever began to read before may have read either.
    lookups.keep_blob(before, &repository, blob, &found, 100);
    drop(changing);
    let after = lookups.state().unwrap();
    assert_eq!(lookups.blob(after, &repository, blob, 20), None);
}
