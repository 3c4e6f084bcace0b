//! M4 and M5: the history of a tag.

use crate::world::{Fixture, Repo, a_manifest, actor, at_once, digest, gapless, sound, tag};
use manifest_core::ports::HistoryRow;
use manifest_core::{Actor, Millis, NEVER};
use oci_types::Digest;

async fn with_manifests(store: &Fixture, names: &[&str]) -> Repo {
    let app = store.repo("app");
    for name in names {
        app.at(1).create(a_manifest(name)).done().await;
    }
    app
}

/// Start, end, and whether it is the present one, of each interval of the tag `v1`, the newest first.
async fn spans(app: &Repo) -> Vec<(Millis, Millis, bool)> {
    let history = app.history("v1").await;
    sound(&history);
    history.iter().map(|row| (row.start, row.end, row.current)).collect()
}

pub(crate) async fn m4_a_move_closes_the_old_interval_where_the_new_one_starts(store: Fixture) {
    let app = with_manifests(&store, &["a", "b"]).await;
    app.at(10).point("v1", "a").done().await;
    assert_eq!(spans(&app).await, [(10, NEVER, true)]);
    app.at(20).point("v1", "b").until(50).done().await;
    assert_eq!(spans(&app).await, [(20, 50, true), (10, 20, false)]);
    app.at(30).point("v1", "a").done().await;
    assert_eq!(spans(&app).await, [(30, NEVER, true), (20, 30, false), (10, 20, false)]);
}

pub(crate) async fn m4_intervals_never_overlap_though_the_clock_falls_back(store: Fixture) {
    let app = with_manifests(&store, &["a", "b"]).await;
    app.at(100).point("v1", "a").done().await;
    app.at(40).point("v1", "b").done().await;
    assert_eq!(spans(&app).await, [(101, NEVER, true), (100, 101, false)]);
    app.at(101).point("v1", "a").done().await;
    assert_eq!(spans(&app).await[0], (102, NEVER, true));
    assert_eq!(app.follow("v1", 40).await, Ok(digest("a")), "it is alive though it starts in the future");
    app.at(40).end("v1").done().await;
    assert_eq!(spans(&app).await[0], (102, 102, false));
    app.at(40).point("v1", "b").done().await;
    let expected = [(103, NEVER, true), (102, 102, false), (101, 102, false), (100, 101, false)];
    assert_eq!(spans(&app).await, expected);
}

pub(crate) async fn m4_an_end_closes_at_its_time_or_at_the_expiry_that_came_first(store: Fixture) {
    let app = with_manifests(&store, &["a"]).await;
    app.at(10).point("v1", "a").until(100).done().await;
    app.at(20).end("v1").done().await;
    assert_eq!(spans(&app).await, [(10, 20, false)]);
    app.at(30).point("v1", "a").until(40).done().await;
    // It expired at 40; by then nobody could end it, so only a move closes it.
    app.at(60).point("v1", "a").until(100).done().await;
    assert_eq!(spans(&app).await, [(60, 100, true), (30, 40, false), (10, 20, false)]);
    assert_eq!(app.tag("v1").await.map(|state| (state.start, state.expires)), Some((60, 100)));
}

pub(crate) async fn m4_a_tag_that_comes_back_starts_behind_its_last_interval(store: Fixture) {
    let app = with_manifests(&store, &["a", "b"]).await;
    app.at(10).point("v1", "a").done().await;
    app.at(50).end("v1").done().await;
    // Another node's clock is behind: the name was taken until 50.
    app.at(30).point("v1", "b").done().await;
    assert_eq!(spans(&app).await, [(50, NEVER, true), (10, 50, false)]);
    app.at(20).end("v1").done().await;
    app.at(20).point("v1", "a").done().await;
    // The last interval is empty, and a start is never used twice.
    assert_eq!(spans(&app).await, [(51, NEVER, true), (50, 50, false), (10, 50, false)]);
}

pub(crate) async fn m4_an_interval_does_not_invert_though_its_expiry_lies_before_its_start(store: Fixture) {
    let app = with_manifests(&store, &["a", "b"]).await;
    app.at(500).point("v1", "a").done().await;
    // The plan was made by a slow clock: its expiry is past before the interval starts.
    app.at(100).point("v1", "b").until(200).done().await;
    app.at(100).point("v1", "a").until(200).done().await;
    app.at(100).end("v1").done().await;
    app.at(100).point("v1", "b").done().await;
    let starts: Vec<Millis> = spans(&app).await.iter().map(|span| span.0).collect();
    assert_eq!(starts, [503, 502, 501, 500]);
    // The same by one clock: an expiry that is past already.
    app.at(1_000).point("v1", "a").until(700).done().await;
    assert!(app.follow("v1", 1_000).await.is_err());
    spans(&app).await;
}

