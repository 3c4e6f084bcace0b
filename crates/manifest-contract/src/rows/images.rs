//! I1 to I7: legacy images.

use crate::world::{Fixture, Repo, a_manifest, at_once, digest, must, page_of, tag, walked};
use manifest_core::facts::PushAsk;
use manifest_core::legacy::{KnownImage, LegacyImage};
use manifest_core::plan::{Applied, Guard};
use manifest_core::ports::{ImageTagsAsk, PageAsk, SweepKind, Table};
use std::collections::{BTreeMap, BTreeSet};

impl Repo {
    /// Whether an image is served.
    async fn serves(&self, id: &str, now: i64) -> bool {
        must(self.rows.legacy_images.image(&self.name, id, now).await).is_some()
    }

    async fn ancestry(&self, id: &str, now: i64) -> Vec<String> {
        must(self.rows.legacy_images.ancestry(&self.name, id, now).await)
    }

    fn all_image_tags(&self, now: i64) -> ImageTagsAsk {
        ImageTagsAsk { repository: self.name.clone(), only: None, after: None, limit: 1_000, now }
    }

    async fn image_tags(&self, ask: &ImageTagsAsk) -> Option<Vec<(String, String)>> {
        let page = must(self.rows.legacy_images.image_tags(ask).await)?;
        Some(page.items.into_iter().map(|tag| (tag.name.to_string(), tag.image)).collect())
    }
}

async fn ids(store: &Fixture) -> BTreeSet<String> {
    store.keys(Table::LegacyImage).await
}

fn keys<const N: usize>(ids: [&str; N]) -> BTreeSet<String> {
    ids.iter().map(|id| format!("app@{id}")).collect()
}

pub(crate) async fn i1_images_are_stored_with_their_manifest_and_shared(store: Fixture) {
    let app = store.repo("app");
    let refused = app.at(9).create(a_manifest("refused").blob("absent").images(["base", "refused"]));
    assert_eq!(refused.apply().await, Applied::MissingBlobs([digest("absent")].into()));
    assert_eq!(ids(&store).await, keys([]));
    app.at(10).create(a_manifest("one").images(["base", "one"])).point("one", "one").done().await;
    let other =
        a_manifest("two").images(["base", "two"]).described("base", |image| "{}".clone_into(&mut image.metadata));
    app.at(11).create(other).point("two", "two").done().await;
    assert_eq!(ids(&store).await, keys(["base", "one", "two"]));
    let base = must(app.rows.legacy_images.image(&app.name, "base", 20).await).map(|found| found.image.metadata);
    assert_eq!(base.as_deref(), Some("about base"), "what is there stays as it is");
    let known = |name: &str, parent: Option<&str>| {
        let (blob, parent) = (digest(name), parent.map(str::to_owned));
        KnownImage { blob, parent, aggregate_size: Some(7) }
    };
    let asked = ["base", "never", "two"].map(str::to_owned).into();
    let facts = app.facts(PushAsk { legacy_images: asked, children: [digest("two")].into(), ..app.ask(20) }).await;
    assert_eq!(
        facts.legacy_images,
        BTreeMap::from([("base".to_owned(), known("base", None)), ("two".to_owned(), known("two", Some("base")))])
    );
    assert_eq!(facts.children[&digest("two")].legacy_image.as_deref(), Some("two"));
}

pub(crate) async fn i1_many_pushes_of_one_base_leave_one_row_of_it(store: Fixture) {
    let app = store.repo("app");
    let writer = app.clone();
    at_once(32, move |number| {
        let (app, own) = (writer.clone(), format!("own-{}", number % 2));
        async move {
            let image = a_manifest(&own).images(["base", "middle", own.as_str()]);
            app.at(10).create(image).point(&format!("t{number}"), &own).done().await
        }
    })
    .await;
    let rows = store.records(Table::LegacyImage).await;
    let found: Vec<&str> = rows.iter().map(|row| row.key.as_str()).collect();
    assert_eq!(found, ["app@base", "app@middle", "app@own-0", "app@own-1"]);
    assert_eq!(app.image_tags(&app.all_image_tags(20)).await.map(|tags| tags.len()), Some(32));
}

