//! Legacy images with rows and without: what is answered is the same, and so is what is accepted.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test")]

use bytes::Bytes;
use futures_util::stream;
use manifest_core::plan::{Guard, PushTarget, Rejection};
use manifest_core::policy::{LegacyImageRows, References};
use manifest_core::ports::{Records, StoredImage, Table, UploadId};
use manifest_core::service::{LegacyImageError, Push, PushError, Pushed};
use manifest_core::{AllowAll, Context, Policy, Registry};
use manifest_memory::{MemoryBlobs, MemoryStore};
use oci_types::{Algorithm, Digest, MediaType, RepositoryName, TagName};
use serde_json::{Value, json};

struct World {
    store: MemoryStore,
    registry: Registry,
    uploads: u128,
}

fn cx() -> Context {
    Context::anonymous(1_000)
}

fn app() -> RepositoryName {
    "team/app".parse().unwrap()
}

fn digest(bytes: &[u8]) -> Digest {
    Digest::of(Algorithm::Sha256, bytes)
}

fn tag(name: &str) -> TagName {
    name.parse().unwrap()
}

fn config(history: Option<Value>) -> String {
    let mut config = json!({
        "architecture": "amd64", "os": "linux", "created": "2020-01-02T03:04:05Z", "config": {"Cmd": ["run"]},
        "rootfs": {"type": "layers", "diff_ids": []},
    });
    if let Some(history) = history {
        config["history"] = history;
    }
    config.to_string()
}

fn descriptor(media_type: &str, bytes: &str) -> Value {
    json!({"mediaType": media_type, "size": bytes.len(), "digest": digest(bytes.as_bytes()).to_string()})
}

fn image(media_type: &str, config: &str, layers: &[&str]) -> String {
    let (config_type, layer_type) = if media_type == MediaType::OCI_MANIFEST {
        (MediaType::OCI_CONFIG, MediaType::OCI_LAYER)
    } else {
        (MediaType::DOCKER_CONFIG, MediaType::DOCKER_LAYER)
    };
    let layers: Vec<Value> = layers.iter().map(|layer| descriptor(layer_type, layer)).collect();
    let config = descriptor(config_type, config);
    json!({"schemaVersion": 2, "mediaType": media_type, "config": config, "layers": layers}).to_string()
}

fn index(media_type: &str, child_type: &str, children: &[(&str, &str)]) -> String {
    let children: Vec<Value> = children
        .iter()
        .map(|(architecture, child)| {
            let mut entry = descriptor(child_type, child);
            entry["platform"] = json!({"architecture": architecture, "os": "linux"});
            entry
        })
        .collect();
    json!({"schemaVersion": 2, "mediaType": media_type, "manifests": children}).to_string()
}

/// Layers are base first, as `(layer, metadata)`.
fn schema1(tag: &str, layers: &[(&str, Value)]) -> String {
    let blobs = layers.iter().rev().map(|(layer, _)| json!({"blobSum": digest(layer.as_bytes()).to_string()}));
    let history = layers.iter().rev().map(|(_, metadata)| json!({"v1Compatibility": metadata.to_string()}));
    json!({
        "schemaVersion": 1, "name": "team/app", "tag": tag, "architecture": "amd64",
        "fsLayers": blobs.collect::<Vec<_>>(), "history": history.collect::<Vec<_>>(),
    })
    .to_string()
}

const OCI: &str = MediaType::OCI_MANIFEST;
const DOCKER: &str = MediaType::DOCKER_SCHEMA2;

impl World {
    fn new(legacy_images: LegacyImageRows) -> Self {
        Self::under(Policy { legacy_images, max_page: 3, ..Policy::default() })
    }

    fn under(policy: Policy) -> Self {
        let store = MemoryStore::new();
        let registry = Registry::new(store.ports(MemoryBlobs::new(1 << 20), AllowAll), policy);
        Self { store, registry, uploads: 0 }
    }