pub(crate) async fn m4_many_moves_leave_one_alive_tag_and_a_gapless_history(store: Fixture) {
    let app = store.repo("app");
    at_once(64, |number| {
        let name = format!("image-{number}");
        // Clocks differ: some tasks live in the past of others.
        let now = 1_000 + i64::from(u8::try_from(number % 7).unwrap_or_default()) * 100;
        app.at(now).create(a_manifest(&name)).point("v1", &name).done()
    })
    .await;
    let history = app.history("v1").await;
    assert_eq!(history.len(), 64);
    gapless(&history);
    let current: Vec<&HistoryRow> = history.iter().filter(|row| row.current).collect();
    assert_eq!(current, [&history[0]]);
    assert_eq!(app.follow("v1", 2_000).await, Ok(history[0].target));
    assert_eq!(app.tags(2_000).await, Some(vec!["v1".to_owned()]));
}

pub(crate) async fn m4_moves_and_ends_at_once_leave_a_sound_history(store: Fixture) {
    let app = with_manifests(&store, &["a", "b"]).await;
    let changed: Vec<bool> = at_once(64, |number| {
        let write = app.at(1_000 + i64::from(u8::try_from(number % 5).unwrap_or_default()));
        let write = match number % 3 {
            0 => write.end("v1"),
            1 => write.point("v1", "a"),
            _ => write.point("v1", "b"),
        };
        async move { number % 3 != 0 && matches!(write.apply().await, manifest_core::plan::Applied::Done { .. }) }
    })
    .await;
    let history = app.history("v1").await;
    sound(&history);
    assert_eq!(history.len(), changed.iter().filter(|pointed| **pointed).count(), "an interval for each move");
    assert_eq!(history[0].current, app.tag("v1").await.is_some());
    assert!(history[1..].iter().all(|row| !row.current));
}

pub(crate) async fn m5_the_history_keeps_who_what_and_why(store: Fixture) {
    let app = with_manifests(&store, &["a", "b"]).await;
    app.at(10).by("ann").point("v1", "a").done().await;
    app.at(20).by("bob").point("v1", "b").done().await;
    app.at(30).point("v1", "a").restoring().done().await;
    app.at(40).by("eve").end("v1").done().await;
    app.at(50).by("dan").point("v1", "b").done().await;
    let history = app.history("v1").await;
    let who: Vec<Option<&str>> = history.iter().map(|row| row.actor.as_ref().map(Actor::as_str)).collect();
    assert_eq!(who, [Some("dan"), None, Some("bob"), Some("ann")], "who made an interval, not who ended it");
    let what: Vec<Digest> = history.iter().map(|row| row.target).collect();
    assert_eq!(what, [digest("b"), digest("a"), digest("b"), digest("a")]);
    let before: Vec<Option<Digest>> = history.iter().map(|row| row.previous).collect();
    let expected = [Some(digest("a")), Some(digest("b")), Some(digest("a")), None];
    assert_eq!(before, expected, "what the name pointed at before, though it was gone for a while");
    let reversions: Vec<bool> = history.iter().map(|row| row.reversion).collect();
    assert_eq!(reversions, [false, true, false, false]);
    assert!(history.iter().all(|row| row.name == tag("v1")));
    assert_eq!(app.tag("v1").await.and_then(|state| state.actor), Some(actor("dan")));
}

pub(crate) async fn m5_intervals_of_no_length_are_kept(store: Fixture) {
    let app = with_manifests(&store, &["a", "b"]).await;
    app.at(10).point("v1", "a").done().await;
    app.at(10).end("v1").done().await;
    assert_eq!(spans(&app).await, [(10, 10, false)]);
    app.at(10).point("v1", "b").done().await;
    assert_eq!(spans(&app).await, [(11, NEVER, true), (10, 10, false)], "twice in one millisecond");
}

pub(crate) async fn m5_pointing_at_the_same_manifest_again_starts_a_new_interval(store: Fixture) {
    let app = with_manifests(&store, &["a"]).await;
    app.at(10).point("v1", "a").done().await;
    let done = app.at(20).point("v1", "a").until(90).done().await;
    assert!(done.displaced.is_empty(), "nothing was left behind");
    assert_eq!(spans(&app).await, [(20, 90, true), (10, 20, false)]);
    assert_eq!(app.history("v1").await[0].previous, Some(digest("a")));
}

pub(crate) async fn m5_tags_that_a_deletion_ends_are_in_the_history(store: Fixture) {
    let app = with_manifests(&store, &["a", "b"]).await;
    app.at(10).by("ann").point("v1", "a").point("v2", "a").point("v3", "b").done().await;
    app.at(20).delete("a").done().await;
    for name in ["v1", "v2"] {
        let history = app.history(name).await;
        let spans: Vec<_> = history.iter().map(|row| (row.start, row.end, row.current, row.target)).collect();
        assert_eq!(spans, [(10, 20, false, digest("a"))], "{name}");
        assert_eq!(history[0].actor, Some(actor("ann")));
    }
    assert_eq!(app.tags(20).await, Some(vec!["v3".to_owned()]));
}
