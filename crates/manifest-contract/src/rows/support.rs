//! M22: why a manifest is kept, or is not.

use crate::world::{Fixture, Repo, a_manifest, digest, must, tag};
use manifest_core::NEVER;
use manifest_core::ports::{Support, SupportAsk, SupportLink, SupportNode};
use oci_types::TagName;
use std::collections::{BTreeMap, BTreeSet};

async fn support(app: &Repo, name: &str, now: i64, window: i64) -> Option<Support> {
    let ask = SupportAsk { repository: app.name.clone(), digest: digest(name), now, window };
    let support = must(app.rows.manifests.support(&ask).await)?;
    assert_eq!(support.nodes[0].digest, digest(name), "the manifest is first");
    assert_eq!(support.nodes[0].via, None);
    let mut depths = vec![0];
    for (place, node) in support.nodes.iter().enumerate().skip(1) {
        let Some((from, _)) = node.via else { panic!("nobody knows how {node:?} was reached") };
        assert!(from < place, "{node:?} was reached before where it was reached from");
        depths.push(depths[from] + 1);
    }
    assert!(depths.is_sorted(), "breadth first");
    let distinct: BTreeSet<_> = support.nodes.iter().map(|node| node.digest).collect();
    assert_eq!(distinct.len(), support.nodes.len(), "a manifest is listed twice");
    Some(support)
}

/// The manifest alone, which has no ancestors.
async fn alone(app: &Repo, name: &str, now: i64, window: i64) -> SupportNode {
    match support(app, name, now, window).await {
        Some(Support { mut nodes, more: false }) if nodes.len() == 1 => nodes.remove(0),
        other => panic!("{name} has ancestors, or is not there: {other:?}"),
    }
}

fn ends<const N: usize>(ends: [(&str, i64); N]) -> Vec<(TagName, i64)> {
    ends.map(|(name, end)| (tag(name), end)).to_vec()
}

pub(crate) async fn m22_tags_pins_and_deletions_are_named(store: Fixture) {
    let app = store.repo("app");
    app.at(5).create(a_manifest("other")).done().await;
    app.at(10)
        .create(a_manifest("image"))
        .pin("image", 70)
        .point("a", "image")
        .point("b", "image")
        .until(90)
        .done()
        .await;
    app.at(10).point("c", "image").until(40).point("d", "image").point("e", "image").done().await;
    app.at(30).point("d", "other").end("e").done().await;
    let node = alone(&app, "image", 50, 20).await;
    assert_eq!((node.deleted, node.pinned_until), (None, 70));
    assert_eq!(node.tags, ends([("a", NEVER), ("b", 90), ("c", 40)]), "those that ended at 30 ended too early");
    let node = alone(&app, "image", 50, 21).await;
    assert_eq!(node.tags, ends([("a", NEVER), ("b", 90), ("c", 40), ("d", 30), ("e", 30)]));
    assert_eq!(alone(&app, "image", 50, 0).await.tags, ends([("a", NEVER), ("b", 90)]));
    assert_eq!(alone(&app, "image", 95, 0).await.tags, ends([("a", NEVER)]));
    app.at(96).delete("image").done().await;
    let node = alone(&app, "image", 100, 5).await;
    assert_eq!((node.deleted, node.pinned_until, node.tags), (Some(96), 0, ends([("a", 96)])));
    assert_eq!(alone(&app, "other", 20, 10).await.pinned_until, 0, "it never was");
    assert_eq!(support(&app, "never", 20, 10).await, None);
    assert_eq!(support(&store.repo("nowhere"), "image", 20, 10).await, None);
}