pub(crate) async fn i1_images_that_went_are_stored_again(store: Fixture) {
    let app = store.repo("app");
    // Twice, so that the base is one that was shared when it went.
    let push_two = async |now, [one, two]: [&'static str; 2]| {
        app.at(now).create(a_manifest(one).images(["base", "middle", one])).point(one, one).done().await;
        app.at(now).create(a_manifest(two).images(["base", "middle", two])).point(two, two).done().await;
        assert_eq!(ids(&store).await, keys(["base", "middle", one, two]), "{one}");
    };
    push_two(10, ["a", "b"]).await;
    app.at(20).purge("a").done().await;
    app.at(20).purge("b").done().await;
    assert_eq!(ids(&store).await, keys([]));
    push_two(30, ["c", "d"]).await;
    app.at(40).delete("c").done().await;
    app.at(40).delete("d").done().await;
    store.sweeper(41).at_once().collect().await;
    assert_eq!(ids(&store).await, keys([]));
    push_two(50, ["e", "f"]).await;
    assert!(must(app.rows.repositories.delete(&app.name, 60).await));
    push_two(61, ["g", "h"]).await;
    store.sweeper(62).at_once().collect().await;
    assert_eq!(ids(&store).await, keys(["base", "middle", "g", "h"]), "those of the repository that went have gone");
}

pub(crate) async fn i2_an_image_is_the_row_that_was_stored(store: Fixture) {
    let app = store.repo("app");
    let odd = "é\0\u{1a}\"\\\u{10ffff}";
    let id = format!("id {odd}#@:");
    let full = LegacyImage {
        id: id.clone(),
        parent: Some("base".to_owned()),
        blob: digest("layer"),
        created: Some(-5),
        command: Some(format!("[\"{odd}\"]")),
        comment: Some(odd.to_owned()),
        aggregate_size: Some(1 << 40),
        metadata: format!("{{\"a\":\"{odd}\"}}"),
    };
    let bare = LegacyImage {
        id: "base".to_owned(),
        parent: None,
        created: None,
        command: None,
        comment: None,
        aggregate_size: None,
        metadata: String::new(),
        ..full.clone()
    };
    app.at(10).create(a_manifest("image").rows([bare.clone(), full.clone()])).point("v1", "image").done().await;
    let of_many = |number| LegacyImage { id: format!("{number} of {id}"), ..full.clone() };
    let many = (0..40).map(of_many).chain([LegacyImage { parent: Some(of_many(0).id), ..of_many(40) }]);
    app.at(10).create(a_manifest("many").rows(many)).point("many", "many").done().await;
    for expected in [bare, full.clone(), LegacyImage { parent: Some(of_many(0).id), ..of_many(40) }, of_many(0)] {
        let found = must(app.rows.legacy_images.image(&app.name, &expected.id, 20).await);
        assert_eq!(found.map(|found| found.image), Some(expected));
    }
    assert_eq!(app.ancestry(&id, 20).await, [id.clone(), "base".to_owned()]);
    assert!(!store.repo("other").serves("base", 20).await, "of a repository that is not there");
    let asked = PushAsk { legacy_images: [id.clone()].into(), ..app.ask(20) };
    assert!(app.facts(asked).await.legacy_images.contains_key(&id));
    let other = store.repo("other");
    other.at(10).create(a_manifest("plain")).point("v1", "plain").done().await;
    assert!(!other.serves("base", 20).await, "of another repository");
}