    async fn upload(&mut self, blobs: &[&str]) {
        for blob in blobs {
            self.uploads += 1;
            let bytes = Bytes::from((*blob).to_owned());
            let body = Box::pin(stream::once(async move { Ok(bytes) }));
            let id = UploadId::from_bits(self.uploads);
            self.registry.upload_whole(&cx(), &app(), id, &digest(blob.as_bytes()), body).await.unwrap();
        }
    }

    async fn push(&self, tag: &str, media_type: &'static str, manifest: &str) -> Result<Pushed, PushError> {
        let push = Push {
            repository: app(),
            target: PushTarget::Tag { name: tag.parse().unwrap(), guard: Guard::Any },
            content_type: Some(MediaType::from_static(media_type)),
            bytes: Bytes::from(manifest.to_owned()),
        };
        self.registry.push(&cx(), &push).await
    }

    async fn rows(&self) -> usize {
        self.store.page(Table::LegacyImage, None, 1_000).await.unwrap().items.len()
    }

    /// Every tag with its image, page by page.
    async fn tags(&self) -> Vec<(String, String)> {
        let (mut tags, mut after) = (Vec::new(), None);
        loop {
            let page = self.registry.legacy_tags(&cx(), &app(), after, None).await.unwrap();
            tags.extend(page.items.iter().map(|tag| (tag.name.to_string(), tag.image.clone())));
            after = page.items.last().map(|tag| tag.name.clone());
            if !page.more {
                return tags;
            }
        }
    }
}

/// Images of every kind, of which some share a base.
async fn furnished(rows: LegacyImageRows) -> World {
    let mut world = World::new(rows);
    let base = json!({"created": "2019-01-01T00:00:00Z", "created_by": "base"});
    let one = config(Some(json!([base, {"created_by": "env", "empty_layer": true}, {"created_by": "one"}])));
    let two = config(Some(json!([base, {"created_by": "two", "comment": "é"}])));
    let plain = config(None);
    world.upload(&[&one, &two, &plain, "{}", "base", "one", "two", "side"]).await;
    let docker = image(DOCKER, &one, &["base", "one"]);
    let oci = image(OCI, &two, &["base", "two"]);
    let undescribed = image(OCI, &plain, &["base", "side"]);
    let artifact = json!({
        "schemaVersion": 2, "mediaType": OCI, "artifactType": "a/b", "layers": [descriptor("a/b", "side")],
        "config": descriptor(MediaType::OCI_EMPTY, "{}"),
    });
    let old = schema1(
        "old",
        &[
            ("base", json!({"id": "first", "created": "2015-01-01T00:00:00Z"})),
            ("side", json!({"id": "second", "parent": "first", "container_config": {"Cmd": ["x"]}})),
        ],
    );
    let list = index(MediaType::DOCKER_LIST, DOCKER, &[("arm64", &docker), ("amd64", &docker)]);
    let inner = index(MediaType::OCI_INDEX, OCI, &[("arm64", &undescribed), ("amd64", &oci)]);
    let outer = index(MediaType::OCI_INDEX, MediaType::OCI_INDEX, &[("amd64", &inner)]);
    for (tag, media_type, manifest) in [
        ("docker", DOCKER, docker.as_str()),
        ("oci", OCI, &oci),
        ("undescribed", OCI, &undescribed),
        ("artifact", OCI, &artifact.to_string()),
        ("old", MediaType::DOCKER_SCHEMA1, &old),
        ("list", MediaType::DOCKER_LIST, &list),
        ("inner", MediaType::OCI_INDEX, &inner),
        ("outer", MediaType::OCI_INDEX, &outer),
    ] {
        world.push(tag, media_type, manifest).await.unwrap();
    }
    // Without a tag of its own, but in an index or pinned.
    world.registry.delete_tag(&cx(), &app(), &tag("undescribed"), Guard::Any).await.unwrap();
    world
}

