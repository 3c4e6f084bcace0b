//! Use cases of the core that meet another one half-way: over the memory adapter, with bodies that do something before they go on.

#![expect(clippy::unwrap_used, reason = "a test")]

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use manifest_core::access::{AccessAsk, AccessRefusal, Authorizer, Decision};
use manifest_core::facts::{Location, RepositoryState};
use manifest_core::plan::{Guard, PushTarget, Rejection};
use manifest_core::ports::{BlobStore, BodyStream, ByteStream, Capacity, Page, Part, Stored, UploadId, WriteError};
use manifest_core::service::{
    BlobError, Collector, FetchError, LabelsError, ListError, Push, PushError, Stage, UploadError,
};
use manifest_core::time::DAY;
use manifest_core::{AllowAll, Caller, Context, Policy, Port, PortError, PortErrorKind, ReadScope, Registry};
use manifest_memory::{MemoryBlobs, MemoryStore};
use oci_types::{Algorithm, Digest, MediaType, Reference, RepositoryName};
use std::ops::Range;

fn at(now: i64) -> Context {
    Context::anonymous(now)
}

fn app() -> RepositoryName {
    "team/app".parse().unwrap()
}

fn digest(content: &str) -> Digest {
    Digest::of(Algorithm::Sha256, content.as_bytes())
}

fn body(content: &str) -> BodyStream {
    let content = Bytes::from(content.to_owned());
    Box::pin(stream::once(async move { Ok(content) }))
}

/// A body that lets something happen before its only chunk comes.
fn body_after(content: &'static str, first: impl Future<Output = ()> + Send + 'static) -> BodyStream {
    Box::pin(stream::once(async move {
        first.await;
        Ok(Bytes::from_static(content.as_bytes()))
    }))
}

/// A whole round of collection; how many locations were deleted in steps that succeeded.
async fn sweep(registry: &Registry, now: i64) -> u64 {
    let mut collector = Collector::new(registry);
    let mut deleted = 0;
    loop {
        if let Ok(step) = collector.step(now).await {
            deleted += if step.stage == Stage::Trash { step.removed } else { 0 };
        }
        if collector.between_rounds() {
            return deleted;
        }
    }
}

fn registry() -> Registry {
    Registry::new(manifest_memory::ports(AllowAll), Policy::default())
}

async fn begun(registry: &Registry, id: u128) -> UploadId {
    let id = UploadId::from_bits(id);
    registry.begin_upload(&at(1), &app(), id, Algorithm::Sha256).await.unwrap();
    id
}

#[tokio::test]
async fn a_finish_that_is_overtaken_by_its_twin_and_the_sweeper_succeeds() {
    let registry = registry();
    let id = begun(&registry, 1).await;
    registry.append(&at(2), &app(), &id, Some(0), body("hel")).await.unwrap();
    let twin = registry.clone();
    let late = body_after("lo", async move {
        twin.finish_upload(&at(3), &app(), &id, None, body("lo"), &digest("hello")).await.unwrap();
        assert!(sweep(&twin, 4).await > 0, "the parts are gone");
    });
    let blob = registry.finish_upload(&at(3), &app(), &id, None, late, &digest("hello")).await.unwrap();
    assert_eq!(blob.size, 5);
    let read: Vec<Bytes> = registry.read_blob(&blob, None).await.unwrap().map(Result::unwrap).collect().await;
    assert_eq!(read.concat(), b"hello");
}

#[tokio::test]
async fn a_finish_whose_upload_was_cancelled_is_told_so() {
    let registry = registry();
    let id = begun(&registry, 1).await;
    registry.append(&at(2), &app(), &id, Some(0), body("hel")).await.unwrap();
    let other = registry.clone();
    let late = body_after("lo", async move {
        other.cancel_upload(&at(3), &app(), &id).await.unwrap();
        sweep(&other, 4).await;
    });
    let finished = registry.finish_upload(&at(3), &app(), &id, None, late, &digest("hello")).await;
    assert!(matches!(finished, Err(UploadError::UploadUnknown(_))), "{finished:?}");
}