pub(crate) async fn i2_an_image_is_served_by_a_visible_manifest_that_has_it_or_one_above(store: Fixture) {
    let app = store.repo("app");
    app.at(10).create(a_manifest("short").images(["base", "middle"])).point("short", "short").done().await;
    app.at(10).create(a_manifest("long").images(["base", "middle", "top"])).pin("long", 50).done().await;
    app.at(10).create(a_manifest("side").images(["base", "side"])).done().await;
    for (id, served) in [("base", true), ("middle", true), ("top", true), ("side", false), ("never", false)] {
        assert_eq!(app.serves(id, 20).await, served, "{id}");
        assert_eq!(!app.ancestry(id, 20).await.is_empty(), served, "{id}");
    }
    assert!(!app.serves("top", 60).await, "its pin is over");
    assert!(app.serves("middle", 60).await);
    // An index stands for the image of its child, and makes it visible.
    app.at(11).create(a_manifest("index").child("side").standing_for("side")).point("index", "index").done().await;
    assert!(app.serves("side", 20).await);
    app.at(21).delete("short").done().await;
    assert!(app.serves("middle", 22).await, "by the image above it");
    assert!(!app.serves("middle", 60).await, "a manifest that was deleted serves nothing");
    assert!(app.serves("base", 60).await, "by the index");
}

pub(crate) async fn i2_below_a_thousand_images_the_answer_is_served(store: Fixture) {
    let app = store.repo("app");
    let name = |height: usize| format!("image-{height}");
    let chain = |heights: std::ops::Range<usize>| {
        let row = |height: usize| LegacyImage {
            id: name(height),
            parent: height.checked_sub(1).map(name),
            blob: digest("layer"),
            created: None,
            command: None,
            comment: None,
            aggregate_size: None,
            metadata: String::new(),
        };
        heights.map(row)
    };
    // Nothing keeps the manifests, so that no image is served for their sake.
    app.at(10).create(a_manifest("high").rows(chain(0..1_001))).done().await;
    assert!(!app.serves(&name(0), 20).await, "all above it were looked at");
    assert_eq!(app.ancestry(&name(0), 20).await.len(), 0);
    app.at(11).create(a_manifest("higher").rows(chain(1_000..1_002))).done().await;
    assert!(app.serves(&name(0), 20).await && !app.serves(&name(1), 20).await);
    assert_eq!(app.ancestry(&name(0), 20).await, [name(0)]);
}

/// A change to an image.
type Change = fn(&mut LegacyImage);

/// What makes another one of an image.
const OTHERWISE: [(&str, Change); 4] = [
    ("blob", |image| image.blob = digest("else")),
    ("parent", |image| image.parent = None),
    ("aggregate size", |image| image.aggregate_size = Some(8)),
    ("no aggregate size", |image| image.aggregate_size = None),
];

pub(crate) async fn i7_an_id_that_stands_for_something_else_is_refused_and_named(store: Fixture) {
    let app = store.repo("app");
    app.at(9).create(a_manifest("first").images(["base", "middle", "first"])).point("first", "first").done().await;
    let second = || a_manifest("second").images(["base", "middle", "second"]);
    let before = store.everything().await;
    for (what, change) in OTHERWISE {
        let refused = app.at(20).create(second().described("middle", change)).point("second", "second").apply().await;
        assert_eq!(refused, Applied::ImagesTaken(["middle".to_owned()].into()), "{what}");
    }
    let [(_, blob), ..] = OTHERWISE;
    let both = || second().described("base", blob).described("middle", blob);
    let refused = app.at(20).create(both()).point("second", "second").if_it(Guard::Is(digest("never"))).apply().await;
    assert_eq!(refused, Applied::ImagesTaken(["base", "middle"].map(str::to_owned).into()), "all of them, before tags");
    let lacking = app.at(20).create(both().blob("absent")).apply().await;
    assert_eq!(lacking, Applied::MissingBlobs([digest("absent")].into()), "what is missing comes first");
    assert_eq!(store.everything().await, before, "a refused plan left something behind");

    let described = second().described("middle", |image| {
        (image.created, image.command, image.comment) = (Some(1), Some("[]".to_owned()), Some("more".to_owned()));
    });
    app.at(21).create(described).point("second", "second").done().await;
    let again = second().described("middle", blob);
    assert!(!app.at(22).create(again).point("again", "second").done().await.created, "it brings no images");
    store.repo("other").at(23).create(second().described("middle", blob)).point("v1", "second").done().await;
}

