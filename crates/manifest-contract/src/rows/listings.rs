//! L1 to L4: pages.

use crate::world::{Fixture, Repo, a_manifest, actor, digest, must, repository, tag};
use manifest_core::access::NameRange;
use manifest_core::facts::{TagState, Visibility};
use manifest_core::ports::{HistoryCursor, HistoryRow, Page, PageAsk, TagRow};
use manifest_core::{NEVER, ReadScope};
use oci_types::{MediaType, Platform, RepositoryName, TagName};
use std::fmt::Debug;

/// Tag names in byte order, as no collation orders them.
const TAGS: [&str; 9] = ["10", "9", "A", "C", "_x", "a", "a-1", "a.1", "b"];

async fn tagged(store: &Fixture) -> Repo {
    let app = store.repo("app");
    app.at(10).create(a_manifest("image")).done().await;
    for name in TAGS.iter().rev() {
        app.at(10).point(name, "image").done().await;
    }
    app
}

/// Walks pages of each size, and checks that together they are all items and say so.
async fn walked<T, K>(all: &[T], page: impl AsyncFn(PageAsk<K>) -> Page<T>, key: impl Fn(&T) -> K)
where
    T: PartialEq + Debug + Clone,
{
    let count = u32::try_from(all.len()).unwrap_or(u32::MAX);
    for limit in [1, 2, count - 1, count, count + 1] {
        let (mut after, mut listed) = (None, Vec::<T>::new());
        loop {
            let Page { items, more } = page(PageAsk { after, limit }).await;
            let full = usize::try_from(limit).unwrap_or(usize::MAX);
            assert!(items.len() == full || !more && items.len() < full, "a short page before the end");
            listed.extend(items);
            assert_eq!(more, listed.len() < all.len(), "whether more follow, in pages of {limit}");
            if !more {
                break;
            }
            after = listed.last().map(&key);
        }
        assert_eq!(listed, all, "pages of {limit}");
    }
    let nothing = page(PageAsk { after: None, limit: 0 }).await;
    assert!(nothing.items.is_empty() && !nothing.more, "a page of nothing");
}

fn page_of<T>(answer: manifest_core::Port<Option<Page<T>>>) -> Page<T> {
    match must(answer) {
        Some(page) => page,
        None => panic!("the repository exists"),
    }
}

async fn names(app: &Repo, ask: PageAsk<TagName>) -> Page<TagName> {
    page_of(app.rows.listings.tag_names(&app.name, &ask, 20).await)
}

pub(crate) async fn l1_pages_of_tags_follow_each_other_in_byte_order(store: Fixture) {
    let app = tagged(&store).await;
    let all: Vec<TagName> = TAGS.iter().map(|name| tag(name)).collect();
    walked(&all, async |ask| names(&app, ask).await, TagName::clone).await;
    let rows = async |ask| {
        let Page { items, more } = page_of(app.rows.listings.tags(&app.name, &ask, 20).await);
        let items: Vec<TagName> = items.into_iter().map(|row| row.name).collect();
        Page { items, more }
    };
    walked(&all, rows, TagName::clone).await;
}

pub(crate) async fn l1_a_page_may_start_behind_a_name_that_does_not_exist(store: Fixture) {
    let app = tagged(&store).await;
    let after = |name| PageAsk { after: Some(tag(name)), limit: 2 };
    let check = async |name, expected: [&str; 2], more: bool| {
        let page = names(&app, after(name)).await;
        assert_eq!((page.items, page.more), (expected.map(tag).to_vec(), more), "after {name}");
    };
    check("0", ["10", "9"], true).await;
    check("9zzz", ["A", "C"], true).await;
    check("B", ["C", "_x"], true).await;
    check("a-0", ["a-1", "a.1"], true).await;
    check("a-1", ["a.1", "b"], false).await;
    assert_eq!(names(&app, after("b")).await.items, []);
    assert_eq!(names(&app, after("z")).await.items, []);
}

pub(crate) async fn l1_expired_tags_take_no_room_on_a_page(store: Fixture) {
    let app = tagged(&store).await;
    for name in ["0", "A0", "_0", "c", "d"] {
        app.at(10).point(name, "image").until(15).done().await;
    }
    let all: Vec<TagName> = TAGS.iter().map(|name| tag(name)).collect();
    walked(&all, async |ask| names(&app, ask).await, TagName::clone).await;
}

pub(crate) async fn l1_pages_of_repositories_follow_each_other_in_byte_order(store: Fixture) {
    // Byte order puts `-` and `.` before `/`, and `/` before digits and letters.
    let all = ["a", "a-b", "a.b", "a/b", "a/b/c", "a0", "b"];
    for name in all.iter().rev() {
        store.repo(name).at(10).create(a_manifest("image")).done().await;
    }
    let all: Vec<RepositoryName> = all.iter().map(|name| repository(name)).collect();
    let whole = ReadScope::ranges(true, all.iter().map(NameRange::repository));
    for scope in [ReadScope::All, whole] {
        let page = async |ask| must(store.rows.listings.repositories(&scope, &ask).await);
        walked(&all, page, RepositoryName::clone).await;
        let after = PageAsk { after: Some(repository("a/a")), limit: 2 };
        assert_eq!(page(after).await.items, all[3..5]);
    }
}

