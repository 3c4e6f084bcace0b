//! L1 and L4: the history of tags.

use crate::world::{Fixture, Repo, a_manifest, page_of, tag, walked};
use manifest_core::NEVER;
use manifest_core::ports::{HistoryAsk, HistoryCursor, HistoryRow, PageAsk};

pub(crate) async fn l1_pages_of_a_history_follow_each_other(store: Fixture) {
    let app = history_of_many(&store).await;
    let cursor = |row: &HistoryRow| HistoryCursor { start: row.start, name: row.name.clone() };
    for name in [None, Some(tag("b"))] {
        let page = async |PageAsk { after, limit }| {
            let ask = HistoryAsk { name: name.clone(), after, limit, ..app.all_history() };
            page_of(app.rows.listings.history(&ask).await)
        };
        let all = page(PageAsk::first(1_000)).await.items;
        walked(&all, page, cursor).await;
    }
    // A cursor need not be a row's own, not even of the name that is asked about.
    let check = async |start, name, expected: &[i64]| {
        let after = Some(HistoryCursor { start, name: tag(name) });
        let ask = HistoryAsk { name: Some(tag("b")), after, ..app.all_history() };
        let page = page_of(app.rows.listings.history(&ask).await);
        assert_eq!(page.items.iter().map(|row| row.start).collect::<Vec<_>>(), expected, "{start} {name}");
    };
    check(25, "b", &[20, 10]).await;
    check(20, "a", &[20, 10]).await;
    check(20, "b", &[10]).await;
    check(20, "c", &[10]).await;
    check(5, "b", &[]).await;
}

async fn history_of_many(store: &Fixture) -> Repo {
    let app = store.repo("app");
    app.at(1).create(a_manifest("image")).done().await;
    for now in [10, 20, 30] {
        app.at(now).point("a", "image").point("b", "image").point("c", "image").until(now + 3).done().await;
    }
    app.at(40).end("a").done().await;
    app
}

pub(crate) async fn l4_a_history_is_newest_first_then_by_name(store: Fixture) {
    let app = history_of_many(&store).await;
    let page = page_of(app.rows.listings.history(&app.all_history()).await);
    let rows: Vec<(&str, i64, i64, bool)> =
        page.items.iter().map(|row| (row.name.as_str(), row.start, row.end, row.current)).collect();
    let expected = [
        ("a", 30, 40, false),
        ("b", 30, NEVER, true),
        // Expired, and still its name's present interval.
        ("c", 30, 33, true),
        ("a", 20, 30, false),
        ("b", 20, 30, false),
        ("c", 20, 23, false),
        ("a", 10, 20, false),
        ("b", 10, 20, false),
        ("c", 10, 13, false),
    ];
    assert_eq!(rows, expected);
    for name in ["a", "b", "c"] {
        let own: Vec<HistoryRow> = page.items.iter().filter(|row| row.name == tag(name)).cloned().collect();
        assert_eq!(app.history(name).await, own, "of one name");
    }
    assert_eq!(app.history("never").await, []);
}

/// The intervals that a question finds, as name and start; its pages are walked, too.
async fn found(app: &Repo, ask: HistoryAsk) -> Vec<(String, i64)> {
    let page = async |PageAsk { after, limit }| {
        let ask = HistoryAsk { after, limit, ..ask.clone() };
        page_of(app.rows.listings.history(&ask).await)
    };
    let all = page(PageAsk::first(1_000)).await.items;
    walked(&all, page, |row: &HistoryRow| HistoryCursor { start: row.start, name: row.name.clone() }).await;
    all.into_iter().map(|row| (row.name.to_string(), row.start)).collect()
}

fn named<const N: usize>(rows: [(&str, i64); N]) -> Vec<(String, i64)> {
    rows.map(|(name, start)| (name.to_owned(), start)).to_vec()
}

pub(crate) async fn l4_only_open_intervals_of_alive_tags_are_listed_if_asked_for(store: Fixture) {
    let app = history_of_many(&store).await;
    let active = |now| HistoryAsk { active_only: true, now, ..app.all_history() };
    assert_eq!(found(&app, active(32)).await, named([("b", 30), ("c", 30)]), "what was ended is closed");
    assert_eq!(found(&app, active(33)).await, named([("b", 30)]), "c expires at 33");
    let of_c = |now| HistoryAsk { name: Some(tag("c")), ..active(now) };
    assert_eq!(found(&app, of_c(32)).await, named([("c", 30)]));
    assert_eq!(found(&app, of_c(33)).await, named([]));
}

pub(crate) async fn l4_only_what_starts_or_ends_after_a_time_is_listed_if_asked_for(store: Fixture) {
    let app = history_of_many(&store).await;
    let since = |since| HistoryAsk { since: Some(since), ..app.all_history() };
    let at_29 = named([("a", 30), ("b", 30), ("c", 30), ("a", 20), ("b", 20)]);
    assert_eq!(found(&app, since(29)).await, at_29);
    // What is open for ever does not end, so not after any time either.
    assert_eq!(found(&app, since(30)).await, named([("a", 30), ("c", 30)]), "later, and not at that time");
    assert_eq!(found(&app, since(33)).await, named([("a", 30)]));
    assert_eq!(found(&app, since(40)).await, named([]));
    let both = HistoryAsk { active_only: true, name: Some(tag("c")), now: 32, ..since(30) };
    assert_eq!(found(&app, both).await, named([("c", 30)]));
}
