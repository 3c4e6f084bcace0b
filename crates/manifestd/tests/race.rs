//! Pushes, mounts, deletions, moved tags and collection at once, on every adapter, with spans so short that much is collected.
//!
//! Each worker writes in a repository of its own, so that it alone knows what must be served there. All of them share layers,
//! whose rows and bytes are what the workers and the collectors race for.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends by panicking")]
#![expect(clippy::print_stdout, reason = "how often what happened is the result of a longer run")]

use blobs_filesystem::FilesystemBlobs;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use manifest_core::plan::{Guard, PushTarget, Rejection};
use manifest_core::ports::{
    Blobs, BodyStream, Collection, LegacyImages, Listings, Manifests, Ports, Records, Repositories, UploadId, Uploads,
};
use manifest_core::service::{Collector, CollectorOptions, FsckOptions, Push, PushError, Stage};
use manifest_core::{AllowAll, Context, Policy, Registry};
use manifest_memory::{MemoryBlobs, MemoryStore};
use manifest_postgres::{PostgresOptions, PostgresStore};
use manifest_sqlite::{SqliteOptions, SqliteStore};
use oci_types::{Algorithm, Digest, MediaType, Reference, RepositoryName, TagName};
use postgres_fixture::Database;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Seconds that the race lasts on each adapter, where this variable of the environment does not say otherwise.
const SECONDS: (&str, u64) = ("MANIFESTD_RACE_SECONDS", 10);

const WORKERS: u64 = 4;
const TAGS: u64 = 4;
/// How many different layers there are: few, so that workers meet at them.
const LAYERS: u64 = 12;
/// After so many milliseconds a worker takes up a new layer and leaves the oldest behind. All go through all layers, one a little after
/// another, so that each layer is left by everybody for long enough to be collected, and is then brought again.
const SHIFT: u128 = 300;

fn now() -> Context {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Context::anonymous(i64::try_from(since.as_millis()).unwrap())
}

fn deadline() -> Instant {
    let seconds = std::env::var(SECONDS.0).map_or(SECONDS.1, |text| text.parse().unwrap());
    Instant::now() + Duration::from_secs(seconds)
}

/// Nothing outlives its use by more than a second.
fn policy() -> Policy {
    Policy {
        lease: 300,
        head_lease_floor: 50,
        upload_ttl: 1_000,
        history_window: 200,
        collection_grace: 100,
        untagged_ttl: 200,
        ..Policy::default()
    }
}

/// How often something happened.
#[derive(Debug, Default)]
struct Counts {
    pushes: AtomicU64,
    refused: AtomicU64,
    uploads: AtomicU64,
    mounts: AtomicU64,
    deletions: AtomicU64,
    retags: AtomicU64,
    manifests: AtomicU64,
    blobs: AtomicU64,
    locations: AtomicU64,
}

fn add(counter: &AtomicU64, number: u64) {
    counter.fetch_add(number, Relaxed);
}

/// Numbers that look random and are the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

fn layer(number: u64) -> Bytes {
    format!("layer {number}").repeat(100).into()
}

fn digest(bytes: &[u8]) -> Digest {
    Digest::of(Algorithm::Sha256, bytes)
}

fn body(bytes: Bytes) -> BodyStream {
    Box::pin(stream::once(async move { Ok(bytes) }))
}

fn repository(worker: u64) -> RepositoryName {
    format!("race/worker-{worker}").parse().unwrap()
}

/// What an acknowledged push promises.
#[derive(Clone)]
struct Image {
    digest: Digest,
    bytes: Bytes,
    blobs: Vec<Bytes>,
}

impl Image {
    fn new(build: u64, layers: &[u64]) -> Self {
        let blobs: Vec<Bytes> =
            std::iter::once(Bytes::from_static(b"{}")).chain(layers.iter().map(|number| layer(*number))).collect();
        let descriptor = |media_type: &str, blob: &Bytes| {
            format!(r#"{{"mediaType":"{media_type}","digest":"{}","size":{}}}"#, digest(blob), blob.len())
        };
        let config = descriptor("application/vnd.test", &blobs[0]);
        let layers: Vec<String> = blobs[1..].iter().map(|blob| descriptor(MediaType::OCI_LAYER_GZIP, blob)).collect();
        let bytes = Bytes::from(format!(
            r#"{{"schemaVersion":2,"mediaType":"{}","config":{config},"layers":[{}],"annotations":{{"build":"{build}"}}}}"#,
            MediaType::OCI_MANIFEST,
            layers.join(",")
        ));
        Self { digest: digest(&bytes), bytes, blobs }
    }
}

/// Somebody who pushes, moves tags and deletes in a repository of their own, and knows what must be served there.
struct Worker {
    registry: Registry,
    counts: Arc<Counts>,
    number: u64,
    dice: Dice,
    started: Instant,
    builds: u64,
    /// What was deleted last, to be pushed again while it is collected.
    deleted: Option<Image>,
    tags: BTreeMap<TagName, Image>,
}

impl Worker {
    fn new(registry: &Registry, counts: &Arc<Counts>, number: u64) -> Self {
        let (registry, counts) = (registry.clone(), Arc::clone(counts));
        let (started, tags) = (Instant::now(), BTreeMap::new());
        Self { registry, counts, number, dice: Dice(number), started, builds: 0, deleted: None, tags }
    }

