use crate::counted::{Counted, Event, LOG};
use crate::values::{digest, manifest, plan, point, repository};
use manifest_core::facts::PushAsk;
use manifest_core::plan::{Applied, ManifestChange, NewManifest, Pin, Plan};
use manifest_core::ports::{FetchAsk, Liveness, Manifests};
use manifest_sqlite::SqliteStore;
use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError};

/// The statements of a whole PUT of a manifest by tag: the facts, and a plan that does all that it can.
pub(crate) async fn put(counted: &mut Counted, repository_name: &str, manifest: NewManifest) -> usize {
    let ask = PushAsk {
        repository: repository(repository_name),
        now: 10,
        digest: Some(manifest.digest),
        blobs: manifest.blobs.keys().copied().collect(),
        children: manifest.children.iter().map(|child| child.digest).collect(),
        tags: BTreeSet::from(["latest".parse().unwrap()]),
        tags_of: Some(manifest.digest),
        labels: true,
        visibility: false,
        legacy_images: manifest.legacy_images.iter().map(|image| image.id.clone()).collect(),
    };
    counted.store.push_facts(&ask).await.unwrap();
    assert_eq!(counted.statements(), 1, "facts");
    let (digest, name) = (manifest.digest, String::from_utf8(manifest.bytes.to_vec()).unwrap());
    let plan = Plan {
        manifest: Some(ManifestChange::Create(Arc::new(manifest))),
        tags: vec![point("latest", &name)],
        pin: Some(Pin { digest, until: 500 }),
        ..plan(repository_name)
    };
    assert!(matches!(counted.store.apply(&plan).await.unwrap(), Applied::Done { created: true, .. }));
    1 + counted.statements()
}

#[tokio::test]
async fn a_push_costs_the_same_whatever_the_manifest_holds() {
    let mut counted = Counted::new();
    // Creates the repository, which the others find.
    assert_eq!(put(&mut counted, "app", manifest("first", 1, 0, 1)).await, 14);
    let small = put(&mut counted, "app", manifest("small", 1, 0, 1)).await;
    assert_eq!(small, 14);
    for (name, layers, labels, children) in [
        ("three layers", 3, 0, 0),
        ("thirty layers", 30, 0, 0),
        ("layers", 1_000, 0, 1),
        ("labels", 1, 400, 1),
        ("children", 1, 0, 500),
        ("all", 1_000, 400, 500),
        ("none", 0, 0, 0),
    ] {
        assert_eq!(put(&mut counted, "app", manifest(name, layers, labels, children)).await, small, "{name}");
    }
    // Pushed again, moved to 100 tags, and deleted.
    let again = Plan {
        manifest: Some(ManifestChange::Keep(digest("small"))),
        tags: (0..100).map(|number| point(&format!("tag-{number:03}"), "small")).collect(),
        ..plan("app")
    };
    assert!(matches!(counted.store.apply(&again).await.unwrap(), Applied::Done { created: false, .. }));
    assert_eq!(counted.statements(), 6);
    let delete = Plan { delete: Some(digest("small")), ..plan("app") };
    assert!(matches!(counted.store.apply(&delete).await.unwrap(), Applied::Done { .. }));
    assert_eq!(counted.statements(), 9);
}

#[tokio::test]
async fn what_is_prepared_stays_prepared() {
    let mut counted = Counted::new();
    put(&mut counted, "app", manifest("image", 1, 0, 0)).await;
    let prepared = |events: &[Event]| events.iter().filter(|event| matches!(event, Event::Kept(_))).count();
    let work = async |store: &SqliteStore| {
        for number in 0..20 {
            let ask = FetchAsk {
                repository: repository("app"),
                reference: "latest".parse().unwrap(),
                now: 20 + number,
                liveness: Liveness::Visible,
                have: Some(digest(&number.to_string())),
                at: None,
            };
            store.fetch(&ask).await.unwrap();
            let plan = Plan { tags: vec![point("latest", "image")], ..plan("app") };
            store.apply(&plan).await.unwrap();
        }
        std::mem::take(&mut *LOG.lock().unwrap_or_else(PoisonError::into_inner))
    };
    work(&counted.store).await;
    let events = work(&counted.store).await;
    assert_eq!(prepared(&events), 0, "{events:#?}");
    assert_eq!(events.len(), 20 * (1 + 5), "a fetch; BEGIN, where, which tags, pointing, COMMIT");
}
