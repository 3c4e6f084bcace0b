//! A database of its own, and what tests put into it.

use manifest_core::facts::{Acting, Location, Visibility};
use manifest_core::legacy::LegacyImage;
use manifest_core::plan::{Guard, Label, LabelSource, ManifestChange, NewManifest, Plan, TagChange};
use manifest_core::ports::{FinishUpload, NewUpload, Part, UploadId};
use manifest_core::time::NEVER;
use manifest_postgres::{PostgresOptions, PostgresStore};
use oci_types::{Algorithm, Digest, MediaType, RepositoryName};
use postgres_fixture::Database;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A store on that database, on so many connections.
pub(crate) async fn open(url: &str, pool_size: u32) -> PostgresStore {
    let mut options = PostgresOptions::new(url.parse().unwrap());
    options.pool_size = pool_size;
    PostgresStore::connect(options).await.unwrap()
}

/// Every table of the registry.
pub(crate) const TABLES: [&str; 13] = [
    "repository",
    "manifest",
    "manifest_child",
    "manifest_blob",
    "legacy_image",
    "label",
    "tag",
    "tag_history",
    "blob",
    "repository_blob",
    "upload",
    "upload_part",
    "trash",
];

/// All rows of all tables.
pub(crate) fn rows(database: &Database) -> String {
    let all = TABLES.map(|table| format!("SELECT '{table}' AS of, to_jsonb(x)::text AS row FROM {table} x"));
    database.psql(&format!("SELECT * FROM ({}) a ORDER BY of, row", all.join(" UNION ALL "))).unwrap()
}

pub(crate) fn repository(name: &str) -> RepositoryName {
    name.parse().unwrap()
}

pub(crate) fn digest(name: &str) -> Digest {
    Digest::of(Algorithm::Sha256, name.as_bytes())
}

pub(crate) fn location(key: &str) -> Location {
    Location { store: "main".parse().unwrap(), key: key.to_owned() }
}

pub(crate) fn part(key: &str) -> Part {
    Part { location: location(key), size: 5 }
}

pub(crate) fn label(key: &str, source: LabelSource) -> Label {
    Label { key: key.into(), value: "v".into(), json: false, source }
}

/// A manifest whose bytes are its name.
pub(crate) fn manifest(name: &str) -> NewManifest {
    NewManifest {
        digest: digest(name),
        media_type: MediaType::from_static(MediaType::OCI_MANIFEST),
        bytes: name.to_owned().into(),
        subject: None,
        artifact_type: None,
        annotations: BTreeMap::new(),
        platform: None,
        image_created: None,
        layers_size: None,
        acting: Acting::default(),
        labels: Vec::new(),
        blobs: BTreeMap::new(),
        children: Vec::new(),
        empty_layer: false,
        legacy_images: Vec::new(),
        legacy_image: None,
    }
}

/// A legacy image that has its name for a layer.
pub(crate) fn image(id: &str, parent: Option<&str>) -> LegacyImage {
    LegacyImage {
        id: id.to_owned(),
        parent: parent.map(str::to_owned),
        blob: digest(id),
        created: Some(5),
        command: Some("[]".to_owned()),
        comment: None,
        aggregate_size: Some(7),
        metadata: "{}".to_owned(),
    }
}

/// A plan that does nothing yet, in the repository `app`.
pub(crate) fn plan(now: i64) -> Plan {
    Plan {
        repository: repository("app"),
        create_repository: Some(Visibility::Private),
        now,
        actor: Some("ann".parse().unwrap()),
        manifest: None,
        tags: Vec::new(),
        pin: None,
        displaced_until: None,
        delete: None,
        labels: None,
        purge: BTreeSet::new(),
    }
}

pub(crate) fn create(new: NewManifest) -> ManifestChange {
    ManifestChange::Create(Arc::new(new))
}

/// Points tags, sorted, at a manifest.
pub(crate) fn points(tags: &[&str], to: &str) -> Vec<TagChange> {
    let point = |tag: &&str| TagChange::Point {
        name: tag.parse().unwrap(),
        to: digest(to),
        expires: NEVER,
        immutable: false,
        reversion: false,
        guard: Guard::Any,
    };
    tags.iter().map(point).collect()
}

pub(crate) fn end(tag: &str) -> TagChange {
    TagChange::End { name: tag.parse().unwrap(), guard: Guard::Any }
}

/// An upload to open in that repository, which is made if it is absent.
pub(crate) fn upload(of: &str, id: u128) -> NewUpload {
    NewUpload {
        repository: repository(of),
        id: UploadId::from_bits(id),
        hash_state: vec![0].into(),
        create_repository: Some(Visibility::Private),
        now: 1,
        expires: 1_000,
        actor: None,
    }
}

/// The end of an upload whose only part comes with it.
pub(crate) fn finish(of: &str, id: u128, layer: &str) -> FinishUpload {
    FinishUpload {
        repository: repository(of),
        id: UploadId::from_bits(id),
        from: 0,
        sealed: location(&format!("{layer}-of-{id}")),
        digest: digest(layer),
        size: 5,
        lease_until: 5,
        now: 1,
    }
}
