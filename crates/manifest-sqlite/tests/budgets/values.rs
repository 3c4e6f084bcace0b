use manifest_core::empty_layer;
use manifest_core::facts::{Acting, Location, Visibility};
use manifest_core::legacy::LegacyImage;
use manifest_core::plan::{ChildLink, Guard, Label, LabelSource, Need, NewManifest, Plan, TagChange};
use manifest_core::ports::UploadId;
use manifest_core::time::NEVER;
use oci_types::{Algorithm, Digest, MediaType, RepositoryName};
use std::collections::{BTreeMap, BTreeSet};

pub(crate) fn digest(name: &str) -> Digest {
    Digest::of(Algorithm::Sha256, name.as_bytes())
}

pub(crate) fn repository(name: &str) -> RepositoryName {
    name.parse().unwrap()
}

/// A manifest of so many layers, labels and children, none of which needs to exist but the first child.
pub(crate) fn manifest(name: &str, layers: usize, labels: usize, children: usize) -> NewManifest {
    let mut blobs: BTreeMap<Digest, Need> =
        (0..layers).map(|number| (digest(&format!("layer {number}")), Need::MayBeAbsent)).collect();
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
        artifact_type: None,
        annotations: BTreeMap::new(),
        platform: None,
        image_created: None,
        layers_size: None,
        acting: Acting::default(),
        labels: (0..labels).map(label).collect(),
        blobs,
        children: (0..children).map(child).collect(),
        empty_layer: true,
        legacy_images: (0..layers).map(|number| image(name, number)).collect(),
        legacy_image: layers.checked_sub(1).map(|last| image(name, last).id),
    }
}

/// The first is everybody's.
fn image(name: &str, number: usize) -> LegacyImage {
    let id = |number| if number == 0 { "base".to_owned() } else { format!("{name} {number}") };
    LegacyImage {
        id: id(number),
        parent: number.checked_sub(1).map(id),
        blob: digest(&format!("layer {number}")),
        created: Some(5),
        command: Some("[]".to_owned()),
        comment: None,
        aggregate_size: Some(7),
        metadata: "{}".to_owned(),
    }
}

pub(crate) fn point(name: &str, to: &str) -> TagChange {
    TagChange::Point {
        name: name.parse().unwrap(),
        to: digest(to),
        expires: NEVER,
        immutable: false,
        reversion: false,
        guard: Guard::Any,
    }
}

pub(crate) fn plan(repository_name: &str) -> Plan {
    Plan {
        repository: repository(repository_name),
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

pub(crate) fn upload_id(number: u128) -> UploadId {
    UploadId::from_bits(number)
}

pub(crate) fn location(key: &str) -> Location {
    Location { store: "main".parse().unwrap(), key: key.to_owned() }
}