pub(crate) async fn m22_a_tag_is_named_once_with_its_latest_end(store: Fixture) {
    let app = store.repo("app");
    app.at(5).create(a_manifest("image")).done().await;
    app.at(6).create(a_manifest("other")).done().await;
    for now in [10, 30, 50] {
        app.at(now).point("v1", "image").done().await;
        app.at(now + 10).point("v1", "other").done().await;
    }
    assert_eq!(alone(&app, "image", 70, 100).await.tags, ends([("v1", 60)]));
    app.at(80).point("v1", "image").done().await;
    assert_eq!(alone(&app, "image", 90, 100).await.tags, ends([("v1", NEVER)]));
    for number in 0..150 {
        app.at(90).point(&format!("t{number:03}"), "image").until(200 + number).done().await;
    }
    let tags = alone(&app, "image", 100, 100).await.tags;
    assert_eq!(tags.len(), 100, "so many are enough");
    assert_eq!(tags[..3], ends([("v1", NEVER), ("t149", 349), ("t148", 348)]), "the latest ends first");
}

pub(crate) async fn m22_ancestors_are_reached_through_their_links(store: Fixture) {
    let app = store.repo("app");
    app.at(10).create(a_manifest("leaf")).done().await;
    app.at(11).create(a_manifest("inner").child("leaf")).done().await;
    app.at(12).create(a_manifest("outer").child("inner").child("leaf")).point("v1", "outer").done().await;
    app.at(13).create(a_manifest("signature").about("leaf")).done().await;
    app.at(14).create(a_manifest("list").child("signature")).pin("list", 100).done().await;
    let Some(Support { nodes, more }) = support(&app, "signature", 20, 10).await else { panic!("it is there") };
    assert!(!more);
    let names = ["signature", "leaf", "inner", "outer", "list"].map(digest);
    assert_eq!(nodes.iter().map(|node| node.digest).collect::<BTreeSet<_>>(), BTreeSet::from(names));
    let by_digest: BTreeMap<_, _> = nodes.iter().map(|node| (node.digest, node)).collect();
    let through = |name: &str| by_digest[&digest(name)].via.map(|(from, link)| (nodes[from].digest, link));
    assert_eq!(through("leaf"), Some((digest("signature"), SupportLink::Subject)));
    assert_eq!(through("list"), Some((digest("signature"), SupportLink::Parent)));
    assert_eq!(through("inner"), Some((digest("leaf"), SupportLink::Parent)));
    assert_eq!(through("outer"), Some((digest("leaf"), SupportLink::Parent)), "by the shortest way");
    assert_eq!(by_digest[&digest("outer")].tags, ends([("v1", NEVER)]));
    assert_eq!(by_digest[&digest("list")].pinned_until, 100);
    assert_eq!(alone(&app, "outer", 20, 10).await.tags.len(), 1, "what is below keeps nothing");
}

pub(crate) async fn m22_ancestors_count_until_their_deletion_is_older_than_the_window(store: Fixture) {
    let app = store.repo("app");
    app.at(10).create(a_manifest("leaf")).done().await;
    app.at(11).create(a_manifest("index").child("leaf")).point("v1", "index").done().await;
    app.at(20).delete("index").done().await;
    let Some(Support { nodes, .. }) = support(&app, "leaf", 29, 10).await else { panic!("it is there") };
    assert_eq!(nodes.iter().map(|node| node.deleted).collect::<Vec<_>>(), [None, Some(20)]);
    assert_eq!(nodes[1].tags, ends([("v1", 20)]));
    alone(&app, "leaf", 30, 10).await;
    let dead = alone(&app, "index", 30, 10).await;
    assert_eq!(dead.deleted, Some(20), "it is told when it went, though nothing keeps it");
}

pub(crate) async fn m22_cycles_and_crowds_end(store: Fixture) {
    let app = store.repo("app");
    app.at(10).create(a_manifest("a").child_or_not("b").about("a")).done().await;
    app.at(11).create(a_manifest("b").child_or_not("a")).point("v1", "b").done().await;
    let Some(Support { nodes, more }) = support(&app, "a", 20, 10).await else { panic!("it is there") };
    assert_eq!((nodes.len(), more), (2, false));
    app.at(10).create(a_manifest("leaf")).done().await;
    for number in 0..1_100 {
        app.at(10).create(a_manifest(&number.to_string()).child("leaf")).done().await;
    }
    let Some(Support { nodes, more }) = support(&app, "leaf", 20, 10).await else { panic!("it is there") };
    assert!(more && (1_000..=1_001).contains(&nodes.len()), "{} of 1,101 manifests", nodes.len());
}
