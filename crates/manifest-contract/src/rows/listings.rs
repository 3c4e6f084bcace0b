//! L1 to L3: pages.

use crate::world::{Fixture, Repo, a_manifest, actor, digest, must, page_of, repository, tag, walked};
use manifest_core::ReadScope;
use manifest_core::access::NameRange;
use manifest_core::facts::{TagState, Visibility};
use manifest_core::ports::{ManifestState, ManifestsAsk, Page, PageAsk, TagCursor, TagRow, TagsAsk};
use oci_types::{MediaType, Platform, RepositoryName, TagName};

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

async fn names(app: &Repo, ask: PageAsk<TagName>) -> Page<TagName> {
    page_of(app.rows.listings.tag_names(&app.name, &ask, 20).await)
}

pub(crate) async fn l1_pages_of_tags_follow_each_other_in_byte_order(store: Fixture) {
    let app = tagged(&store).await;
    let all: Vec<TagName> = TAGS.iter().map(|name| tag(name)).collect();
    walked(&all, async |ask| names(&app, ask).await, TagName::clone).await;
    let rows = async |ask| {
        let PageAsk { after, limit } = ask;
        // A page by name does not look at the start.
        let after = after.map(|name| TagCursor { start: 7, name });
        let ask = TagsAsk { after, limit, ..app.all_tags() };
        let Page { items, more } = page_of(app.rows.listings.tags(&ask).await);
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
    let page = page_of(app.rows.listings.tags(&app.all_tags()).await);
    let expected = TagRow {
        name: tag("alive"),
        state: TagState { target: digest("image"), start: 10, expires: 50, immutable: true, actor: Some(actor("ann")) },
        media_type: MediaType::DOCKER_SCHEMA2.parse().unwrap_or_else(|error| panic!("{error}")),
        manifest_size: 5,
        layers_size: Some(1 << 40),
        platforms: vec![Platform::new("linux", "amd64")],
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
    assert!(must(listings.tags(&app.all_tags()).await).is_some());
    assert!(must(listings.tags(&nowhere.all_tags()).await).is_none());
    assert!(must(listings.history(&app.all_history()).await).is_some());
    assert!(must(listings.history(&nowhere.all_history()).await).is_none());
    let manifests = |repo: &Repo| ManifestsAsk {
        repository: repo.name.clone(),
        state: ManifestState::Untagged,
        after: None,
        limit: 10,
        now: 20,
    };
    assert!(must(listings.manifests(&manifests(&app)).await).is_some());
    assert!(must(listings.manifests(&manifests(&nowhere)).await).is_none());
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