    async fn work(mut self, until: Instant) -> Self {
        while Instant::now() < until {
            match self.dice.below(6) {
                0..=2 => self.push().await,
                3 => self.delete().await,
                4 => self.retag().await,
                _ => self.check().await,
            }
            // The collectors need their turn also where no port ever waits.
            tokio::task::yield_now().await;
        }
        self
    }

    fn tag(&mut self) -> TagName {
        format!("v{}", self.dice.below(TAGS)).parse().unwrap()
    }

    fn build(&mut self) -> Image {
        self.builds += 1;
        let shifts = u64::try_from(self.started.elapsed().as_millis() / SHIFT).unwrap();
        let base = shifts + self.number;
        let layers = [(base + self.dice.below(4)) % LAYERS, (base + self.dice.below(4)) % LAYERS];
        Image::new(self.builds * WORKERS + self.number, &layers)
    }

    /// Asks for each blob, else mounts it from a neighbour, else uploads it, and pushes: as clients do.
    async fn push(&mut self) {
        let again = if self.dice.below(4) == 0 { self.deleted.take() } else { None };
        let image = again.unwrap_or_else(|| self.build());
        for blob in &image.blobs {
            self.bring(blob).await;
        }
        let name = self.tag();
        let target = PushTarget::Tag { name: name.clone(), guard: Guard::Any };
        let push = Push { repository: repository(self.number), target, content_type: None, bytes: image.bytes.clone() };
        match self.registry.push(&now(), &push).await {
            Ok(pushed) => {
                assert_eq!(pushed.digest, image.digest);
                self.tags.insert(name, image);
                add(&self.counts.pushes, 1);
            }
            // A lease may end before its push on a slow machine. The push is refused then, and nothing is promised.
            Err(PushError::Rejected(Rejection::Missing { .. })) => add(&self.counts.refused, 1),
            Err(error) => panic!("{error:?}"),
        }
    }

    async fn bring(&mut self, blob: &Bytes) {
        let (name, digest) = (repository(self.number), digest(blob));
        if self.registry.stat_blob(&now(), &name, &digest).await.is_ok() {
            return;
        }
        let neighbour = repository((self.number + 1) % WORKERS);
        if self.registry.mount(&now(), &name, Some(&neighbour), &digest).await.unwrap().is_some() {
            add(&self.counts.mounts, 1);
            return;
        }
        let id = UploadId::from_bits(uuid::Uuid::new_v4().as_u128());
        self.registry.upload_whole(&now(), &name, id, &digest, body(blob.clone())).await.unwrap();
        add(&self.counts.uploads, 1);
    }

    /// Deletes a tag, or a manifest with all its tags.
    async fn delete(&mut self) {
        let (name, tag) = (repository(self.number), self.tag());
        let Some(image) = self.tags.remove(&tag) else {
            return;
        };
        if self.dice.below(2) == 0 {
            self.registry.delete_tag(&now(), &name, &tag, Guard::Any).await.unwrap();
        } else {
            self.registry.delete_manifest(&now(), &name, &image.digest).await.unwrap();
            self.tags.retain(|_, other| other.digest != image.digest);
        }
        self.deleted = Some(image);
        add(&self.counts.deletions, 1);
    }

    async fn retag(&mut self) {
        let (from, to) = (self.tag(), self.tag());
        if let Some(image) = self.tags.get(&from).cloned() {
            let name = repository(self.number);
            self.registry.retag(&now(), &name, &to, &image.digest, Guard::Any).await.unwrap();
            self.tags.insert(to, image);
            add(&self.counts.retags, 1);
        }
    }

