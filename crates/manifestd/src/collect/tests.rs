//! A collection by command and a dry run, over a registry in memory whose past is long enough ago.

use super::command::{collect, to_text};
use super::dry::dry_run;
use crate::look::testing::{CONFIG, NOW, image, index, push, upload};
use manifest_core::service::Stage;
use manifest_core::{AllowAll, Context, Millis, Policy, Registry};
use oci_types::RepositoryName;
use serde_json::Value;

const LATER: Millis = NOW + 1_000;

/// A window and leases that are over at once.
fn registry() -> Registry {
    let policy = Policy { history_window: 0, collection_grace: 0, lease: 1, untagged_ttl: 0, ..Policy::default() };
    Registry::new(manifest_memory::ports(AllowAll), policy)
}

async fn dry(registry: &Registry) -> Value {
    serde_json::from_str(&dry_run(registry, LATER, true).await.unwrap()).unwrap()
}

#[tokio::test]
async fn a_dry_run_says_what_a_collection_then_frees() {
    let registry = registry();
    let name: RepositoryName = "team/app".parse().unwrap();
    let manifest = image(&registry, "team/app").await;
    let gone = push(&registry, "team/app:v1", manifest, NOW).await;
    push(&registry, "team/app:v2", index(1), LATER).await;
    assert_eq!(dry(&registry).await["would_free"]["manifests"], 0);
    registry.delete_manifest(&Context::anonymous(NOW + 500), &name, &gone).await.unwrap();

    let listed = dry(&registry).await;
    let manifests: Vec<&Value> =
        listed["doomed"].as_array().unwrap().iter().filter(|row| row["what"] == "manifest").collect();
    assert_eq!(manifests.len(), 1, "{listed:#}");
    assert_eq!(manifests[0]["which"], gone.to_string());
    let bytes = CONFIG.len() + b"a layer".len();
    let expected = serde_json::json!({ "manifests": 1, "blobs": 2, "bytes": bytes });
    assert_eq!(listed["would_free"], expected);
    let text = dry_run(&registry, LATER, false).await.unwrap();
    assert!(text.ends_with(&format!("would free {bytes} B by 1 manifest and 2 blobs.\n")), "{text}");
    assert!(text.contains("history   team/app  v1 of 2027-"), "{text}");

    let (removed, freed) = collect(&registry, || LATER).await.unwrap();
    assert_eq!((freed.manifests, freed.blobs, freed.bytes), (1, 2, bytes as u64));
    assert_eq!((removed.of(Stage::Manifests), removed.of(Stage::Blobs)), (1, 2));
    let text = to_text(&removed, freed);
    assert!(text.contains("\n  1 manifest\n") && text.contains("\n  2 blobs\n"), "{text}");
    let (removed, freed) = collect(&registry, || LATER).await.unwrap();
    assert_eq!((removed.any(), freed.blobs), (false, 0));
    assert_eq!(registry.ports().listings.totals().await.unwrap().manifests, 1);
}

#[tokio::test]
async fn a_deleted_repository_goes_whole_with_its_blobs() {
    let registry = registry();
    upload(&registry, "other", CONFIG).await;
    let manifest = image(&registry, "gone").await;
    push(&registry, "gone:v1", manifest, NOW).await;
    let before = registry.ports().listings.totals().await.unwrap().blobs;
    let cx = Context::anonymous(LATER);
    registry.delete_repository(&cx, &"gone".parse().unwrap()).await.unwrap();
    let (removed, _) = collect(&registry, || LATER).await.unwrap();
    assert!(removed.of(Stage::Repositories) > 0);
    let totals = registry.ports().listings.totals().await.unwrap();
    assert_eq!((totals.repositories, totals.manifests), (1, 0));
    assert!(totals.blobs < before, "{totals:?}");
    assert_eq!(registry.ports().bytes.list(None, 100).await.unwrap().items.len() as u64, totals.blobs - 1);
}