#[tokio::test]
async fn a_mismatch_drops_only_the_upload_that_it_has_seen() {
    let registry = registry();
    let id = begun(&registry, 1).await;
    let other = registry.clone();
    let late = body_after("stale", async move {
        assert_eq!(other.append(&at(3), &app(), &id, Some(0), body("acknowledged")).await.unwrap(), 12);
    });
    let finished = registry.finish_upload(&at(3), &app(), &id, None, late, &digest("something else")).await;
    assert!(matches!(finished, Err(UploadError::OutOfOrder { offset: 12 })), "{finished:?}");
    assert_eq!(registry.upload_status(&at(4), &app(), &id).await.unwrap(), 12);
    let wrong = registry.finish_upload(&at(5), &app(), &id, None, body(""), &digest("something else")).await;
    assert!(matches!(wrong, Err(UploadError::DigestMismatch { .. })), "{wrong:?}");
    assert!(matches!(registry.upload_status(&at(6), &app(), &id).await, Err(UploadError::UploadUnknown(_))));
}

#[tokio::test]
async fn an_upload_into_a_repository_that_was_closed_is_refused_and_goes_on_when_it_opens() {
    let registry = registry();
    let id = begun(&registry, 1).await;
    let repositories = &registry.ports().repositories;
    repositories.set_state(&app(), RepositoryState::ReadOnly).await.unwrap();
    let appended = registry.append(&at(2), &app(), &id, None, body("abc")).await;
    assert!(matches!(appended, Err(UploadError::ReadOnly(_))), "{appended:?}");
    let finished = registry.finish_upload(&at(2), &app(), &id, None, body("abc"), &digest("abc")).await;
    assert!(matches!(finished, Err(UploadError::ReadOnly(_))), "{finished:?}");
    assert!(matches!(registry.blob(&at(3), &app(), &digest("abc")).await, Err(BlobError::BlobUnknown { .. })));
    repositories.set_state(&app(), RepositoryState::Open).await.unwrap();
    registry.finish_upload(&at(4), &app(), &id, None, body("abc"), &digest("abc")).await.unwrap();
}

#[tokio::test]
async fn a_store_that_is_too_full_to_seal_gets_its_room_back() {
    let store = MemoryStore::new();
    let registry = Registry::new(store.ports(MemoryBlobs::new(100), AllowAll), Policy::default());
    let big = "x".repeat(60);
    let whole = registry.upload_whole(&at(1), &app(), UploadId::from_bits(1), &digest(&big), body(&big)).await;
    assert!(matches!(&whole, Err(UploadError::Port(error)) if error.kind() == PortErrorKind::Full), "{whole:?}");
    sweep(&registry, 2).await;
    let small = "y".repeat(45);
    registry.upload_whole(&at(3), &app(), UploadId::from_bits(2), &digest(&small), body(&small)).await.unwrap();
}