    /// Everything that was acknowledged and is kept is served whole.
    async fn check(&self) {
        let name = repository(self.number);
        for (tag, image) in &self.tags {
            for reference in [Reference::Tag(tag.clone()), Reference::Digest(image.digest)] {
                let served = self.registry.manifest(&now(), &name, &reference).await.unwrap();
                assert_eq!((served.digest, &served.bytes), (image.digest, &image.bytes), "{name} {reference}");
            }
            for blob in &image.blobs {
                let found = self.registry.blob(&now(), &name, &digest(blob)).await.unwrap();
                let read = self.registry.read_blob(&found, None).await.unwrap();
                let read: Vec<Bytes> = read.map(Result::unwrap).collect().await;
                assert!(digest(&read.concat()) == digest(blob), "{name}:{tag} has a blob with other bytes");
            }
        }
    }
}

/// Collects until the deadline, and then to the end of the round.
async fn collect(registry: Registry, counts: Arc<Counts>, until: Instant) {
    let options = CollectorOptions { batch: 20, ..CollectorOptions::from(registry.policy()) };
    let mut collector = Collector::with_options(&registry, options);
    while Instant::now() < until || !collector.between_rounds() {
        let step = collector.step(now().now).await.unwrap();
        match step.stage {
            Stage::Manifests => add(&counts.manifests, step.removed),
            Stage::Blobs => add(&counts.blobs, step.removed),
            Stage::Trash => add(&counts.locations, step.removed),
            Stage::History
            | Stage::LegacyImages
            | Stage::Access
            | Stage::Repositories
            | Stage::Uploads
            | Stage::Unnamed => {}
        }
        tokio::task::yield_now().await;
    }
}

/// Races on two nodes, which may be the same registry. Neighbours, who mount from each other, are on different ones.
async fn race(nodes: [Registry; 2]) {
    let (counts, until) = (Arc::new(Counts::default()), deadline());
    let workers = (0..WORKERS).zip(nodes.iter().cycle());
    let workers = workers.map(|(number, node)| tokio::spawn(Worker::new(node, &counts, number).work(until)));
    let workers: Vec<_> = workers.collect();
    let collectors = nodes.each_ref().map(|node| tokio::spawn(collect(node.clone(), Arc::clone(&counts), until)));
    let mut done = Vec::new();
    for worker in workers {
        done.push(worker.await.unwrap());
    }
    for collector in collectors {
        collector.await.unwrap();
    }
    for mut worker in done {
        for node in &nodes {
            worker.registry = node.clone();
            worker.check().await;
        }
    }
    let report = nodes[0].fsck(FsckOptions { deep: true }, now().now, &mut |_| {}).await.unwrap();
    assert!(report.clean(), "{report:#?}");
    println!("{counts:?}, {:?}", report.counts);
    let Counts { pushes, uploads, mounts, deletions, retags, manifests, blobs, locations, .. } = &*counts;
    for counter in [pushes, uploads, mounts, deletions, retags, manifests, blobs, locations] {
        assert!(counter.load(Relaxed) > 0, "something never happened: {counts:?}");
    }
}

/// A node with rows in that store and bytes in that directory, which other nodes may share.
fn node<S>(rows: Arc<S>, blobs: &Path) -> Registry
where
    S: Manifests + Listings + Repositories + Blobs + Uploads + Collection + LegacyImages + Records + 'static,
{
    let options = blobs_filesystem::Options { min_free: 0 };
    let blobs = FilesystemBlobs::open(blobs, "main".parse().unwrap(), options).unwrap();
    let ports = Ports {
        manifests: Arc::<S>::clone(&rows),
        listings: Arc::<S>::clone(&rows),
        repositories: Arc::<S>::clone(&rows),
        blobs: Arc::<S>::clone(&rows),
        uploads: Arc::<S>::clone(&rows),
        collection: Arc::<S>::clone(&rows),
        legacy_images: Arc::<S>::clone(&rows),
        records: rows,
        bytes: Arc::new(blobs),
        access: Arc::new(AllowAll),
    };
    Registry::new(ports, policy())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn in_memory() {
    let registry = Registry::new(MemoryStore::new().ports(MemoryBlobs::new(1 << 30), AllowAll), policy());
    race([registry.clone(), registry]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn on_sqlite_and_files() {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&directory.path().join("registry.sqlite"), SqliteOptions::default()).unwrap();
    let registry = node(Arc::new(store.clone()), &directory.path().join("blobs"));
    race([registry.clone(), registry]).await;
    store.close();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn on_postgres_and_files_by_two_nodes() {
    let (directory, database) = (tempfile::tempdir().unwrap(), Database::fresh().await);
    let connect = || PostgresStore::connect(PostgresOptions::new(database.url().parse().unwrap()));
    let (one, two) = (connect().await.unwrap(), connect().await.unwrap());
    race([one, two].map(|store| node(Arc::new(store), directory.path()))).await;
}
