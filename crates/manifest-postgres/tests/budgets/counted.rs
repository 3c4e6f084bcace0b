use crate::wire::Wire;
use manifest_core::empty_layer;
use manifest_core::facts::{Acting, Visibility};
use manifest_core::legacy::LegacyImage;
use manifest_core::plan::{
    Applied, ChildLink, Guard, Label, LabelSource, ManifestChange, Need, NewManifest, Plan, TagChange,
};
use manifest_core::ports::Manifests;
use manifest_core::time::NEVER;
use manifest_postgres::{PostgresOptions, PostgresStore};
use oci_types::{Algorithm, Digest, MediaType, RepositoryName};
use postgres_fixture::Database;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

/// A store with one connection, behind a wire that counts.
pub(crate) struct Counted {
    pub(crate) store: PostgresStore,
    wire: Wire,
    _database: Database,
}

impl Counted {
    /// With a small manifest and a large one in the repository `app`, the tag `latest` moved from the one to the other.
    pub(crate) async fn furnished() -> Self {
        let database = Database::fresh().await;
        let wire = Wire::before(database.url()).await;
        let mut options = PostgresOptions::new(wire.url().parse().unwrap());
        options.pool_size = 1;
        let store = PostgresStore::connect(options).await.unwrap();
        for (name, size) in [("small", 1), ("large", 500)] {
            let create = Plan {
                manifest: Some(ManifestChange::Create(Arc::new(manifest(name, size)))),
                tags: vec![point("latest", name), point(name, name)],
                ..plan()
            };
            assert!(matches!(store.apply(&create).await.unwrap(), Applied::Done { created: true, .. }));
        }
        Self { store, wire, _database: database }
    }

    /// Runs a read twice, and sees that the second time, when it is prepared, it is one round trip.
    pub(crate) async fn once<T: fmt::Debug + PartialEq>(
        &self,
        what: &str,
        read: impl AsyncFn(&PostgresStore) -> T,
    ) -> T {
        let first = read(&self.store).await;
        let before = self.wire.rounds();
        let second = read(&self.store).await;
        assert_eq!(self.wire.rounds() - before, 1, "{what}");
        assert_eq!(first, second, "{what}");
        second
    }
}

pub(crate) fn digest(name: &str) -> Digest {
    Digest::of(Algorithm::Sha256, name.as_bytes())
}

pub(crate) fn app() -> RepositoryName {
    "app".parse().unwrap()
}

/// A manifest of so many layers, labels and children, none of which needs to exist but the empty layer.
fn manifest(name: &str, size: usize) -> NewManifest {
    let mut blobs: BTreeMap<Digest, Need> =
        (0..size).map(|number| (digest(&format!("layer {number}")), Need::MayBeAbsent)).collect();
    blobs.insert(empty_layer::digest(), Need::Required);
    let label = |number| Label {
        key: format!("key {number}"),
        value: "value".into(),
        json: false,
        source: LabelSource::Manifest,
    };
    let child =
        |number| ChildLink { digest: digest(&format!("child {number}")), need: Need::MayBeAbsent, platform: None };
    NewManifest {
        digest: digest(name),
        media_type: MediaType::from_static(MediaType::OCI_INDEX),
        bytes: name.to_owned().into(),
        subject: Some(digest("subject")),
        artifact_type: Some("a/b".into()),
        annotations: BTreeMap::new(),
        platform: None,
        image_created: None,
        layers_size: None,
        acting: Acting::default(),
        labels: (0..size).map(label).collect(),
        blobs,
        children: (0..size).map(child).collect(),
        empty_layer: true,
        legacy_images: (0..size).map(|number| image(name, number)).collect(),
        legacy_image: Some(format!("{name} {}", size - 1)),
    }
}

/// The image of that number in a chain, which has the empty layer.
fn image(name: &str, number: usize) -> LegacyImage {
    LegacyImage {
        id: format!("{name} {number}"),
        parent: number.checked_sub(1).map(|below| format!("{name} {below}")),
        blob: empty_layer::digest(),
        created: None,
        command: None,
        comment: None,
        aggregate_size: None,
        metadata: "{}".to_owned(),
    }
}

fn point(name: &str, to: &str) -> TagChange {
    TagChange::Point {
        name: name.parse().unwrap(),
        to: digest(to),
        expires: NEVER,
        immutable: false,
        reversion: false,
        guard: Guard::Any,
    }
}

fn plan() -> Plan {
    Plan {
        repository: app(),
        create_repository: Some(Visibility::Private),
        now: 10,
        actor: None,
        manifest: None,
        tags: Vec::new(),
        pin: None,
        displaced_until: Some(1_000),
        delete: None,
        labels: None,
        purge: BTreeSet::new(),
    }
}
