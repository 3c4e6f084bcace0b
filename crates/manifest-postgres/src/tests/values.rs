//! Values that SQL, JSON or a collation could bend come back as they were, and pages hold what they should.

use super::world::{World, digest, manifest, plan, tags as tags_ask};
use manifest_core::ReadScope;
use manifest_core::access::NameRange;
use manifest_core::facts::PushAsk;
use manifest_core::plan::{Label, LabelSource, ManifestChange, Need, Plan};
use manifest_core::ports::{Listings, Manifests, PageAsk, ReferrersAsk};
use oci_types::{Platform, RepositoryName};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Texts that something on the way could take for its own.
const TEXTS: &[&str] =
    &["", " ", "null", "1e3", "it's", "\"\\/", "\0", "a\0b", "\n\r\t", "é\u{2028}\u{feff}", "🦀", "%' OR 1=1 --"];

#[tokio::test]
async fn odd_texts_are_only_texts() {
    let world = World::new().await;
    let mut image = manifest("image");
    let label = |(number, text): (usize, &&str)| Label {
        key: format!("{number}{text}"),
        value: (*text).to_owned(),
        json: false,
        source: LabelSource::Manifest,
    };
    image.labels = TEXTS.iter().enumerate().map(label).collect();
    // The last of a key counts, and those of another source are not the manifest's own.
    let more = |value: &str, source| Label { key: "twice".into(), value: value.into(), json: true, source };
    image.labels.extend([
        more("1", LabelSource::Manifest),
        more("2", LabelSource::Manifest),
        more("3", LabelSource::Api),
    ]);
    image.platform = Some(Platform { variant: Some("\0'\"".into()), ..Platform::new("é", "🦀") });
    image.subject = Some(digest("subject"));
    image.artifact_type = Some("it's \0 a \"type\"".into());
    image.annotations =
        TEXTS.iter().enumerate().map(|(number, text)| (format!("{number}"), (*text).to_owned())).collect();
    let expected = image.clone();
    let create = Plan {
        manifest: Some(ManifestChange::Create(Arc::new(image))),
        actor: Some("o'brien \"x\" 🦀".parse().unwrap()),
        ..plan("app", "image", &["latest"])
    };
    world.store.apply(&create).await.unwrap();

    let ask = PushAsk {
        repository: "app".parse().unwrap(),
        now: 20,
        digest: None,
        blobs: BTreeSet::new(),
        children: BTreeSet::from([digest("image")]),
        tags: BTreeSet::from(["latest".parse().unwrap()]),
        tags_of: None,
        labels: false,
        visibility: false,
        legacy_images: BTreeSet::new(),
    };
    let facts = world.store.push_facts(&ask).await.unwrap();
    let child = &facts.children[&digest("image")];
    let mut labels: BTreeMap<String, String> =
        TEXTS.iter().enumerate().map(|(number, text)| (format!("{number}{text}"), (*text).to_owned())).collect();
    labels.insert("twice".into(), "2".into());
    assert_eq!(child.labels, labels);
    assert_eq!(child.platform, expected.platform);
    assert!(facts.tags.values().all(|tag| tag.actor == create.actor), "{facts:?}");

    let about = ReferrersAsk {
        repository: "app".parse().unwrap(),
        subject: digest("subject"),
        artifact_types: vec!["other".into(), expected.artifact_type.clone().unwrap()],
        after: None,
        limit: 10,
        max_bytes: 1 << 20,
        now: 20,
    };
    let page = world.store.referrers(&about).await.unwrap();
    assert_eq!(page.items[0].annotations, expected.annotations);
    assert_eq!(page.items[0].artifact_type, expected.artifact_type);
}

#[tokio::test]
async fn large_sets_and_pages_are_read_whole() {
    let world = World::new().await;
    let names: Vec<String> = (0..300).map(|number| format!("tag-{number:03}")).collect();
    let tags: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut image = manifest("image");
    image.blobs = (0..300).map(|number| (digest(&format!("layer {number}")), Need::MayBeAbsent)).collect();
    let blobs = image.blobs.keys().copied().collect();
    let create = Plan { manifest: Some(ManifestChange::Create(Arc::new(image))), ..plan("app", "image", &tags) };
    world.store.apply(&create).await.unwrap();
    let app: RepositoryName = "app".parse().unwrap();
    let page = world.store.tag_names(&app, &PageAsk::first(1_000), 20).await.unwrap().unwrap();
    assert_eq!(page.items.iter().map(ToString::to_string).collect::<Vec<_>>(), names);
    let page = world.store.tags(&tags_ask(200)).await.unwrap().unwrap();
    assert!(page.more && page.items.len() == 200);
    let ask = PushAsk {
        repository: app,
        now: 20,
        digest: None,
        blobs,
        children: BTreeSet::new(),
        tags: tags.iter().map(|tag| tag.parse().unwrap()).collect(),
        tags_of: None,
        labels: false,
        visibility: false,
        legacy_images: BTreeSet::new(),
    };
    let facts = world.store.push_facts(&ask).await.unwrap();
    assert_eq!((facts.blobs.len(), facts.tags.len()), (0, 300));
    let totals = world.store.totals().await.unwrap();
    assert_eq!((totals.repositories, totals.manifests, totals.tags), (1, 1, 300));
}

#[tokio::test]
async fn a_scope_lists_what_it_contains() {
    let world = World::new().await;
    let names = ["a", "a-b", "a.b", "a/b", "a/b/c", "a0", "aa", "b", "b/a", "c", "c/d", "z", "z/z", "z/z/z"];
    for (number, name) in names.iter().enumerate() {
        world.push(name, "image", &[]).await;
        if number % 3 == 0 {
            world.sql(&format!("UPDATE repository SET visibility = 0 WHERE name = '{name}'")).await;
        }
    }
    // One that is being deleted is in no scope.
    world.sql("INSERT INTO repository (name, visibility, state, created_ms) VALUES ('doomed', 0, 2, 0)").await;
    let name = |text: &str| -> RepositoryName { text.parse().unwrap() };
    let below = |text| NameRange::below(&name(text));
    let only = |text| NameRange::repository(&name(text));
    let scopes = [
        ReadScope::All,
        ReadScope::nothing(),
        ReadScope::ranges(true, []),
        ReadScope::ranges(false, [below("a")]),
        ReadScope::ranges(false, [below("a"), only("a"), only("c"), only("nowhere")]),
        ReadScope::ranges(true, [below("z"), only("z"), only("b"), below("b")]),
        ReadScope::ranges(false, names.map(only)),
    ];
    for scope in &scopes {
        let public = |number: usize| number.is_multiple_of(3);
        let expected: Vec<RepositoryName> = names
            .iter()
            .enumerate()
            .map(|(number, text)| (name(text), public(number)))
            .filter(|(name, public)| scope.contains(name, *public))
            .map(|(name, _)| name)
            .collect();
        for limit in [1, 2, 3, 100] {
            let (mut after, mut listed) = (None, Vec::new());
            loop {
                let page = world.store.repositories(scope, &PageAsk { after, limit }).await.unwrap();
                assert!(page.items.len() <= limit as usize);
                listed.extend(page.items);
                if !page.more {
                    break;
                }
                after = listed.last().cloned();
            }
            assert_eq!(listed, expected, "{scope:?} in pages of {limit}");
        }
    }
}