fn image() -> String {
    let descriptor = |media_type: &str, content: &str| {
        format!(r#"{{"mediaType":"{media_type}","digest":"{}","size":{}}}"#, digest(content), content.len())
    };
    let (config, layer) = (descriptor("application/vnd.test", "{}"), descriptor(MediaType::OCI_LAYER_GZIP, "layer"));
    format!(r#"{{"schemaVersion":2,"mediaType":"{}","config":{config},"layers":[{layer}]}}"#, MediaType::OCI_MANIFEST)
}

fn push() -> Push {
    Push {
        repository: app(),
        target: PushTarget::Tag { name: "v1".parse().unwrap(), guard: Guard::Any },
        content_type: None,
        bytes: image().into(),
    }
}

#[tokio::test]
async fn a_deleted_manifest_comes_back_while_its_access_rows_are_there() {
    let registry = registry();
    for (id, content) in [(1, "{}"), (2, "layer")] {
        let id = UploadId::from_bits(id);
        registry.upload_whole(&at(1), &app(), id, &digest(content), body(content)).await.unwrap();
    }
    let pushed = registry.push(&at(2), &push()).await.unwrap();
    registry.delete_manifest(&at(3), &app(), &pushed.digest).await.unwrap();
    let later = at(2 * DAY);
    assert!(registry.blob(&later, &app(), &digest("layer")).await.is_err(), "its lease is over and nothing links it");
    registry.push(&later, &push()).await.unwrap();
    assert!(registry.manifest(&later, &app(), &Reference::Digest(pushed.digest)).await.is_ok());
    assert!(registry.blob(&later, &app(), &digest("layer")).await.is_ok());
}

#[tokio::test]
async fn what_a_stored_manifest_misses_is_named_and_not_called_contention() {
    let ports = manifest_memory::ports(AllowAll);
    let registry = Registry::new(ports, Policy::default());
    for (id, content) in [(1, "{}"), (2, "layer")] {
        let id = UploadId::from_bits(id);
        registry.upload_whole(&at(1), &app(), id, &digest(content), body(content)).await.unwrap();
    }
    let pushed = registry.push(&at(2), &push()).await.unwrap();
    registry.delete_manifest(&at(3), &app(), &pushed.digest).await.unwrap();
    registry.delete_blob(&at(4), &app(), &digest("layer")).await.unwrap();
    let refused = registry.push(&at(5), &push()).await;
    let Err(PushError::Rejected(Rejection::Missing { blobs, .. })) = refused else { panic!("{refused:?}") };
    assert_eq!(blobs.into_iter().collect::<Vec<_>>(), [digest("layer")]);
}

/// A store in which the first location that is deleted cannot be.
struct Stuck(MemoryBlobs, std::sync::OnceLock<Location>);

#[async_trait]
impl BlobStore for Stuck {
    async fn write_part(&self, upload: &UploadId, body: BodyStream) -> Result<Part, WriteError> {
        self.0.write_part(upload, body).await
    }

    async fn write_last(&self, upload: &UploadId, body: BodyStream) -> Result<Part, WriteError> {
        self.0.write_last(upload, body).await
    }

    async fn seal(&self, upload: &UploadId, parts: &[Part], last: Option<Part>, digest: &Digest) -> Port<Location> {
        self.0.seal(upload, parts, last, digest).await
    }

    async fn read(&self, at: &Location, range: Option<Range<u64>>) -> Port<ByteStream> {
        self.0.read(at, range).await
    }

    async fn delete(&self, at: &Location) -> Port<()> {
        if self.1.get_or_init(|| at.clone()) == at {
            return Err(PortError::new(PortErrorKind::Internal, "deleting"));
        }
        self.0.delete(at).await
    }

    async fn list(&self, after: Option<Location>, limit: u32) -> Port<Page<Stored>> {
        self.0.list(after, limit).await
    }

    async fn capacity(&self) -> Port<Capacity> {
        self.0.capacity().await
    }
}

#[tokio::test]
async fn one_location_that_cannot_be_deleted_does_not_stop_the_sweep() {
    let stuck = Stuck(MemoryBlobs::new(1_000), std::sync::OnceLock::new());
    let registry = Registry::new(MemoryStore::new().ports(stuck, AllowAll), Policy::default());
    let id = begun(&registry, 1).await;
    for (offset, content) in [(0, "a"), (1, "b"), (2, "c")] {
        registry.append(&at(2), &app(), &id, Some(offset), body(content)).await.unwrap();
    }
    registry.cancel_upload(&at(3), &app(), &id).await.unwrap();
    assert_eq!(sweep(&registry, 4).await, 0, "the step in which it failed is an error");
    let left = registry.ports().bytes.list(None, 10).await.unwrap().items.len();
    assert_eq!(left, 1, "the other two are gone");
    let due = registry.ports().collection.trash(10, 5).await.unwrap();
    assert_eq!(due, [], "it waits for its turn");
}

/// Nobody without credentials.
struct Strict;

#[async_trait]
impl Authorizer for Strict {
    async fn decide(&self, _: &Caller, asks: &[AccessAsk]) -> Port<Vec<Decision>> {
        Ok(vec![Decision::Challenge; asks.len()])
    }

    async fn read_scope(&self, _: &Caller) -> Port<ReadScope> {
        Ok(ReadScope::nothing())
    }
}

#[tokio::test]
async fn the_catalogue_asks_for_credentials_where_the_authorizer_does() {
    let registry = Registry::new(manifest_memory::ports(Strict), Policy::default());
    let listed = registry.catalogue(&at(1), None, None).await;
    let Err(ListError::Access(AccessRefusal::Challenge(asks))) = listed else { panic!("{listed:?}") };
    assert_eq!(asks.first().map(|ask| ask.repository.is_none()), Some(true));
}

#[tokio::test]
async fn an_absent_repository_is_unknown_to_those_who_ask_for_a_manifest_in_it() {
    let registry = registry();
    let some = digest("some manifest");
    let labels = registry.labels(&at(1), &app(), &some, "").await;
    assert!(matches!(labels, Err(LabelsError::RepositoryUnknown(_))), "{labels:?}");
    let why = registry.why(&at(1), &app(), &some).await;
    assert!(matches!(why, Err(FetchError::RepositoryUnknown(_))), "{why:?}");
    begun(&registry, 1).await;
    let labels = registry.labels(&at(2), &app(), &some, "").await;
    assert!(matches!(labels, Err(LabelsError::ManifestUnknown { .. })), "{labels:?}");
    let why = registry.why(&at(2), &app(), &some).await;
    assert!(matches!(why, Err(FetchError::ManifestUnknown { .. })), "{why:?}");
}
