//! L5 to L7: tags in another order, manifests by what holds them, and what tags run on.

use crate::world::{Fixture, Repo, a_manifest, actor, digest, page_of, tag, walked};
use manifest_core::ports::{
    MAX_PLATFORM_ENTRIES, ManifestRow, ManifestState, ManifestsAsk, Page, PageAsk, TagCursor, TagOrder, TagRow, TagsAsk,
};
use oci_types::{Digest, MediaType, Platform};

async fn tagged(store: &Fixture) -> Repo {
    let app = store.repo("app");
    app.at(1).create(a_manifest("image")).done().await;
    // Moved and expired ones have intervals between those that are listed.
    for (now, names) in [(10, ["v1", "a.b", "v2"]), (12, ["moved", "ended", "A_b"]), (14, ["b-v", "a-v1", "moved"])] {
        for name in names {
            app.at(now).point(name, "image").done().await;
        }
    }
    app.at(15).end("ended").point("old-v", "image").until(18).done().await;
    app
}

/// The names of the tags that a question finds; its pages are walked, too.
async fn found(app: &Repo, ask: TagsAsk) -> Vec<String> {
    let page = async |PageAsk { after, limit }| {
        let ask = TagsAsk { after, limit, ..ask.clone() };
        page_of(app.rows.listings.tags(&ask).await)
    };
    let all = page(PageAsk::first(1_000)).await.items;
    walked(&all, page, |row: &TagRow| TagCursor { start: row.state.start, name: row.name.clone() }).await;
    all.into_iter().map(|row| row.name.to_string()).collect()
}

pub(crate) async fn l5_the_newest_start_is_first_if_asked_for(store: Fixture) {
    let app = tagged(&store).await;
    let newest = TagsAsk { order: TagOrder::Newest, ..app.all_tags() };
    assert_eq!(found(&app, newest.clone()).await, ["a-v1", "b-v", "moved", "A_b", "a.b", "v1", "v2"]);
    let with_old = TagsAsk { now: 17, ..newest.clone() };
    assert_eq!(found(&app, with_old).await[0], "old-v", "alive at 17");
    // A cursor need not be a tag's own.
    let after = async |start, name, expected: &[&str]| {
        let ask = TagsAsk { after: Some(TagCursor { start, name: tag(name) }), ..newest.clone() };
        let page = page_of(app.rows.listings.tags(&ask).await);
        let names: Vec<_> = page.items.iter().map(|row| row.name.as_str()).collect();
        assert_eq!(names, expected, "behind {name} at {start}");
    };
    after(13, "zzz", &["A_b", "a.b", "v1", "v2"]).await;
    after(10, "a", &["a.b", "v1", "v2"]).await;
    after(10, "v1", &["v2"]).await;
    after(9, "a", &[]).await;
}

pub(crate) async fn l5_a_filter_shortens_no_page(store: Fixture) {
    let app = tagged(&store).await;
    let check = async |text: &str, order, expected: &[&str]| {
        let ask = TagsAsk { contains: Some(text.to_owned()), order, ..app.all_tags() };
        assert_eq!(found(&app, ask).await, expected, "{text} {order:?}");
    };
    check("v", TagOrder::Name, &["a-v1", "b-v", "moved", "v1", "v2"]).await;
    check("v", TagOrder::Newest, &["a-v1", "b-v", "moved", "v1", "v2"]).await;
    check("v1", TagOrder::Name, &["a-v1", "v1"]).await;
    check("", TagOrder::Name, &["A_b", "a-v1", "a.b", "b-v", "moved", "v1", "v2"]).await;
    check("V", TagOrder::Name, &[]).await;
    check("a", TagOrder::Name, &["a-v1", "a.b"]).await;
    // Nothing in the text stands for anything else.
    check("%", TagOrder::Name, &[]).await;
    check("_", TagOrder::Name, &["A_b"]).await;
    check(".", TagOrder::Name, &["a.b"]).await;
    check("?", TagOrder::Newest, &[]).await;
}

fn asking(app: &Repo, state: ManifestState, now: i64) -> ManifestsAsk {
    ManifestsAsk { repository: app.name.clone(), state, after: None, limit: 1_000, now }
}

async fn in_state(app: &Repo, state: ManifestState, now: i64) -> Vec<Digest> {
    let page = async |PageAsk { after, limit }| {
        let ask = ManifestsAsk { after, limit, ..asking(app, state, now) };
        page_of(app.rows.listings.manifests(&ask).await)
    };
    let all = page(PageAsk::first(1_000)).await.items;
    walked(&all, page, |row: &ManifestRow| row.digest).await;
    all.into_iter().map(|row| row.digest).collect()
}

fn sorted<const N: usize>(names: [&str; N]) -> Vec<Digest> {
    crate::world::digests(names).into_iter().collect()
}

pub(crate) async fn l6_manifests_are_listed_by_what_holds_them(store: Fixture) {
    let app = store.repo("app");
    for name in ["tagged", "twice", "expiring", "pinned", "nothing", "gone", "left"] {
        app.at(10).create(a_manifest(name)).done().await;
    }
    app.at(11).create(a_manifest("index").child("nothing")).point("index", "index").done().await;
    app.at(11)
        .point("a", "tagged")
        .point("b", "twice")
        .point("c", "twice")
        .point("d", "expiring")
        .until(30)
        .done()
        .await;
    app.at(11).point("e", "gone").point("f", "left").pin("pinned", 100).done().await;
    app.at(12).delete("gone").end("f").done().await;
    store.repo("other").at(10).create(a_manifest("elsewhere")).point("a", "elsewhere").done().await;
    let tagged = ["tagged", "twice", "expiring", "index"];
    assert_eq!(in_state(&app, ManifestState::Tagged, 29).await, sorted(tagged));
    assert_eq!(in_state(&app, ManifestState::Tagged, 30).await, sorted(["tagged", "twice", "index"]));
    assert_eq!(in_state(&app, ManifestState::Untagged, 29).await, sorted(["pinned", "nothing", "left"]));
    assert_eq!(in_state(&app, ManifestState::Untagged, 30).await, sorted(["pinned", "nothing", "left", "expiring"]));
    assert_eq!(in_state(&app, ManifestState::Deleted, 29).await, sorted(["gone"]));
}

