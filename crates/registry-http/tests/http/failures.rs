//! When the registry itself fails: fixed texts for clients, the whole story in the log.

use crate::images::{image, sha256};
use crate::server::{Server, Setup};
use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use manifest_core::facts::Location;
use manifest_core::plan::Applied;
use manifest_core::ports::{
    BlobStore, BodyStream, ByteStream, Capacity, MockManifests, Page, Part, Stored, UploadId, WriteError,
};
use manifest_core::{AllowAll, Port, PortError, PortErrorKind};
use oci_types::{Digest, MediaType};
use std::ops::Range;
use std::sync::Arc;

fn broken(kind: PortErrorKind) -> PortError {
    PortError::new(kind, "reading secret_table").with_source("the driver's words")
}

/// A registry that cannot look up a manifest.
pub(crate) async fn with_broken_manifests(kind: PortErrorKind) -> Server {
    let setup = Setup {
        ports: Box::new(move |ports| {
            let mut manifests = MockManifests::new();
            manifests.expect_fetch().returning(move |_| Err(broken(kind)));
            ports.manifests = Arc::new(manifests);
        }),
        ..Setup::default()
    };
    setup.start().await
}

#[tokio::test]
async fn the_kind_of_failure_decides() {
    let check = async |kind, status: u16, code: &str, retry: &str| {
        let server = with_broken_manifests(kind).await;
        let answer = server.ask("GET /v2/a/manifests/v1").await.refused(status, code);
        assert_eq!(answer.header("retry-after"), retry, "{kind:?}");
        let text = answer.text();
        assert!(!text.contains("secret_table") && !text.contains("driver"), "{text}");
        assert!(server.ask("HEAD /v2/a/manifests/v1").await.expect(status).body.is_empty());
    };
    check(PortErrorKind::Unavailable, 503, "UNAVAILABLE", "2").await;
    check(PortErrorKind::Timeout, 503, "UNAVAILABLE", "2").await;
    check(PortErrorKind::Full, 503, "UNAVAILABLE", "60").await;
    check(PortErrorKind::NotFound, 500, "UNKNOWN", "").await;
    check(PortErrorKind::Corrupt, 500, "UNKNOWN", "").await;
    check(PortErrorKind::Internal, 500, "UNKNOWN", "").await;
}

/// A store that takes bytes and gives them back as told.
struct Faulty {
    inner: Arc<dyn BlobStore>,
    fault: Fault,
}

#[derive(Clone, Copy)]
enum Fault {
    /// Reads break off after a few bytes.
    BreaksOff,
    /// Reads end too early, without an error.
    EndsEarly,
    /// Reads give more than there should be.
    GoesOn,
    /// There is nothing to read.
    NotThere,
    /// Nothing can be read for now.
    Away,
    /// There is no room.
    Full,
}

#[async_trait]
impl BlobStore for Faulty {
    async fn write_part(&self, upload: &UploadId, body: BodyStream) -> Result<Part, WriteError> {
        match self.fault {
            Fault::Full => Err(WriteError::Store(PortError::new(PortErrorKind::Full, "the disk"))),
            Fault::BreaksOff | Fault::EndsEarly | Fault::GoesOn | Fault::NotThere | Fault::Away => {
                self.inner.write_part(upload, body).await
            }
        }
    }

    async fn write_last(&self, upload: &UploadId, body: BodyStream) -> Result<Part, WriteError> {
        self.write_part(upload, body).await
    }

    async fn seal(&self, upload: &UploadId, parts: &[Part], last: Option<Part>, digest: &Digest) -> Port<Location> {
        self.inner.seal(upload, parts, last, digest).await
    }

    async fn read(&self, at: &Location, range: Option<Range<u64>>) -> Port<ByteStream> {
        let few = Bytes::from_static(b"few");
        match self.fault {
            Fault::BreaksOff => Ok(stream::iter([Ok(few), Err(broken(PortErrorKind::Internal))]).boxed()),
            Fault::EndsEarly => Ok(stream::iter([Ok(few)]).boxed()),
            Fault::GoesOn => Ok(stream::repeat_with(move || Ok(few.clone())).take(1_000).boxed()),
            Fault::NotThere => Err(broken(PortErrorKind::NotFound)),
            Fault::Away => Err(broken(PortErrorKind::Unavailable)),
            Fault::Full => self.inner.read(at, range).await,
        }
    }

    async fn delete(&self, at: &Location) -> Port<()> {
        self.inner.delete(at).await
    }

    async fn list(&self, after: Option<Location>, limit: u32) -> Port<Page<Stored>> {
        self.inner.list(after, limit).await
    }

