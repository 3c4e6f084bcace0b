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
use manifest_core::{Port, PortError, PortErrorKind};
use oci_types::Digest;
use std::io::Write;
use std::ops::Range;
use std::sync::{Arc, Mutex};
use tracing_subscriber::fmt::MakeWriter;

fn broken(kind: PortErrorKind) -> PortError {
    PortError::new(kind, "reading secret_table").with_source("the driver's words")
}

async fn with_broken_manifests(kind: PortErrorKind) -> Server {
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

/// Log lines, as a subscriber writes them.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Lines {
    fn matching(&self, word: &str) -> Vec<String> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        text.lines().filter(|line| line.contains(word)).map(ToOwned::to_owned).collect()
    }
}

#[tokio::test]
async fn the_chain_is_logged_once_with_the_request_s_id() {
    let lines = Lines::default();
    let subscriber = tracing_subscriber::fmt().with_writer(lines.clone()).with_ansi(false).finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let server = with_broken_manifests(PortErrorKind::Internal).await;
    server.call("GET /v2/a/manifests/v1", &[("X-Request-Id", "trace-7")], b"").await.expect(500);
    let logged = lines.matching("secret_table");
    assert_eq!(logged.len(), 1, "{logged:?}");
    assert!(logged[0].contains("ERROR"), "{logged:?}");
    assert!(logged[0].contains("trace-7"), "{logged:?}");
    assert!(logged[0].contains("the store failed: reading secret_table: the driver's words"), "{logged:?}");
}

#[tokio::test]
async fn each_request_has_a_line() {
    let lines = Lines::default();
    let subscriber = tracing_subscriber::fmt().with_writer(lines.clone()).with_ansi(false);
    let subscriber = subscriber.with_max_level(tracing::Level::DEBUG).finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let server = Server::start().await;
    let digest = server.push_blob("team/app", b"blob").await;
    let headers = [("X-Request-Id", "trace-8"), ("User-Agent", "test/1")];
    server.call(&format!("GET /v2/team/app/blobs/{digest}"), &headers, b"").await.expect(200);
    server.call("GET /v2/team/app/tags/list?n=\n", &[("X-Request-Id", "trace-9")], b"").await;
    let logged = lines.matching("registry_http::access");
    assert_eq!(logged.len(), 2, "{logged:?}");
    let has = |line: &str, words: &[&str]| assert!(words.iter().all(|word| line.contains(word)), "{words:?} in {line}");
    has(&logged[0], &["INFO", "POST", "/v2/team/app/blobs/uploads/", "status=201"]);
    has(&logged[1], &["DEBUG", "trace-8", "GET", "status=200", "bytes=4", "complete=true", "test/1"]);
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
    /// There is no room.
    Full,
}

#[async_trait]
impl BlobStore for Faulty {
    async fn write_part(&self, upload: &UploadId, body: BodyStream) -> Result<Part, WriteError> {
        match self.fault {
            Fault::Full => Err(WriteError::Store(PortError::new(PortErrorKind::Full, "the disk"))),
            Fault::BreaksOff | Fault::EndsEarly | Fault::GoesOn | Fault::NotThere => {
                self.inner.write_part(upload, body).await
            }
        }
    }

    async fn seal(&self, upload: &UploadId, parts: &[Part], digest: &Digest) -> Port<Location> {
        self.inner.seal(upload, parts, digest).await
    }

    async fn read(&self, at: &Location, range: Option<Range<u64>>) -> Port<ByteStream> {
        let few = Bytes::from_static(b"few");
        match self.fault {
            Fault::BreaksOff => Ok(stream::iter([Ok(few), Err(broken(PortErrorKind::Internal))]).boxed()),
            Fault::EndsEarly => Ok(stream::iter([Ok(few)]).boxed()),
            Fault::GoesOn => Ok(stream::repeat_with(move || Ok(few.clone())).take(1_000).boxed()),
            Fault::NotThere => Err(broken(PortErrorKind::NotFound)),
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
