//! A check of a store that is made of values: nothing wrong, then one thing wrong at a time.

use super::{FsckOptions, FsckPhase, FsckReport, Problem};
use crate::access::MockAuthorizer;
use crate::empty_layer;
use crate::error::{PortError, PortErrorKind};
use crate::facts::{Blob, Location};
use crate::policy::Policy;
use crate::ports::{
    Fetched, Found, Liveness, MockBlobStore, MockBlobs, MockCollection, MockLegacyImages, MockListings, MockManifests,
    MockRecords, MockRepositories, MockUploads, Page, Ports, Record, Stored, Table, Totals, UploadId,
};
use crate::service::Registry;
use bytes::Bytes;
use futures_util::stream;
use oci_types::{Algorithm, Digest, MediaType, Reference};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

const NOW: i64 = 1_000_000_000_000;
const LAYER: &[u8] = b"a layer";
const MANIFEST: &[u8] = b"{}";
const INDEX: &[u8] = b"{ }";

fn digest(bytes: &[u8]) -> Digest {
    Digest::of(Algorithm::Sha256, bytes)
}

fn location(key: &str) -> Location {
    Location { store: "main".parse().unwrap(), key: key.to_owned() }
}

/// What a store holds, to be spoiled.
#[derive(Clone)]
struct World {
    records: BTreeMap<Table, Vec<Record>>,
    stored: BTreeMap<String, (Bytes, i64)>,
    manifests: BTreeMap<Digest, Bytes>,
    trash: Vec<Location>,
    /// Tables whose second row cannot be read.
    corrupt: Option<Table>,
}