pub(crate) async fn i7_of_many_that_call_different_images_alike_one_does(store: Fixture) {
    for round in 0..4_i64 {
        let app = store.repo(&format!("app-{round}"));
        // The repository is there, so that they meet in the images.
        app.at(9).create(a_manifest("plain")).done().await;
        let writer = app.clone();
        let answers = at_once(16, move |number| {
            let (app, own) = (writer.clone(), format!("own-{number}"));
            async move {
                let image = a_manifest(&own).images(["base", "middle", own.as_str()]);
                let image = image.described("middle", |image| image.blob = digest(&own));
                app.at(10).create(image).point(&own, &own).apply().await
            }
        })
        .await;
        let done = answers.iter().filter(|answer| matches!(answer, Applied::Done { created: true, .. })).count();
        let taken = Applied::ImagesTaken(["middle".to_owned()].into());
        let refused = answers.iter().filter(|answer| **answer == taken).count();
        assert_eq!((done, refused), (1, 15), "{answers:?}");
        let tags = app.image_tags(&app.all_image_tags(20)).await.unwrap_or_default();
        let [(name, top)] = &tags[..] else { panic!("{tags:?}") };
        assert_eq!(app.ancestry(top, 20).await, [name.as_str(), "middle", "base"]);
        let middle = must(app.rows.legacy_images.image(&app.name, "middle", 20).await);
        assert_eq!(
            middle.map(|found| found.image.blob),
            Some(digest(name)),
            "the image is that of the one that was done"
        );
    }
}

pub(crate) async fn i3_the_layer_is_there_while_access_to_it_is(store: Fixture) {
    let app = store.repo("app");
    app.upload_until("base", 30).await;
    app.upload_until("top", 30).await;
    let image = a_manifest("image").images(["base", "top"]).blob("top");
    app.at(10).create(image).point("v1", "image").done().await;
    let layer = async |id: &str, now| {
        must(app.rows.legacy_images.image(&app.name, id, now).await).and_then(|found| found.layer)
    };
    assert_eq!(layer("base", 20).await, app.blob("base", 20).await);
    assert_eq!(layer("base", 40).await, None, "its lease is over and no manifest links it");
    let top = layer("top", 40).await;
    assert!(top.is_some());
    assert_eq!(top, app.blob("top", 40).await);
}

pub(crate) async fn i4_the_ancestry_begins_with_the_image_and_ends_with_its_base(store: Fixture) {
    let app = store.repo("app");
    // Not in the order of their ids.
    app.at(10).create(a_manifest("image").images(["b", "d", "a", "c"])).point("v1", "image").done().await;
    for (id, expected) in
        [("c", &["c", "a", "d", "b"][..]), ("a", &["a", "d", "b"][..]), ("b", &["b"][..]), ("never", &[][..])]
    {
        assert_eq!(app.ancestry(id, 20).await, expected, "{id}");
    }
    // No plan makes a cycle; a store that was spoilt may have one.
    let cycle = a_manifest("cycle").images(["x", "y"]).described("x", |image| image.parent = Some("y".to_owned()));
    app.at(11).create(cycle).point("cycle", "cycle").done().await;
    assert_eq!(app.ancestry("y", 20).await, ["y", "x"]);
    assert!(app.serves("x", 20).await);
}