#[tokio::test]
async fn with_rows_and_without_the_answers_are_the_same() {
    let stored = furnished(LegacyImageRows::Stored).await;
    let off = furnished(LegacyImageRows::Off).await;
    assert_eq!((stored.rows().await, off.rows().await), (8, 0));
    let tags = stored.tags().await;
    let names: Vec<&str> = tags.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["docker", "inner", "list", "oci", "old", "outer"]);
    assert_eq!(off.tags().await, tags);
    assert_eq!(tags[0].1, tags[2].1, "a list stands for its image for amd64");
    assert!(tags[1].1 == tags[3].1 && tags[5].1 == tags[3].1, "an index in an index, too");
    let ids = stored.store.page(Table::LegacyImage, None, 1_000).await.unwrap().items;
    for row in ids {
        let id = row.key.strip_prefix("team/app@").unwrap();
        let image = |world: &World| {
            let registry = world.registry.clone();
            async move { registry.legacy_image(&cx(), &app(), id).await.unwrap() }
        };
        let (found, made) = (image(&stored).await, image(&off).await);
        let sizes = |found: &StoredImage| found.layer.as_ref().map(|layer| layer.size);
        assert_eq!((&found.image, sizes(&found)), (&made.image, sizes(&made)), "{id}");
        assert!(found.layer.is_some() && found.image.aggregate_size.is_some(), "{id}");
        let ancestry = stored.registry.legacy_ancestry(&cx(), &app(), id).await.unwrap();
        assert_eq!(off.registry.legacy_ancestry(&cx(), &app(), id).await.unwrap(), ancestry, "{id}");
        assert_eq!(ancestry[0], id);
        let layer = stored.registry.legacy_layer(&cx(), &app(), id).await.unwrap();
        let made = off.registry.legacy_layer(&cx(), &app(), id).await.unwrap();
        assert_eq!((layer.0, layer.1.size), (made.0, made.1.size), "{id}");
    }
    for world in [&stored, &off] {
        for (name, image) in &tags {
            assert_eq!(&world.registry.legacy_tag(&cx(), &app(), &tag(name)).await.unwrap(), image);
        }
        for name in ["artifact", "never"] {
            let error = world.registry.legacy_tag(&cx(), &app(), &tag(name)).await.unwrap_err();
            assert!(matches!(error, LegacyImageError::TagUnknown { .. }), "{error}");
        }
        let error = world.registry.legacy_image(&cx(), &app(), "never").await.unwrap_err();
        assert!(matches!(error, LegacyImageError::ImageUnknown { .. }), "{error}");
        let error = world.registry.legacy_ancestry(&cx(), &app(), "never").await.unwrap_err();
        assert!(matches!(error, LegacyImageError::ImageUnknown { .. }), "{error}");
        let nowhere = "no/where".parse().unwrap();
        let errors = [
            world.registry.legacy_image(&cx(), &nowhere, "x").await.unwrap_err(),
            world.registry.legacy_tags(&cx(), &nowhere, None, None).await.unwrap_err(),
            world.registry.legacy_tag(&cx(), &nowhere, &tag("x")).await.unwrap_err(),
        ];
        for error in errors {
            assert!(matches!(error, LegacyImageError::RepositoryUnknown(_)), "{error}");
        }
    }
}

