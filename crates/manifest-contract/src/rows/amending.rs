//! M18: intervals that are changed where they are.

use crate::world::{Fixture, Repo, a_manifest, actor, at_once, digest, tag};
use manifest_core::NEVER;
use manifest_core::facts::TagState;
use manifest_core::plan::Applied;

async fn tagged(store: &Fixture) -> (Repo, TagState) {
    let app = store.repo("app");
    app.at(5).create(a_manifest("old")).point("v1", "old").done().await;
    app.at(10).by("ann").create(a_manifest("image")).point("v1", "image").done().await;
    let Some(seen) = app.tag("v1").await else { panic!("it was pointed") };
    (app, seen)
}

pub(crate) async fn m18_an_amended_tag_stays_in_its_interval(store: Fixture) {
    let (app, seen) = tagged(&store).await;
    let before = app.history("v1").await;
    let write = app.at(20).by("bob").in_an_old_repository().amend("v1", &seen).until(90).immutable();
    let done = write.displaced_until(500).done().await;
    assert!(!done.created && done.displaced.is_empty(), "nothing was left behind");
    let amended = TagState { expires: 90, immutable: true, ..seen.clone() };
    assert_eq!(app.tag("v1").await, Some(amended.clone()), "same start, same target, same actor");
    let after = app.history("v1").await;
    assert_eq!(after.len(), 2, "nothing went to the history");
    assert_eq!((after[0].start, after[0].end, after[0].current), (10, 90, true));
    assert_eq!((after[0].previous, after[0].actor.clone()), (Some(digest("old")), Some(actor("ann"))));
    assert_eq!(after[1], before[1]);
    assert_eq!(app.at(30).point("v1", "old").apply().await, Applied::Immutable(tag("v1")));
    assert!(app.follow("v1", 89).await.is_ok() && app.follow("v1", 90).await.is_err());
    assert!(app.sees("image", 89).await && !app.sees("image", 90).await);
    // Back to how it was: an amendment is no move, so an immutable tag has it too.
    let loosened = app.at(40).amend("v1", &amended).until(NEVER).mutable().done().await;
    assert!(loosened.displaced.is_empty());
    assert_eq!(app.tag("v1").await, Some(seen));
}

pub(crate) async fn m18_only_the_interval_that_was_seen_is_amended(store: Fixture) {
    let (app, seen) = tagged(&store).await;
    app.at(11).point("expired", "image").until(15).point("ended", "image").done().await;
    let Some(expired) = app.tag("expired").await else { panic!("it was pointed") };
    app.at(12).end("ended").done().await;
    let refused = async |name: &str, seen: &TagState| {
        let before = (app.history(name).await, app.tag(name).await);
        let answer = app.at(20).amend(name, seen).until(90).apply().await;
        assert_eq!(answer, Applied::GuardFailed(tag(name)), "{name} {seen:?}");
        assert_eq!((app.history(name).await, app.tag(name).await), before);
    };
    refused("v1", &TagState { start: 9, ..seen.clone() }).await;
    refused("v1", &TagState { start: 5, ..seen.clone() }).await;
    refused("v1", &TagState { immutable: true, ..seen.clone() }).await;
    refused("expired", &expired).await;
    refused("ended", &TagState { start: 11, ..seen.clone() }).await;
    refused("never", &seen).await;
    app.at(20).point("v1", "image").done().await;
    refused("v1", &seen).await;
}

pub(crate) async fn m18_an_amended_interval_does_not_invert(store: Fixture) {
    let (app, seen) = tagged(&store).await;
    app.at(20).amend("v1", &seen).until(3).done().await;
    assert!(app.follow("v1", 20).await.is_err(), "it is over");
    let history = app.history("v1").await;
    crate::world::sound(&history);
    assert_eq!((history[0].start, history[0].end), (10, 10));
    app.at(5).point("v1", "old").done().await;
    crate::world::sound(&app.history("v1").await);
}

pub(crate) async fn m18_of_many_that_amend_one_interval_one_does(store: Fixture) {
    let (app, seen) = tagged(&store).await;
    let answers = at_once(32, |number| {
        let until = 100 + i64::try_from(number).unwrap_or_default();
        let write = app.at(20).amend("v1", &seen).until(until).immutable();
        async move { (until, write.apply().await) }
    });
    let answers = answers.await;
    let done: Vec<_> = answers.iter().filter(|(_, answer)| matches!(answer, Applied::Done { .. })).collect();
    assert_eq!(done.len(), 1, "the others saw it while it was mutable");
    assert_eq!(app.tag("v1").await.map(|state| state.expires), Some(done[0].0));
    assert!(
        answers
            .iter()
            .filter(|answer| *answer != done[0])
            .all(|(_, answer)| *answer == Applied::GuardFailed(tag("v1")))
    );
    assert_eq!(app.history("v1").await.len(), 2);
}
