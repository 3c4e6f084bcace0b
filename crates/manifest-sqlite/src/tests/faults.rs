//! A write that goes wrong at any of its statements leaves the state as it was, and the writer able to go on.

use super::world::{World, digest, history, manifest, plan};
use manifest_core::facts::{PushAsk, PushFacts};
use manifest_core::plan::{Applied, ChildLink, Guard, Label, LabelSource, ManifestChange, Need, Plan, TagChange};
use manifest_core::ports::{HistoryRow, Listings, Manifests};
use std::collections::BTreeSet;
use std::sync::Arc;

/// What is written by a plan that does all that a plan can, in the order in which it is.
const WRITES: &[&str] = &[
    "INSERT ON manifest",
    "INSERT ON manifest_blob",
    "INSERT ON manifest_child",
    "INSERT ON label",
    "INSERT ON legacy_image",
    "INSERT ON repository_blob",
    "UPDATE ON tag",
    "INSERT ON tag",
    "DELETE ON tag",
    "INSERT ON tag_history",
    "UPDATE OF pinned_until_ms ON manifest",
    "UPDATE OF deleted_ms ON manifest",
];

fn everything() -> Plan {
    let mut new = manifest("new");
    new.blobs.insert(manifest_core::empty_layer::digest(), Need::Required);
    new.empty_layer = true;
    new.children = vec![ChildLink { digest: digest("old"), need: Need::Required, platform: None }];
    new.labels = vec![Label { key: "k".into(), value: "v".into(), json: false, source: LabelSource::Manifest }];
    let mut everything = plan("app", "new", &["latest", "fresh"]);
    everything.manifest = Some(ManifestChange::Create(Arc::new(new)));
    everything.tags.push(TagChange::End { name: "other".parse().unwrap(), guard: Guard::Any });
    everything.displaced_until = Some(500);
    everything.delete = Some(digest("doomed"));
    everything
}

async fn state(world: &World) -> (PushFacts, Vec<HistoryRow>) {
    let ask = PushAsk {
        repository: "app".parse().unwrap(),
        now: 20,
        digest: Some(digest("new")),
        blobs: BTreeSet::from([manifest_core::empty_layer::digest()]),
        children: BTreeSet::from(["old", "new", "doomed"].map(digest)),
        tags: BTreeSet::from(["latest", "fresh", "other"].map(|tag| tag.parse().unwrap())),
        tags_of: Some(digest("old")),
        labels: true,
        visibility: true,
        legacy_images: BTreeSet::from(["base", "new"].map(str::to_owned)),
    };
    let history = world.store.history(&history(100)).await.unwrap();
    (world.store.push_facts(&ask).await.unwrap(), history.unwrap().items)
}

#[tokio::test]
async fn no_statement_that_fails_leaves_anything_behind() {
    let world = World::new();
    world.push("app", "old", &["latest", "other"]).await;
    world.push("app", "doomed", &["doomed"]).await;
    let before = state(&world).await;
    for write in WRITES {
        // FAIL keeps what the statement did so far; ROLLBACK ends the transaction under the writer's feet.
        for how in ["ABORT", "FAIL", "ROLLBACK"] {
            world.sql(&format!("CREATE TRIGGER fault AFTER {write} BEGIN SELECT RAISE({how}, 'a fault'); END"));
            let error = world.store.apply(&everything()).await.expect_err(write);
            assert!(!error.outcome_unknown(), "{write}: {error:?}");
            world.sql("DROP TRIGGER fault");
            assert_eq!(state(&world).await, before, "{how} at {write}");
        }
    }
    let applied = world.store.apply(&everything()).await.unwrap();
    assert!(matches!(applied, Applied::Done { created: true, .. }), "{applied:?}");
    assert_ne!(state(&world).await, before);
}