fn record(key: String, columns: &[(&'static str, &str)], at: Option<Location>) -> Record {
    let columns = columns.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    Record { key, columns, location: at }
}

/// One index of one image of one layer, and the shared empty layer.
fn world() -> World {
    let (layer, manifest, index) = (digest(LAYER), digest(MANIFEST), digest(INDEX));
    let empty = record(empty_layer::digest().to_string(), &[("size", "32")], Some(empty_layer::location()));
    let blob = record(layer.to_string(), &[("size", "7")], Some(location("one")));
    let image = record(format!("a@{manifest}"), &[("size", "2"), ("legacy_image", "top")], None);
    let list = record(format!("a@{index}"), &[("size", "3")], None);
    let link = record(format!("a@{manifest}#{layer}"), &[("required", "true")], None);
    let child =
        record(format!("a@{index}#0000000000"), &[("child", &manifest.to_string()), ("required", "true")], None);
    World {
        records: BTreeMap::from([
            (Table::Blob, vec![empty, blob]),
            (Table::RepositoryBlob, vec![record(format!("a@{layer}"), &[("size", "7")], None)]),
            (Table::Manifest, vec![image, list]),
            (Table::ManifestBlob, vec![link]),
            (Table::ManifestChild, vec![child]),
            (
                Table::LegacyImage,
                // Parents may come later in the order of the keys.
                vec![
                    record("a@middle".to_owned(), &[("parent", "zero")], None),
                    record("a@top".to_owned(), &[("parent", "middle")], None),
                    record("a@zero".to_owned(), &[], None),
                ],
            ),
        ]),
        stored: BTreeMap::from([("one".to_owned(), (Bytes::from_static(LAYER), 0))]),
        manifests: BTreeMap::from([(manifest, Bytes::from_static(MANIFEST)), (index, Bytes::from_static(INDEX))]),
        trash: Vec::new(),
        corrupt: None,
    }
}

impl World {
    fn rows(&mut self, table: Table) -> &mut Vec<Record> {
        self.records.entry(table).or_default()
    }

    fn page(&self, table: Table, after: Option<&String>, limit: u32) -> Result<Page<Record>, PortError> {
        let all = self.records.get(&table).cloned().unwrap_or_default();
        let from = after.map_or(0, |key| all.iter().filter(|record| record.key <= *key).count());
        let rest = &all[from..];
        let taken = rest.len().min(limit as usize);
        if self.corrupt == Some(table) && from + taken > 1 {
            return Err(PortError::corrupt("blob", "size", "it is negative"));
        }
        Ok(Page { items: rest[..taken].to_vec(), more: taken < rest.len() })
    }

    fn fetched(&self, reference: &Reference) -> Fetched {
        let Reference::Digest(digest) = reference else { return Fetched::Unknown };
        let Some(bytes) = self.manifests.get(digest) else { return Fetched::Unknown };
        let media_type = MediaType::OCI_INDEX.parse().unwrap();
        let size = bytes.len() as u64;
        Fetched::Found(Found { digest: *digest, media_type, size, bytes: Some(bytes.clone()), tag: None })
    }

    fn listed(&self) -> Vec<Stored> {
        let stored = |(key, (bytes, modified)): (&String, &(Bytes, i64))| Stored {
            location: location(key),
            upload: UploadId::from_bits(1),
            size: bytes.len() as u64,
            modified: *modified,
        };
        self.stored.iter().map(stored).collect()
    }

    fn bytes(self: &Arc<Self>) -> MockBlobStore {
        let mut bytes = MockBlobStore::new();
        let world = Arc::clone(self);
        bytes.expect_list().returning(move |_, _| Ok(Page { items: world.listed(), more: false }));
        let world = Arc::clone(self);
        bytes.expect_read().returning(move |at, _| match world.stored.get(&at.key) {
            Some((bytes, _)) => Ok(Box::pin(stream::iter([Ok(bytes.clone())]))),
            None => Err(PortError::new(PortErrorKind::NotFound, "no such bytes")),
        });
        bytes
    }

    fn registry(self) -> Registry {
        let world = Arc::new(self);
        let bytes = world.bytes();
        let mut manifests = MockManifests::new();
        let fetching = Arc::clone(&world);
        manifests.expect_fetch().returning(move |ask| Ok(fetching.fetched(&ask.reference)));
        let mut blobs = MockBlobs::new();
        let finding = Arc::clone(&world);
        blobs.expect_find().returning(move |repository, digest, _| {
            let key = format!("{repository}@{digest}");
            let rows = &finding.records[&Table::RepositoryBlob];
            let blob = || Blob { size: 7, location: location("one") };
            Ok(rows.iter().any(|record| record.key == key).then(blob))
        });
        let mut collection = MockCollection::new();
        let trash = world.trash.clone();
        collection.expect_trash().returning(move |_, _| Ok(trash.clone()));
        let mut listings = MockListings::new();
        listings.expect_totals().returning(|| Ok(Totals { blobs: 2, manifests: 2, ..Totals::default() }));
        let mut records = MockRecords::new();
        records.expect_page().returning(move |table, after, limit| world.page(table, after.as_ref(), limit));
        let ports = Ports {
            manifests: Arc::new(manifests),
            listings: Arc::new(listings),
            repositories: Arc::new(MockRepositories::new()),
            blobs: Arc::new(blobs),
            uploads: Arc::new(MockUploads::new()),
            collection: Arc::new(collection),
            legacy_images: Arc::new(MockLegacyImages::new()),
            records: Arc::new(records),
            bytes: Arc::new(bytes),
            access: Arc::new(MockAuthorizer::new()),
        };
        Registry::new(ports, Policy::default())
    }
}

async fn check(world: World, deep: bool) -> FsckReport {
    world.registry().fsck(FsckOptions { deep }, NOW, &mut |_| {}).await.unwrap()
}

/// The findings as text, after something was done to the world.
async fn found(deep: bool, spoil: impl FnOnce(&mut World)) -> Vec<String> {
    let mut world = world();
    spoil(&mut world);
    check(world, deep).await.findings.iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn what_is_whole_is_clean() {
    for deep in [false, true] {
        let report = check(world(), deep).await;
        assert!(report.clean(), "{report:?}");
        let counts = report.counts;
        assert_eq!((counts.blobs, counts.blob_bytes, counts.stored, counts.access), (1, 7, 1, 1));
        assert_eq!((counts.manifests, counts.links, counts.hashed_bytes), (2, 2, if deep { 7 } else { 0 }));
    }
}

#[tokio::test]
async fn every_kind_of_damage_to_bytes_is_found() {
    let layer = digest(LAYER);
    assert_eq!(
        found(false, |world| world.stored.clear()).await,
        [format!("{layer} (main:one): its bytes are missing")]
    );
    let short = |world: &mut World| {
        world.stored.insert("one".to_owned(), (Bytes::from_static(b"a lay"), 0));
    };
    assert_eq!(found(false, short).await, [format!("{layer} (main:one): it has 5 bytes, and its row says 7")]);
    let other = |world: &mut World| {
        world.stored.insert("one".to_owned(), (Bytes::from_static(b"A layer"), 0));
    };
    assert_eq!(found(false, other).await, [""; 0], "sizes agree, and nobody looked further");
    let hashed = digest(b"A layer");
    assert_eq!(found(true, other).await, [format!("{layer} (main:one): its bytes are those of {hashed}")]);
}

#[tokio::test]
async fn unnamed_bytes_are_findings_once_they_are_old() {
    let unnamed = |modified: i64| {
        move |world: &mut World| {
            world.stored.insert("other".to_owned(), (Bytes::from_static(b"?"), modified));
        }
    };
    let youngest = NOW - Policy::default().upload_ttl;
    assert_eq!(found(false, unnamed(youngest - 1)).await, ["main:other: no row names these 1 bytes"]);
    let mut young = world();
    unnamed(youngest)(&mut young);
    let report = check(young, false).await;
    assert_eq!((report.clean(), report.counts.young), (true, 1));
    // An old part of an upload that goes on is no finding; all things here are of one upload.
    let mut going_on = world();
    unnamed(0)(&mut going_on);
    going_on.stored.insert("part".to_owned(), (Bytes::new(), NOW));
    let report = check(going_on, false).await;
    assert_eq!((report.clean(), report.counts.young), (true, 2));
    let mut trash = world();
    unnamed(0)(&mut trash);
    trash.trash.push(location("other"));
    let report = check(trash, false).await;
    assert_eq!((report.clean(), report.counts.trash), (true, 1));
}

#[tokio::test]
async fn rows_that_do_not_fit_are_found() {
    let (layer, manifest, index) = (digest(LAYER), digest(MANIFEST), digest(INDEX));
    let no_row = found(false, |world| {
        world.rows(Table::Blob).pop();
        world.stored.clear();
    });
    assert_eq!(no_row.await, [format!("a@{layer}: the repository has access to it, but it has no row")]);
    let no_access = found(false, |world| world.rows(Table::RepositoryBlob).clear());
    assert_eq!(
        no_access.await,
        [format!("a@{manifest}: it needs the blob {layer}, which the repository does not have")]
    );
    let no_child = found(false, |world| {
        world.manifests.remove(&manifest);
        world.rows(Table::Manifest).remove(0);
        world.rows(Table::ManifestBlob).clear();
    });
    assert_eq!(
        no_child.await,
        [format!("a@{index}: it needs the manifest {manifest}, which the repository does not have")]
    );
    let wrong = found(false, |world| {
        world.manifests.insert(manifest, Bytes::from_static(b"[]"));
    });
    assert_eq!(wrong.await, [format!("a@{manifest}: its bytes are those of {}", digest(b"[]"))]);
    let longer = found(false, |world| {
        world.manifests.insert(manifest, Bytes::from_static(b"{ }"));
    });
    assert_eq!(longer.await, [format!("a@{manifest}: it has 3 bytes, and its row says 2")]);
}

#[tokio::test]
async fn what_is_not_required_may_be_absent() {
    let optional = |world: &mut World| {
        world.rows(Table::RepositoryBlob).clear();
        world.rows(Table::ManifestBlob)[0].columns.insert("required", "false".to_owned());
    };
    assert_eq!(found(false, optional).await, [""; 0]);
}

#[tokio::test]
async fn a_row_that_cannot_be_read_ends_its_table_and_nothing_else() {
    let mut spoiled = world();
    spoiled.corrupt = Some(Table::Blob);
    let report = check(spoiled, false).await;
    let Problem::UnreadableRow { place, error } = &report.findings[0].problem else { panic!("{report:?}") };
    assert_eq!(*place, format!("Blob behind {}", empty_layer::digest()));
    assert!(error.ends_with("blob.size: it is negative"), "{error}");
    // Nobody knows what the other rows name, so nothing is said about what nothing seems to.
    assert_eq!(report.findings.len(), 1, "{report:?}");
    assert_eq!(report.counts.manifests, 2);
}

#[tokio::test]
async fn findings_beyond_a_thousand_are_counted() {
    let mut spoiled = world();
    for number in 0..1_003 {
        spoiled.stored.insert(format!("x{number}"), (Bytes::new(), 0));
    }
    let report = check(spoiled, false).await;
    assert_eq!((report.findings.len(), report.more), (1_000, 3));
}

#[tokio::test]
async fn progress_is_told_in_the_order_of_the_phases() {
    let told = Mutex::new(Vec::new());
    let registry = world().registry();
    let mut tell = |progress: super::FsckProgress| told.lock().unwrap().push(progress.phase);
    registry.fsck(FsckOptions { deep: true }, NOW, &mut tell).await.unwrap();
    let mut phases = told.into_inner().unwrap();
    phases.dedup();
    let expected = [
        FsckPhase::Blobs,
        FsckPhase::Stored,
        FsckPhase::Bytes,
        FsckPhase::Access,
        FsckPhase::Manifests,
        FsckPhase::Links,
    ];
    assert_eq!(phases, expected);
}

#[tokio::test]
async fn liveness_decides_whether_a_child_is_missed() {
    // An index that is not served any more may have lost its child before.
    let mut spoiled = world();
    spoiled.rows(Table::Manifest).remove(0);
    spoiled.rows(Table::ManifestBlob).clear();
    let world = Arc::new(spoiled.clone());
    let registry = spoiled.registry();
    let mut manifests = MockManifests::new();
    manifests.expect_fetch().returning(move |ask| match ask.liveness {
        Liveness::Visible => Ok(Fetched::Unknown),
        Liveness::Undeleted | Liveness::Any => Ok(world.fetched(&ask.reference)),
    });
    let ports = Ports { manifests: Arc::new(manifests), ..registry.ports().clone() };
    let registry = Registry::new(ports, Policy::default());
    let report = registry.fsck(FsckOptions::default(), NOW, &mut |_| {}).await.unwrap();
    assert!(report.clean(), "{report:?}");
}

#[tokio::test]
async fn legacy_images_that_are_missing_are_found() {
    let found = |spoil: fn(&mut Vec<Record>)| async move {
        let mut world = world();
        spoil(world.rows(Table::LegacyImage));
        let report = check(world, false).await;
        report.findings.into_iter().map(|finding| finding.problem.kind()).collect::<Vec<_>>()
    };
    assert_eq!(found(|_| {}).await, [""; 0]);
    assert_eq!(found(|images| drop(images.remove(2))).await, ["image-without-parent"]);
    assert_eq!(found(|images| drop(images.remove(1))).await, ["missing-image"]);
    assert_eq!(found(Vec::clear).await, ["missing-image"]);
}