pub(crate) async fn l1_pages_of_a_history_follow_each_other(store: Fixture) {
    let app = history_of_many(&store).await;
    let cursor = |row: &HistoryRow| HistoryCursor { start: row.start, name: row.name.clone() };
    for name in [None, Some(tag("b"))] {
        let page = async |ask| page_of(app.rows.listings.history(&app.name, name.clone(), &ask).await);
        let all = page(PageAsk::first(1_000)).await.items;
        walked(&all, page, cursor).await;
    }
    // A cursor need not be a row's own, not even of the name that is asked about.
    let check = async |start, name, expected: &[i64]| {
        let ask = PageAsk { after: Some(HistoryCursor { start, name: tag(name) }), limit: 10 };
        let page = page_of(app.rows.listings.history(&app.name, Some(tag("b")), &ask).await);
        assert_eq!(page.items.iter().map(|row| row.start).collect::<Vec<_>>(), expected, "{start} {name}");
    };
    check(25, "b", &[20, 10]).await;
    check(20, "a", &[20, 10]).await;
    check(20, "b", &[10]).await;
    check(20, "c", &[10]).await;
    check(5, "b", &[]).await;
}

pub(crate) async fn l2_only_alive_tags_are_listed(store: Fixture) {
    let app = store.repo("app");
    let image = a_manifest("image").image(Platform::new("linux", "amd64"), -5, 1 << 40);
    let image = image.of_media_type(MediaType::DOCKER_SCHEMA2);
    app.at(10).by("ann").create(image).point("alive", "image").until(50).immutable().done().await;
    app.at(10).point("expired", "image").until(20).point("ended", "image").done().await;
    app.at(11).end("ended").done().await;
    assert_eq!(app.tags(20).await, Some(vec!["alive".to_owned()]));
    assert_eq!(app.tags(19).await, Some(vec!["alive".to_owned(), "expired".to_owned()]));
    assert_eq!(app.tags(50).await, Some(vec![]));
    let page = page_of(app.rows.listings.tags(&app.name, &PageAsk::first(10), 20).await);
    let expected = TagRow {
        name: tag("alive"),
        state: TagState { target: digest("image"), start: 10, expires: 50, immutable: true, actor: Some(actor("ann")) },
        media_type: MediaType::DOCKER_SCHEMA2.parse().unwrap_or_else(|error| panic!("{error}")),
        manifest_size: 5,
        layers_size: Some(1 << 40),
        platform: Some(Platform::new("linux", "amd64")),
        image_created: Some(-5),
    };
    assert_eq!((page.items, page.more), (vec![expected], false));
    let totals = must(app.rows.listings.totals().await);
    assert_eq!(
        (totals.repositories, totals.manifests, totals.tags),
        (1, 1, 2),
        "expired ones are rows, ended ones are not"
    );
}

pub(crate) async fn l2_an_unknown_repository_has_no_list(store: Fixture) {
    let (app, nowhere) = (store.repo("app"), store.repo("app/nowhere"));
    app.at(10).create(a_manifest("image")).done().await;
    assert_eq!(app.tags(20).await, Some(vec![]), "there, with no tag");
    assert_eq!(nowhere.tags(20).await, None);
    let listings = &store.rows.listings;
    assert!(must(listings.tags(&app.name, &PageAsk::first(10), 20).await).is_some());
    assert!(must(listings.tags(&nowhere.name, &PageAsk::first(10), 20).await).is_none());
    assert!(must(listings.history(&app.name, None, &PageAsk::first(10)).await).is_some());
    assert!(must(listings.history(&nowhere.name, None, &PageAsk::first(10)).await).is_none());
}

pub(crate) async fn l3_a_scope_holds_its_ranges_and_public_repositories(store: Fixture) {
    for (name, visibility) in [
        ("open", Visibility::Public),
        ("secret", Visibility::Private),
        ("team", Visibility::Private),
        ("team-b/app", Visibility::Private),
        ("team/app", Visibility::Private),
        ("team/open", Visibility::Public),
        ("team0", Visibility::Private),
    ] {
        let write = store.repo(name).at(10).in_a_new_repository(visibility);
        write.create(a_manifest("image")).done().await;
    }
    let check = async |scope: ReadScope, expected: &[&str]| {
        let page = async |ask| must(store.rows.listings.repositories(&scope, &ask).await);
        let all: Vec<RepositoryName> = expected.iter().map(|name| repository(name)).collect();
        let first = page(PageAsk::first(100)).await;
        assert_eq!((first.items, first.more), (all.clone(), false), "{scope:?}");
        if all.len() > 1 {
            walked(&all, page, RepositoryName::clone).await;
        }
    };
    let team = repository("team");
    let (own, below) = (NameRange::repository(&team), NameRange::below(&team));
    let secret = NameRange::repository(&repository("secret"));
    check(ReadScope::nothing(), &[]).await;
    check(ReadScope::ranges(true, []), &["open", "team/open"]).await;
    check(ReadScope::ranges(false, [own.clone()]), &["team"]).await;
    check(ReadScope::ranges(false, [below.clone()]), &["team/app", "team/open"]).await;
    check(ReadScope::ranges(false, [below.clone(), own, secret.clone()]), &["secret", "team", "team/app", "team/open"])
        .await;
    check(ReadScope::ranges(true, [below, secret]), &["open", "secret", "team/app", "team/open"]).await;
    let all = ["open", "secret", "team", "team-b/app", "team/app", "team/open", "team0"];
    check(ReadScope::All, &all).await;
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
    let page = page_of(app.rows.listings.history(&app.name, None, &PageAsk::first(100)).await);
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