    async fn capacity(&self) -> Port<Capacity> {
        self.inner.capacity().await
    }
}

async fn with_fault(fault: Fault) -> Server {
    let setup = Setup {
        ports: Box::new(move |ports| ports.bytes = Arc::new(Faulty { inner: Arc::clone(&ports.bytes), fault })),
        ..Setup::default()
    };
    setup.start().await
}

#[tokio::test]
async fn an_answer_that_cannot_be_completed_breaks_off() {
    for fault in [Fault::BreaksOff, Fault::EndsEarly, Fault::GoesOn] {
        let server = with_fault(fault).await;
        let digest = server.push_blob("a", &[7; 100]).await;
        for headers in [&[][..], &[("Range", "bytes=0-49")], &[("Range", "bytes=0-9,20-39")]] {
            let mut client = server.connect().await;
            client.head(&format!("GET /v2/a/blobs/{digest}"), headers, None).await;
            // What failed at once may have overtaken the head.
            if let Some(answer) = client.try_answer("GET").await {
                assert!(matches!(answer.status, 200 | 206));
                let announced: usize = answer.header("content-length").parse().unwrap();
                assert!(answer.body.len() < announced, "{}", answer.body.len());
            }
            assert!(client.rest().await.is_empty());
        }
        server.ask("GET /v2/").await.expect(200);
    }
}

#[tokio::test]
async fn bytes_that_should_be_there_and_are_not() {
    let server = with_fault(Fault::NotThere).await;
    let digest = server.push_blob("a", b"blob").await;
    server.ask(&format!("GET /v2/a/blobs/{digest}")).await.refused(500, "UNKNOWN");
    // HEAD opens nothing.
    server.ask(&format!("HEAD /v2/a/blobs/{digest}")).await.expect(200);
}

#[tokio::test]
async fn a_full_store_takes_no_blobs_and_goes_on() {
    let server = with_fault(Fault::Full).await;
    let digest = sha256(b"blob");
    let line = format!("POST /v2/a/blobs/uploads/?digest={digest}");
    let answer = server.call(&line, &[], b"blob").await.refused(503, "UNAVAILABLE");
    assert_eq!(answer.header("retry-after"), "60");
    let location = server.begin("a").await;
    server.call(&format!("PATCH {location}"), &[], b"blob").await.refused(503, "UNAVAILABLE");
    server.ask(&format!("GET {location}")).await.expect(204);
    server.ask(&format!("GET /v2/a/blobs/{digest}")).await.refused(404, "BLOB_UNKNOWN");
}

#[tokio::test]
async fn a_push_that_always_loses_may_be_tried_again() {
    let setup = Setup {
        ports: Box::new(|ports| {
            let rows = Arc::clone(&ports.manifests);
            let mut manifests = MockManifests::new();
            manifests.expect_push_facts().returning(move |ask| {
                let facts = rows.push_facts(ask);
                futures_util::FutureExt::now_or_never(facts).unwrap()
            });
            manifests.expect_apply().returning(|_| Ok(Applied::ManifestGone));
            ports.manifests = Arc::new(manifests);
        }),
        ..Setup::default()
    };
    let server = setup.start().await;
    server.push_blob("a", b"{}").await;
    server.push_blob("a", b"layer").await;
    let answer = server.put("a", "v1", &image(b"{}", b"layer")).await.refused(503, "UNAVAILABLE");
    assert_eq!(answer.header("retry-after"), "1");
}

/// Schema 1 cannot be made of an image whose config is lost or damaged, and what is stored is still there (semantics 12).
#[tokio::test]
async fn a_config_that_cannot_be_read_breaks_no_pull_of_schema_1() {
    let whole = Server::start().await;
    let manifest = whole.push_image("a", "v1", b"layer").await;
    let check = async |fault: Fault, status: u16| {
        let (store, bytes) = (whole.store.clone(), whole.bytes.clone());
        let setup = Setup {
            ports: Box::new(move |ports| {
                *ports = store.ports(bytes.clone(), AllowAll);
                ports.bytes = Arc::new(Faulty { inner: Arc::new(bytes), fault });
            }),
            ..Setup::default()
        };
        let accept = [("Accept", MediaType::DOCKER_SCHEMA1)];
        setup.start().await.call("GET /v2/a/manifests/v1", &accept, b"").await.expect(status)
    };
    for fault in [Fault::NotThere, Fault::GoesOn] {
        assert_eq!(check(fault, 200).await.body, manifest);
    }
    // A store that does not answer now may do so later: that is said.
    check(Fault::Away, 503).await;
}
