//! M21: tags as they were.

use crate::world::{Fixture, Repo, a_manifest, actor, digest};
use manifest_core::facts::TagState;
use manifest_core::ports::{FetchAsk, Fetched, Liveness};
use oci_types::Digest;

async fn at(app: &Repo, name: &str, time: i64) -> Result<Digest, Fetched> {
    // What is alive now does not matter to what was.
    let ask = FetchAsk { at: Some(time), now: 1_000, ..app.fetching_tag(name, 0) };
    match app.fetch(ask).await {
        Fetched::Found(found) => Ok(found.digest),
        other @ (Fetched::RepositoryUnknown | Fetched::Unknown | Fetched::TagExpired) => Err(other),
    }
}

async fn moved(store: &Fixture) -> Repo {
    let app = store.repo("app");
    for name in ["a", "b", "c"] {
        app.at(1).create(a_manifest(name)).done().await;
    }
    app.at(10).by("ann").point("v1", "a").immutable().until(20).done().await;
    app.at(30).point("v1", "b").done().await;
    app.at(40).point("v1", "c").done().await;
    app.at(50).end("v1").done().await;
    app.at(60).point("v1", "a").until(70).done().await;
    app
}

pub(crate) async fn m21_the_interval_that_held_the_time_is_followed(store: Fixture) {
    let app = moved(&store).await;
    let check = async |time: i64, expected: Option<&str>| {
        assert_eq!(at(&app, "v1", time).await, expected.map(digest).ok_or(Fetched::Unknown), "at {time}");
    };
    check(9, None).await;
    check(10, Some("a")).await;
    check(19, Some("a")).await;
    check(20, None).await;
    check(29, None).await;
    check(30, Some("b")).await;
    check(39, Some("b")).await;
    check(40, Some("c")).await;
    check(49, Some("c")).await;
    check(50, None).await;
    check(60, Some("a")).await;
    check(69, Some("a")).await;
    check(70, None).await;
    check(i64::MIN, None).await;
    check(i64::MAX, None).await;
    assert_eq!(at(&app, "never", 40).await, Err(Fetched::Unknown));
    assert_eq!(at(&store.repo("nowhere"), "v1", 40).await, Err(Fetched::RepositoryUnknown));
    app.at(80).point("v1", "b").done().await;
    check(i64::MAX - 1, Some("b")).await;
}

pub(crate) async fn m21_the_interval_is_told(store: Fixture) {
    let app = moved(&store).await;
    let told = async |time| {
        let have = Some(digest("b"));
        match app.fetch(FetchAsk { at: Some(time), have, ..app.fetching_tag("v1", 0) }).await {
            Fetched::Found(found) => (found.tag, found.bytes.is_some()),
            other @ (Fetched::RepositoryUnknown | Fetched::Unknown | Fetched::TagExpired) => {
                panic!("nothing is found at {time}: {other:?}")
            }
        }
    };
    let state =
        |target, start, expires, by| TagState { target: digest(target), start, expires, immutable: false, actor: by };
    assert_eq!(told(15).await, (Some(state("a", 10, 20, Some(actor("ann")))), true), "what is over is mutable");
    assert_eq!(told(35).await, (Some(state("b", 30, 40, None)), false));
    assert_eq!(told(65).await, (Some(state("a", 60, 70, None)), true));
}

pub(crate) async fn m21_what_was_is_found_while_its_manifest_is_undeleted(store: Fixture) {
    let app = moved(&store).await;
    assert!(!app.sees("b", 1_000).await, "nothing keeps it");
    assert_eq!(at(&app, "v1", 35).await, Ok(digest("b")));
    app.at(100).delete("b").done().await;
    assert_eq!(at(&app, "v1", 35).await, Err(Fetched::Unknown));
    app.at(110).keep("b").done().await;
    assert_eq!(at(&app, "v1", 35).await, Ok(digest("b")));
}

pub(crate) async fn m21_a_digest_is_followed_whatever_the_time(store: Fixture) {
    let app = moved(&store).await;
    for (liveness, found) in [(Liveness::Visible, false), (Liveness::Undeleted, true), (Liveness::Any, true)] {
        let ask = FetchAsk { at: Some(35), ..app.fetching("b", liveness, 1_000) };
        assert_eq!(matches!(app.fetch(ask).await, Fetched::Found(_)), found, "{liveness:?}");
    }
}
