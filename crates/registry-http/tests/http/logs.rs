//! What the log says.

use crate::failures::with_broken_manifests;
use crate::server::Server;
use manifest_core::PortErrorKind;
use serde_json::{Value, json};
use std::io::Write;
use std::sync::{Arc, LazyLock, Mutex};
use tracing_subscriber::fmt::MakeWriter;

/// The log of all tests of this process, as a subscriber writes it. One for all: scoped subscribers of several threads
/// disagree about which call sites are of interest.
static LINES: LazyLock<Lines> = LazyLock::new(|| {
    let lines = Lines::default();
    let subscriber = tracing_subscriber::fmt().with_writer(lines.clone()).with_ansi(false);
    tracing::subscriber::set_global_default(subscriber.with_max_level(tracing::Level::DEBUG).finish()).unwrap();
    lines
});

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
    /// The lines of one request.
    fn of(&self, id: &str) -> Vec<String> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        text.lines().filter(|line| line.contains(id)).map(ToOwned::to_owned).collect()
    }
}

#[track_caller]
fn has(line: &str, words: &[&str]) {
    assert!(words.iter().all(|word| line.contains(word)), "{words:?} in {line}");
}

#[tokio::test]
async fn the_chain_is_logged_once_with_the_request_s_id() {
    let lines = LINES.clone();
    let server = with_broken_manifests(PortErrorKind::Internal).await;
    server.call("GET /v2/a/manifests/v1", &[("X-Request-Id", "trace-broken")], b"").await.expect(500);
    let mut logged = lines.of("trace-broken");
    logged.retain(|line| line.contains("secret_table"));
    assert_eq!(logged.len(), 1, "{logged:?}");
    has(&logged[0], &["ERROR", "the store failed: reading secret_table: the driver's words"]);
}

#[tokio::test]
async fn each_request_has_a_line() {
    let lines = LINES.clone();
    let server = Server::start().await;
    let line = async |id: &str, request: &str, body: &[u8]| {
        let headers = [("X-Request-Id", id), ("User-Agent", "test/1")];
        server.call(request, &headers, body).await;
        let mut logged = lines.of(id);
        logged.retain(|line| line.contains("registry_http::access"));
        assert_eq!(logged.len(), 1, "{logged:?}");
        logged.remove(0)
    };
    let digest = crate::images::sha256(b"blob");
    let push = line("trace-push", &format!("POST /v2/a/blobs/uploads/?digest={digest}"), b"blob").await;
    has(&push, &["INFO", "method=POST", "/v2/a/blobs/uploads/", "query=\"digest=sha256:", "status=201", "test/1"]);
    let pull = line("trace-pull", &format!("GET /v2/a/blobs/{digest}"), b"").await;
    has(&pull, &["DEBUG", "method=GET", "status=200", "bytes=4", "complete=true", "peer=127.0.0.1"]);
    has(&line("trace-none", "GET /v2/a/manifests/none", b"").await, &["DEBUG", "status=404"]);
}

#[tokio::test]
async fn a_purge_is_logged_with_its_plan() {
    let lines = LINES.clone();
    let server = Server::start().await;
    server.push_image("a", "v", b"layer").await;
    let purge = async |path: &str, body: &Value| {
        let headers = [("X-Request-Id", "trace-purge")];
        server.call(&format!("POST /v2/a/_manifestd/{path}"), &headers, body.to_string()).await.expect(200).json()
    };
    let purged = || lines.of("trace-purge").into_iter().filter(|line| line.contains("purged")).collect::<Vec<_>>();
    let mut what = json!({ "tags": ["v"] });
    let plan = purge("purge/plan", &what).await;
    assert_eq!(purged(), [""; 0]);
    what["id"] = plan["id"].clone();
    what["plannedAt"] = plan["plannedAt"].clone();
    purge("purge", &what).await;
    let [line] = purged().try_into().unwrap();
    has(&line, &["INFO", "repository=a", plan["id"].as_str().unwrap(), "\"purge\":[\"sha256:"]);
}
