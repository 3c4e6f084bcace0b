//! Pushes of schema 1 that call different images alike, all at once: each manifest ends with its own images, as it would had the pushes come
//! one after the other.

#![expect(clippy::unwrap_used, reason = "a test")]

use bytes::Bytes;
use futures_util::stream;
use manifest_core::plan::{Guard, PushTarget};
use manifest_core::ports::{
    Blobs, Collection, LegacyImages, Listings, Manifests, Records, Repositories, UploadId, Uploads,
};
use manifest_core::service::{Push, PushError, Pushed};
use manifest_core::{AllowAll, Context, Policy, Ports, Registry};
use manifest_memory::{MemoryBlobs, MemoryStore};
use manifest_postgres::{PostgresOptions, PostgresStore};
use manifest_sqlite::{SqliteOptions, SqliteStore};
use oci_types::{Algorithm, Digest, Hasher, MediaType, RepositoryName};
use postgres_fixture::Database;
use serde_json::json;
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

const WRITERS: u64 = 16;
const TURNS: u64 = 8;
const LAYERS: [&str; 3] = ["layer-a", "layer-b", "layer-c"];

fn cx() -> Context {
    Context::anonymous(1_000)
}

fn app() -> RepositoryName {
    "team/app".parse().unwrap()
}

fn digest(text: &str) -> Digest {
    Digest::of(Algorithm::Sha256, text.as_bytes())
}

/// Layers with what is said about them, base first.
#[derive(Clone, Debug)]
struct Image(Vec<(&'static str, String)>);

impl Image {
    /// Three of four ids, on three of the layers.
    fn random(mut seed: u64) -> Self {
        let mut below = |bound: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from((seed >> 33) % bound).unwrap()
        };
        let mut ids = vec!["one", "two", "three", "four"];
        let mut parent: Option<&str> = None;
        let layers = (0..3).map(|_| {
            let id = ids.remove(below(ids.len() as u64));
            let metadata = json!({"id": id, "parent": parent}).to_string();
            parent = Some(id);
            (LAYERS[below(3)], metadata)
        });
        Self(layers.collect())
    }

    fn manifest(&self, tag: &str) -> String {
        let blobs = self.0.iter().rev().map(|(layer, _)| json!({"blobSum": digest(layer).to_string()}));
        let history = self.0.iter().rev().map(|(_, metadata)| json!({"v1Compatibility": metadata}));
        json!({
            "schemaVersion": 1, "name": "team/app", "tag": tag, "architecture": "amd64",
            "fsLayers": blobs.collect::<Vec<_>>(), "history": history.collect::<Vec<_>>(),
        })
        .to_string()
    }

    /// The id that each layer has by itself, and the one that it gets where that is taken (quay-semantics, section 9.4).
    fn ids(&self) -> Vec<(String, String)> {
        let mut said = Hasher::new(Algorithm::Sha256);
        let ids = self.0.iter().map(|(layer, metadata)| {
            said.update(format!("{}@{metadata}|", digest(layer)).as_bytes());
            let own: serde_json::Value = serde_json::from_str(metadata).unwrap();
            (own["id"].as_str().unwrap().to_owned(), said.clone().finish().hex())
        });
        ids.collect()
    }
}

async fn push(registry: &Registry, tag: &str, image: &Image) -> Result<Pushed, PushError> {
    let push = Push {
        repository: app(),
        target: PushTarget::Tag { name: tag.parse().unwrap(), guard: Guard::Any },
        content_type: Some(MediaType::from_static(MediaType::DOCKER_SCHEMA1)),
        bytes: Bytes::from(image.manifest(tag)),
    };
    registry.push(&cx(), &push).await
}

/// The ids of the image that a tag stands for and of all below it, base first, each with its layer.
async fn stored(registry: &Registry, tag: &str) -> Vec<(String, Digest)> {
    let top = registry.legacy_tag(&cx(), &app(), &tag.parse().unwrap()).await.unwrap();
    let mut ids = registry.legacy_ancestry(&cx(), &app(), &top).await.unwrap();
    ids.reverse();
    let mut images = Vec::new();
    for id in ids {
        let blob = registry.legacy_image(&cx(), &app(), &id).await.unwrap().image.blob;
        images.push((id, blob));
    }
    images
}

async fn race(ports: Ports) {
    let registry = Registry::new(ports, Policy::default());
    for (layer, id) in LAYERS.into_iter().zip(1..) {
        let body = Box::pin(stream::once(async move { Ok(Bytes::from_static(layer.as_bytes())) }));
        registry.upload_whole(&cx(), &app(), UploadId::from_bits(id), &digest(layer), body).await.unwrap();
    }
    let barrier = Arc::new(Barrier::new(usize::try_from(WRITERS).unwrap()));
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let (registry, barrier) = (registry.clone(), Arc::clone(&barrier));
        writers.spawn(async move {
            let mut pushed = Vec::new();
            for turn in 0..TURNS {
                let (tag, image) = (format!("tag-{writer}-{turn}"), Image::random(writer * TURNS + turn));
                // Every turn all of them meet.
                barrier.wait().await;
                push(&registry, &tag, &image).await.unwrap();
                pushed.push((tag, image));
            }
            pushed
        });
    }
    let mut pushed = Vec::new();
    while let Some(written) = writers.join_next().await {
        pushed.extend(written.unwrap());
    }
    let mut kept = BTreeSet::new();
    for (tag, image) in &pushed {
        let images = stored(&registry, tag).await;
        let (ids, blobs): (Vec<String>, Vec<Digest>) = images.iter().cloned().unzip();
        let layers: Vec<Digest> = image.0.iter().map(|(layer, _)| digest(layer)).collect();
        assert_eq!(blobs, layers, "{tag}: the images below are the manifest's own");
        let possible = image.ids();
        let own = ids.iter().zip(&possible).take_while(|(id, (own, _))| *id == own).count();
        let expected = possible.iter().enumerate().map(|(at, (old, new))| if at < own { old } else { new });
        assert_eq!(ids.iter().collect::<Vec<_>>(), expected.collect::<Vec<_>>(), "{tag}: new from the first clash on");
        kept.extend(ids.into_iter().take(own));
        // Rows never change, so that the same image, pushed when nobody else does, has the images that it would have had.
        let again = format!("again-{tag}");
        push(&registry, &again, image).await.unwrap();
        assert_eq!(stored(&registry, &again).await, images, "{tag}");
    }
    assert_eq!(kept.len(), 4, "each id is somebody's: {kept:?}");
}

fn ports<S>(rows: Arc<S>) -> Ports
where
    S: Manifests + Listings + Repositories + Blobs + Uploads + Collection + LegacyImages + Records + 'static,
{
    Ports {
        manifests: Arc::<S>::clone(&rows),
        listings: Arc::<S>::clone(&rows),
        repositories: Arc::<S>::clone(&rows),
        blobs: Arc::<S>::clone(&rows),
        uploads: Arc::<S>::clone(&rows),
        collection: Arc::<S>::clone(&rows),
        legacy_images: Arc::<S>::clone(&rows),
        records: rows,
        bytes: Arc::new(MemoryBlobs::new(1 << 20)),
        access: Arc::new(AllowAll),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn in_memory() {
    race(ports(Arc::new(MemoryStore::new()))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn on_sqlite() {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&directory.path().join("registry.sqlite"), SqliteOptions::default()).unwrap();
    race(ports(Arc::new(store))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn on_postgres() {
    let database = Database::fresh().await;
    let store = PostgresStore::connect(PostgresOptions::new(database.url().parse().unwrap())).await.unwrap();
    race(ports(Arc::new(store))).await;
}
