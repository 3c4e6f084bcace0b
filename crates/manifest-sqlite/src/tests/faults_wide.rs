//! The same for changes of labels, amendments, purges and sweeps.

use super::world::{World, digest, manifest, plan};
use manifest_core::facts::{Acting, Location, Visibility};
use manifest_core::plan::{
    Applied, ChildLink, Label, LabelId, LabelSource, LabelsChange, ManifestChange, Need, Plan, TagChange,
};
use manifest_core::ports::{
    Collection, FinishUpload, Manifests, NewUpload, Record, Records, Repositories, SweepAsk, SweepKind, Table,
    UploadId, Uploads,
};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Every record, and what is in the trash.
async fn everything(world: &World) -> (Vec<Record>, Vec<Location>) {
    let mut records = Vec::new();
    for table in Table::ALL {
        records.extend(world.store.page(table, None, 1_000).await.unwrap().items);
    }
    (records, world.store.trash(1_000, 1_000_000).await.unwrap())
}

fn label(key: &str) -> Label {
    Label { key: key.into(), value: "v".into(), json: false, source: LabelSource::Api }
}

/// A store with an image of everything, in a repository of that name.
pub(super) async fn furnish(world: &World, name: &str, id: u128) {
    let layer = format!("layer of {name}");
    let upload = NewUpload {
        repository: name.parse().unwrap(),
        id: UploadId::from_bits(id),
        hash_state: vec![0].into(),
        create_repository: Some(Visibility::Private),
        now: 1,
        expires: 1_000,
        actor: None,
    };
    world.store.begin(&upload).await.unwrap();
    let finish = FinishUpload {
        repository: upload.repository,
        id: upload.id,
        from: 0,
        sealed: Location { store: "main".parse().unwrap(), key: layer.clone() },
        digest: digest(&layer),
        size: 5,
        lease_until: 5,
        now: 1,
    };
    world.store.finish(&finish).await.unwrap();
    let mut image = manifest("image");
    image.blobs.insert(digest(&layer), Need::Required);
    image.children = vec![ChildLink { digest: digest("image"), need: Need::MayBeAbsent, platform: None }];
    image.labels = vec![label("first")];
    let create = Plan {
        manifest: Some(ManifestChange::Create(Arc::new(image))),
        pin: None,
        ..plan(name, "image", &["latest", "other"])
    };
    for _ in 0..2 {
        // The second time the tags go into a new interval.
        assert!(matches!(world.store.apply(&create).await.unwrap(), Applied::Done { .. }));
    }
}

pub(super) const FAULTS: [&str; 3] = ["ABORT", "FAIL", "ROLLBACK"];

#[tokio::test]
async fn no_change_that_fails_leaves_anything_behind() {
    let world = World::new();
    furnish(&world, "app", 1).await;
    world.push("app", "kept", &["kept"]).await;
    let amend = TagChange::Amend {
        name: "kept".parse().unwrap(),
        start: 10,
        was_immutable: false,
        expires: 900,
        immutable: true,
    };
    let change = Plan {
        manifest: None,
        pin: None,
        tags: vec![amend],
        labels: Some(LabelsChange {
            manifest: digest("image"),
            add: vec![label("second")],
            remove: Some(LabelId(1)),
            acting: Acting { expires_after: Some(1_000), immutable: false },
        }),
        purge: BTreeSet::from([digest("image")]),
        ..plan("app", "image", &[])
    };
    let before = everything(&world).await;
    for write in [
        "UPDATE OF immutable ON tag",
        "UPDATE OF expires_after_ms ON manifest",
        "DELETE ON label",
        "INSERT ON label",
        "DELETE ON repository_blob",
        "DELETE ON legacy_image",
        "DELETE ON manifest",
        "DELETE ON manifest_child",
        "DELETE ON manifest_blob",
        "DELETE ON tag",
        "DELETE ON tag_history",
    ] {
        for how in FAULTS {
            world.sql(&format!("CREATE TRIGGER fault AFTER {write} BEGIN SELECT RAISE({how}, 'a fault'); END"));
            world.store.apply(&change).await.expect_err(write);
            world.sql("DROP TRIGGER fault");
            assert_eq!(everything(&world).await, before, "{how} at {write}");
        }
    }
    let Applied::Done { displaced, .. } = world.store.apply(&change).await.unwrap() else { panic!("refused") };
    assert_eq!(displaced.len(), 2);
    let (records, _) = everything(&world).await;
    assert!(!records.iter().any(|record| record.key.contains(&digest("image").to_string())), "{records:#?}");
}

#[tokio::test]
async fn no_step_of_a_sweep_that_fails_leaves_anything_behind() {
    let world = World::new();
    furnish(&world, "app", 1).await;
    furnish(&world, "gone", 2).await;
    assert!(world.store.delete(&"gone".parse().unwrap(), 20).await.unwrap());
    let end = |name: &str| TagChange::End { name: name.parse().unwrap(), guard: manifest_core::plan::Guard::Any };
    let ends = Plan { manifest: None, pin: None, tags: vec![end("latest"), end("other")], ..plan("app", "image", &[]) };
    assert!(matches!(world.store.apply(&ends).await.unwrap(), Applied::Done { .. }));
    let steps: [(SweepKind, &[&str]); 5] = [
        (
            SweepKind::Repositories,
            &[
                "DELETE ON tag",
                "DELETE ON tag_history",
                "DELETE ON manifest",
                "DELETE ON legacy_image",
                "DELETE ON upload",
                "DELETE ON repository",
            ],
        ),
        (SweepKind::Manifests, &["DELETE ON manifest", "DELETE ON label", "DELETE ON tag_history"]),
        (SweepKind::LegacyImages, &["DELETE ON legacy_image"]),
        (SweepKind::Access, &["DELETE ON repository_blob"]),
        (SweepKind::Blobs, &["DELETE ON blob", "INSERT ON trash"]),
    ];
    for (kind, writes) in steps {
        let ask = SweepAsk { kind, after: None, limit: 200, now: 10_000, window: 0, grace: 0 };
        let before = everything(&world).await;
        for write in writes {
            for how in FAULTS {
                world.sql(&format!("CREATE TRIGGER fault AFTER {write} BEGIN SELECT RAISE({how}, 'a fault'); END"));
                world.store.sweep(&ask).await.expect_err(write);
                world.sql("DROP TRIGGER fault");
                assert_eq!(everything(&world).await, before, "{kind:?}: {how} at {write}");
            }
        }
        assert!(world.store.sweep(&ask).await.unwrap().removed > 0, "{kind:?}");
    }
    let (records, trash) = everything(&world).await;
    let keys: Vec<&str> = records.iter().map(|record| record.key.as_str()).collect();
    assert_eq!(
        keys,
        ["app", &manifest_core::empty_layer::digest().to_string()],
        "the repository and the empty layer stay"
    );
    assert_eq!(trash.len(), 2);
}
