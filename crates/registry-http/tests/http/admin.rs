//! What operators and probes see.

use crate::client::Client;
use crate::server::{Server, Setup};
use registry_http::{Admin, Hosts, Readiness, ServeOptions, serve};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::net::TcpListener;

/// Ready while the flag is set.
fn readiness(flag: &Arc<AtomicBool>) -> Readiness {
    let flag = Arc::clone(flag);
    Arc::new(move || {
        let ready = flag.load(Ordering::SeqCst);
        Box::pin(async move { if ready { Ok(()) } else { Err("the clock is off by 7 s".to_owned()) } })
    })
}

async fn admin(server: &Server, ready: Readiness) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let site = Admin::new(Hosts::listening_on(address.ip()), Arc::clone(&server.metrics), ready);
    tokio::spawn(serve(listener, site, ServeOptions::default(), std::future::pending()));
    address
}

#[tokio::test]
async fn health() {
    let flag = Arc::new(AtomicBool::new(true));
    let ready = readiness(&flag);
    let setup = Setup { app: Box::new(move |options| options.ready = ready), ..Setup::default() };
    let server = setup.start().await;
    let admin = admin(&server, readiness(&flag)).await;
    let ask = async |address, path: &str, status: u16| {
        // A prober has whatever name for us.
        let headers = [("Host", if path == "/readyz" { "localhost" } else { "pod.example" })];
        Client::connect(address).await.request(&format!("GET {path}"), &headers, b"").await.expect(status).text()
    };
    for address in [server.address, admin] {
        assert_eq!(ask(address, "/healthz", 200).await, "ok\n");
        assert_eq!(ask(address, "/readyz", 200).await, "ok\n");
    }
    flag.store(false, Ordering::SeqCst);
    assert_eq!(ask(server.address, "/healthz", 200).await, "ok\n");
    assert_eq!(ask(server.address, "/readyz", 503).await, "not ready\n");
    // Why is for operators only.
    assert_eq!(ask(admin, "/readyz", 503).await, "not ready: the clock is off by 7 s\n");
    // It serves all the same.
    server.ask("GET /v2/").await.expect(200);
    let answer = server.call("HEAD /readyz", &[("Host", "pod.example")], b"").await.expect(503);
    assert!(answer.body.is_empty());
}

#[tokio::test]
async fn metrics() {
    let server = Server::start().await;
    let admin = admin(&server, readiness(&Arc::default())).await;
    server.push_image("team/app", "v1", b"layer").await;
    for _ in 0..3 {
        server.ask("GET /v2/team/app/manifests/v1").await.expect(200);
    }
    server.ask("GET /v2/team/app/manifests/secret-tag").await.expect(404);
    server.ask("GET /v2/team/app/nonsense").await.expect(404);
    let mut client = Client::connect(admin).await;
    let answer = client.request("GET /metrics", &[], b"").await.expect(200);
    assert!(answer.header("content-type").starts_with("application/openmetrics-text; version=1.0.0"));
    let page = answer.text();
    let has = |line: &str| assert!(page.lines().any(|found| found == line), "{line} in\n{page}");
    has(r#"http_requests_total{operation="manifest",method="GET",status="2xx"} 3"#);
    has(r#"http_requests_total{operation="manifest",method="GET",status="4xx"} 1"#);
    has(r#"http_requests_total{operation="manifest",method="PUT",status="2xx"} 1"#);
    has(r#"http_requests_total{operation="upload_whole",method="POST",status="2xx"} 2"#);
    has(r#"http_requests_total{operation="unknown",method="other",status="4xx"} 1"#);
    has(r#"http_request_duration_seconds_count{operation="manifest",method="GET"} 4"#);
    has("http_uploads 0");
    assert!(page.contains("http_received_bytes_total") && page.contains("http_sent_bytes_total"));
    assert!(!page.contains("team") && !page.contains("secret-tag"), "{page}");
}

#[tokio::test]
async fn other_paths_hosts_and_methods() {
    let server = Server::start().await;
    let admin = admin(&server, readiness(&Arc::default())).await;
    let check = async |line: &str, headers: &[(&str, &str)], status: u16| {
        Client::connect(admin).await.request(line, headers, b"").await.expect(status);
    };
    check("GET /", &[], 404).await;
    check("GET /v2/", &[], 404).await;
    check("POST /metrics", &[], 405).await;
    check("GET /metrics", &[("Host", "rebound.example.com")], 403).await;
    check("GET /metrics", &[("Origin", "https://evil.example.com")], 403).await;
}

#[tokio::test]
async fn connections_and_bytes_are_counted() {
    let server = Server::start().await;
    let mut client = server.connect().await;
    client.request("GET /v2/", &[], b"").await.expect(200);
    let page = server.metrics();
    let value = |name: &str| {
        let line = page.lines().find(|line| line.starts_with(name)).unwrap();
        line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()
    };
    assert_eq!(value("http_connections "), 1);
    assert_eq!(value("http_received_bytes_total "), "GET /v2/ HTTP/1.1\r\nHost: localhost\r\n\r\n".len() as u64);
    assert!(value("http_sent_bytes_total ") > 200);
}