pub(crate) async fn i5_tags_with_images_are_listed_in_order(store: Fixture) {
    let app = store.repo("app");
    assert_eq!(app.image_tags(&app.all_image_tags(20)).await, None, "no repository");
    app.at(9).create(a_manifest("plain")).point("a", "plain").point("z", "plain").done().await;
    assert_eq!(app.image_tags(&app.all_image_tags(20)).await, Some(Vec::new()));
    app.at(10).create(a_manifest("image").images(["base", "top"])).point("b", "image").point("B", "image").done().await;
    app.at(10).point("over", "image").until(15).point("x", "image").done().await;
    app.at(11).create(a_manifest("index").standing_for("base")).point("c", "index").done().await;
    let pair = |tag: &str, image: &str| (tag.to_owned(), image.to_owned());
    let all = vec![pair("B", "top"), pair("b", "top"), pair("c", "base"), pair("x", "top")];
    assert_eq!(app.image_tags(&app.all_image_tags(20)).await.as_ref(), Some(&all));
    let listed = page_of(app.rows.legacy_images.image_tags(&app.all_image_tags(20)).await).items;
    let page = async |PageAsk { after, limit }: PageAsk<_>| {
        page_of(app.rows.legacy_images.image_tags(&ImageTagsAsk { after, limit, ..app.all_image_tags(20) }).await)
    };
    walked(&listed, page, |tag| tag.name.clone()).await;
    let only = |name: &str| ImageTagsAsk { only: Some(tag(name)), limit: 1, ..app.all_image_tags(20) };
    for (name, expected) in [("b", vec![pair("b", "top")]), ("a", Vec::new()), ("over", Vec::new()), ("no", Vec::new())]
    {
        assert_eq!(app.image_tags(&only(name)).await, Some(expected), "{name}");
    }
    let behind = ImageTagsAsk { after: Some(tag("b")), ..only("b") };
    assert_eq!(app.image_tags(&behind).await, Some(Vec::new()), "it does not follow itself");
}

pub(crate) async fn i6_images_go_after_the_last_manifest_that_reaches_them(store: Fixture) {
    let app = store.repo("app");
    app.at(10).create(a_manifest("one").images(["base", "middle", "one"])).point("one", "one").done().await;
    app.at(10).create(a_manifest("two").images(["base", "two"])).point("two", "two").done().await;
    app.at(10).create(a_manifest("three").images(["base", "three"])).point("three", "three").done().await;
    app.at(20).delete("one").done().await;
    assert_eq!(store.sweeper(21).sweep(SweepKind::LegacyImages).await, 0, "the manifest can be restored");
    let sweeper = store.sweeper(21).at_once();
    assert_eq!(sweeper.sweep(SweepKind::Manifests).await, 1);
    assert_eq!(ids(&store).await.len(), 5);
    assert_eq!(sweeper.in_steps_of(1).sweep(SweepKind::LegacyImages).await, 2);
    assert_eq!(ids(&store).await, keys(["base", "three", "two"]));
    app.at(22).purge("two").done().await;
    assert_eq!(ids(&store).await, keys(["base", "three"]), "a purge takes them along");
    assert!(must(app.rows.repositories.delete(&app.name, 30).await));
    store.sweeper(31).at_once().collect().await;
    assert_eq!(ids(&store).await, keys([]));
    app.at(40).create(a_manifest("plain")).point("v1", "plain").done().await;
    assert!(!app.serves("base", 50).await, "a later repository of the name has none of them");
}

pub(crate) async fn d1_records_of_images_have_their_columns(store: Fixture) {
    let app = store.repo("app");
    let top = a_manifest("image").images(["base", "top"]).described("top", |image| {
        (image.created, image.aggregate_size) = (Some(-5), None);
        (image.command, image.comment) = (Some("[]".to_owned()), Some("a\0".to_owned()));
    });
    app.at(10).create(top).point("v1", "image").done().await;
    let records = store.records(Table::LegacyImage).await;
    let records: Vec<_> = records.into_iter().map(|record| (record.key, record.columns)).collect();
    let (base, top) = (digest("base").to_string(), digest("top").to_string());
    let columns = |columns: &[(&'static str, &str)]| {
        columns.iter().map(|(name, value)| (*name, (*value).to_owned())).collect::<BTreeMap<_, _>>()
    };
    let base = columns(&[("aggregate_size", "7"), ("blob", &base), ("metadata", "about base")]);
    let top = columns(&[
        ("blob", &top),
        ("command", "[]"),
        ("comment", "a\u{1a}0"),
        ("created", "-5"),
        ("metadata", "about top"),
        ("parent", "base"),
    ]);
    assert_eq!(records, [("app@base".to_owned(), base), ("app@top".to_owned(), top)]);
    let manifest = store.records(Table::Manifest).await;
    assert_eq!(manifest[0].columns.get("legacy_image").map(String::as_str), Some("top"));
}