pub(crate) async fn l6_a_row_says_what_is_known_of_the_manifest(store: Fixture) {
    let app = store.repo("app");
    let image = a_manifest("image").image(Platform::new("linux", "amd64"), -5, 1 << 40);
    let image = image.of_media_type(MediaType::DOCKER_SCHEMA2).about("subject").of_type("type/a");
    app.at(10).by("ann").create(image).point("v1", "image").point("v2", "image").pin("image", 99).done().await;
    app.at(11).by("bob").keep("image").point("v3", "image").until(15).done().await;
    app.at(12).create(a_manifest("dead")).done().await;
    app.at(13).delete("dead").done().await;
    let row = async |state| {
        let Page { items, .. } = page_of(app.rows.listings.manifests(&asking(&app, state, 20)).await);
        items
    };
    let expected = ManifestRow {
        digest: digest("image"),
        media_type: MediaType::DOCKER_SCHEMA2.parse().unwrap_or_else(|error| panic!("{error}")),
        size: 5,
        layers_size: Some(1 << 40),
        platform: Some(Platform::new("linux", "amd64")),
        image_created: Some(-5),
        artifact_type: Some("type/a".to_owned()),
        subject: Some(digest("subject")),
        created: 10,
        actor: Some(actor("ann")),
        pinned_until: 99,
        deleted: None,
        tags: 2,
    };
    assert_eq!(row(ManifestState::Tagged).await, [expected]);
    let dead = row(ManifestState::Deleted).await;
    let dead: Vec<_> = dead.iter().map(|row| (row.digest, row.deleted, row.pinned_until, row.tags)).collect();
    assert_eq!(dead, [(digest("dead"), Some(13), 0, 0)]);
}

/// What the tag runs on, in each order of the page.
async fn platforms(app: &Repo, name: &str) -> Vec<String> {
    let mut found = Vec::new();
    for order in [TagOrder::Name, TagOrder::Newest] {
        let page = page_of(app.rows.listings.tags(&TagsAsk { order, ..app.all_tags() }).await);
        let row = page.items.iter().find(|row| row.name == tag(name)).unwrap_or_else(|| panic!("{name} is not listed"));
        found.push(row.platforms.iter().map(ToString::to_string).collect::<Vec<_>>());
    }
    assert_eq!(found[0], found[1], "{name}");
    found.swap_remove(0)
}

pub(crate) async fn l7_an_index_shows_what_its_entries_run_on(store: Fixture) {
    let app = store.repo("app");
    let image = |name, platform| a_manifest(name).image(platform, 1, 1);
    let (linux, unknown) = (|architecture| Platform::new("linux", architecture), Platform::new("unknown", "unknown"));
    let v7 = Platform { variant: Some("v7".to_owned()), ..linux("arm") };
    for (name, platform) in [("s390x", linux("s390x")), ("riscv", linux("riscv64")), ("dead", linux("mips"))] {
        app.at(10).create(image(name, platform)).done().await;
    }
    app.at(10).delete("dead").done().await;
    // Of a digest that is elsewhere, too: what another repository knows of it is not told.
    store.repo("other").at(10).create(image("elsewhere", linux("ppc64le"))).done().await;
    app.at(10).create(a_manifest("nested").of_media_type(MediaType::OCI_INDEX).child("s390x")).done().await;
    app.at(10).create(image("attestation", unknown.clone())).point("attestation", "attestation").done().await;
    let index = a_manifest("index").of_media_type(MediaType::OCI_INDEX);
    let index = index.child_for("absent", v7).child_for("riscv", linux("arm64")).child_for("attests", unknown);
    let index = index.child_or_not("s390x").child_for("again", linux("arm64")).child_or_not("nested");
    let index = index.child_or_not("missing").child_or_not("dead").child_or_not("elsewhere").child_or_not("riscv");
    app.at(11).create(index).point("index", "index").point("image", "riscv").done().await;
    assert_eq!(platforms(&app, "index").await, ["linux/arm/v7", "linux/arm64", "linux/s390x", "linux/riscv64"]);
    app.at(12).point("index-too", "index").done().await;
    assert_eq!(platforms(&app, "index-too").await.len(), 4);
    assert_eq!(platforms(&app, "image").await, ["linux/riscv64"]);
    assert_eq!(platforms(&app, "attestation").await, [""; 0]);
}

pub(crate) async fn l7_only_the_first_entries_are_looked_at(store: Fixture) {
    let app = store.repo("app");
    let mut index = a_manifest("index").of_media_type(MediaType::OCI_INDEX);
    for entry in 0..=MAX_PLATFORM_ENTRIES {
        // Every other one repeats the first, so that it is entries that are counted, not what they run on.
        let architecture = if entry % 2 == 0 { "even".to_owned() } else { format!("odd-{entry}") };
        let architecture = if entry == MAX_PLATFORM_ENTRIES { "beyond".to_owned() } else { architecture };
        index = index.child_for(&format!("entry {entry}"), Platform::new("linux", &architecture));
    }
    app.at(10).create(index).point("index", "index").done().await;
    let shown = platforms(&app, "index").await;
    assert_eq!((shown.len(), shown[0].as_str(), shown[50].as_str()), (51, "linux/even", "linux/odd-99"));
}
