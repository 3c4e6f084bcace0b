//! M10 and M11: what a reference leads to.

use crate::world::{Fixture, a_manifest, actor, digest};
use manifest_core::facts::TagState;
use manifest_core::ports::{FetchAsk, Fetched, Found, Liveness};
use oci_types::MediaType;

pub(crate) async fn m10_a_tag_leads_to_its_manifest_until_it_expires(store: Fixture) {
    let app = store.repo("app");
    let image = a_manifest("image").of_media_type(MediaType::DOCKER_SCHEMA2);
    app.at(10).by("ann").create(image).point("v1", "image").until(50).immutable().done().await;
    let Fetched::Found(found) = app.fetch(app.fetching_tag("v1", 49)).await else {
        panic!("the tag is alive");
    };
    let expected = Found {
        digest: digest("image"),
        media_type: MediaType::DOCKER_SCHEMA2.parse().unwrap_or_else(|error| panic!("{error}")),
        size: 5,
        bytes: Some("image".into()),
        tag: Some(TagState {
            target: digest("image"),
            start: 10,
            expires: 50,
            immutable: true,
            actor: Some(actor("ann")),
        }),
    };
    assert_eq!(found, expected);
    assert_eq!(app.follow("v1", 50).await, Err(Fetched::TagExpired));
    let Fetched::Found(found) = app.fetch(app.fetching("image", Liveness::Any, 10)).await else {
        panic!("the manifest is there");
    };
    assert_eq!(found, Found { tag: None, ..expected }, "no tag led here");
}

pub(crate) async fn m10_a_name_that_was_is_told_from_one_that_never_was(store: Fixture) {
    let app = store.repo("app");
    app.at(10).create(a_manifest("image")).point("ended", "image").point("deleted", "image").done().await;
    app.at(20).end("ended").done().await;
    app.at(21).delete("image").done().await;
    assert_eq!(app.follow("ended", 30).await, Err(Fetched::TagExpired));
    assert_eq!(app.follow("deleted", 30).await, Err(Fetched::TagExpired));
    assert_eq!(app.follow("never", 30).await, Err(Fetched::Unknown));
    assert_eq!(store.repo("nowhere").follow("ended", 30).await, Err(Fetched::RepositoryUnknown));
    let nowhere = store.repo("nowhere");
    let fetched = nowhere.fetch(nowhere.fetching("image", Liveness::Any, 30)).await;
    assert_eq!(fetched, Fetched::RepositoryUnknown);
}

pub(crate) async fn m10_a_tag_leads_nowhere_in_another_repository(store: Fixture) {
    let (app, other) = (store.repo("app"), store.repo("other"));
    app.at(10).create(a_manifest("a")).point("v1", "a").done().await;
    other.at(10).create(a_manifest("b")).point("v2", "b").done().await;
    assert_eq!(other.follow("v1", 20).await, Err(Fetched::Unknown));
    assert_eq!(app.follow("v1", 20).await, Ok(digest("a")));
}

pub(crate) async fn m11_bytes_are_left_out_for_those_who_have_them(store: Fixture) {
    let app = store.repo("app");
    app.at(10).create(a_manifest("image")).point("v1", "image").done().await;
    for ask in [app.fetching_tag("v1", 20), app.fetching("image", Liveness::Visible, 20)] {
        for (have, expected) in [(None, true), (Some("image"), false), (Some("other"), true)] {
            let have = have.map(digest);
            let Fetched::Found(found) = app.fetch(FetchAsk { have, ..ask.clone() }).await else {
                panic!("the manifest is there");
            };
            assert_eq!(found.bytes.is_some(), expected, "{have:?}");
            assert_eq!(found.size, 5, "the size is said all the same");
        }
    }
}