#[tokio::test]
async fn a_history_that_does_not_fit_its_layers_is_refused_with_rows_and_without() {
    let entries = |count: usize| Some(json!(vec![json!({"created_by": "x"}); count]));
    for rows in [LegacyImageRows::Stored, LegacyImageRows::Off] {
        for (media_type, history, fits) in [
            (DOCKER, entries(2), true),
            (DOCKER, entries(1), false),
            (DOCKER, entries(3), false),
            (DOCKER, entries(0), false),
            (OCI, entries(1), false),
            (OCI, entries(3), false),
            (OCI, entries(0), true),
            (OCI, None, true),
            (OCI, Some(json!([{"created": "yesterday"}, {"created": ""}])), true),
        ] {
            let mut world = World::new(rows);
            let config = config(history);
            world.upload(&[&config, "base", "top"]).await;
            let pushed = world.push("v1", media_type, &image(media_type, &config, &["base", "top"])).await;
            match pushed {
                Ok(_) => assert!(fits, "{config} was accepted"),
                Err(PushError::Rejected(Rejection::LegacyImages(_))) => assert!(!fits, "{config} was refused"),
                Err(error) => panic!("{error}"),
            }
            let manifests = world.store.page(Table::Manifest, None, 10).await.unwrap().items.len();
            assert_eq!(manifests, usize::from(fits), "{config}");
        }
        // `{}` says nothing, so it says nothing wrong.
        let mut world = World::new(rows);
        world.upload(&["{}", "base", "top"]).await;
        world.push("v1", DOCKER, &image(DOCKER, "{}", &["base", "top"])).await.unwrap();
    }
}

#[tokio::test]
async fn an_id_of_schema_1_that_stands_for_another_layer_gets_a_new_one() {
    let mut world = World::new(LegacyImageRows::Stored);
    world.upload(&["one", "other", "top"]).await;
    let metadata = |id: &str, parent: Option<&str>| json!({"id": id, "parent": parent});
    let first = schema1("a", &[("one", metadata("id", None))]);
    world.push("a", MediaType::DOCKER_SCHEMA1, &first).await.unwrap();
    let second = schema1("b", &[("other", metadata("id", None)), ("top", metadata("top", Some("id")))]);
    world.push("b", MediaType::DOCKER_SCHEMA1, &second).await.unwrap();
    let tags = world.tags().await;
    assert_eq!(tags[0].1, "id");
    let ancestry = world.registry.legacy_ancestry(&cx(), &app(), &tags[1].1).await.unwrap();
    assert_eq!(ancestry.len(), 2);
    assert!(ancestry.iter().all(|id| id.len() == 64), "{ancestry:?}");
    let base = world.registry.legacy_image(&cx(), &app(), &ancestry[1]).await.unwrap();
    assert_eq!(base.image.blob, digest(b"other"));
}

#[tokio::test]
async fn an_id_of_schema_1_has_an_end() {
    for rows in [LegacyImageRows::Stored, LegacyImageRows::Off] {
        let mut world = World::new(rows);
        world.upload(&["one"]).await;
        let manifest = |id: &str| schema1("a", &[("one", json!({"id": id}))]);
        let long = world.push("a", MediaType::DOCKER_SCHEMA1, &manifest(&"x".repeat(256))).await.unwrap_err();
        assert!(matches!(long, PushError::Rejected(Rejection::LegacyImages(_))), "{long}");
        world.push("a", MediaType::DOCKER_SCHEMA1, &manifest(&"x".repeat(255))).await.unwrap();
    }
}

#[tokio::test]
async fn without_a_config_there_are_no_images() {
    for legacy_images in [LegacyImageRows::Stored, LegacyImageRows::Off] {
        let policy = Policy { references: References::Unchecked, legacy_images, ..Policy::default() };
        let mut world = World::under(policy);
        let config = config(None);
        let manifest = image(OCI, &config, &["base"]);
        world.push("absent", OCI, &manifest).await.unwrap();
        assert_eq!((world.rows().await, world.tags().await), (0, Vec::new()));
        // The layer may be absent all the same; then the image has no size, and its layer is not found.
        world.upload(&[&config]).await;
        world.push("layer", OCI, &image(OCI, &config, &["gone"])).await.unwrap();
        let tags = world.tags().await;
        let [.., (_, id)] = &tags[..] else { panic!("no image") };
        let found = world.registry.legacy_image(&cx(), &app(), id).await.unwrap();
        assert_eq!((found.image.aggregate_size, found.layer), (None, None));
        let error = world.registry.legacy_layer(&cx(), &app(), id).await.unwrap_err();
        assert!(matches!(error, LegacyImageError::LayerUnknown { .. }), "{error}");
    }
}
