//! Connections: their limits, and how they end.

use crate::server::{Server, Setup};
use registry_http::{ServeOptions, Stopped};
use std::time::Duration;
use tokio::net::TcpStream;

/// Waits until the server no longer listens.
async fn closed(server: &Server) {
    while TcpStream::connect(server.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn stopping_lets_a_running_transfer_end() {
    let mut server = Server::start().await;
    let location = server.begin("a").await;
    let line = format!("PATCH {location}");
    let mut transfer = server.connect().await;
    transfer.head(&line, &[("Expect", "100-continue")], Some(10)).await;
    transfer.answer(&line).await.expect(100);
    transfer.send("hello").await;
    let mut idle = server.connect().await;
    idle.request("GET /v2/", &[], b"").await.expect(200);
    server.stop();
    closed(&server).await;
    assert!(idle.rest().await.is_empty());
    transfer.send("world").await;
    let answer = transfer.answer(&line).await.expect(202);
    assert_eq!(answer.header("range"), "0-9");
    assert_eq!(answer.header("connection"), "close");
    drop((idle, transfer));
    assert_eq!(server.stopped().await, Stopped { cut: 0 });
}

#[tokio::test]
async fn stopping_ends_even_if_a_transfer_does_not() {
    let serve = ServeOptions { grace: Duration::from_millis(50), ..ServeOptions::default() };
    let mut server = Setup { serve, ..Setup::default() }.start().await;
    let location = server.begin("a").await;
    let line = format!("PATCH {location}");
    let mut transfer = server.connect().await;
    transfer.head(&line, &[("Expect", "100-continue")], Some(10)).await;
    transfer.answer(&line).await.expect(100);
    server.stop();
    assert_eq!(server.stopped().await, Stopped { cut: 1 });
    assert!(transfer.rest().await.is_empty());
}

#[tokio::test]
async fn a_head_that_does_not_come_is_given_up() {
    let serve = ServeOptions { head: Duration::from_millis(50), ..ServeOptions::default() };
    let server = Setup { serve, ..Setup::default() }.start().await;
    for start in ["", "GET /v2/ HTTP/1.1\r\nHost: loc"] {
        let mut client = server.connect().await;
        client.send(start).await;
        assert!(client.rest().await.is_empty());
    }
    let mut client = server.connect().await;
    client.request("GET /v2/", &[], b"").await.expect(200);
    assert!(client.rest().await.is_empty());
}

#[tokio::test]
async fn a_client_that_does_not_read_is_given_up() {
    let serve = ServeOptions {
        send_idle: Duration::from_millis(50),
        drain_time: Duration::from_millis(50),
        ..ServeOptions::default()
    };
    let server = Setup { serve, ..Setup::default() }.start().await;
    let digest = server.push_blob("a", &vec![7; 24 << 20]).await;
    let mut client = server.connect().await;
    client.head(&format!("GET /v2/a/blobs/{digest}"), &[], None).await;
    // Nobody reads until the server has closed the connection: its gauge says when.
    while !server.metrics().lines().any(|line| line == "http_connections 0") {
        tokio::task::yield_now().await;
    }
    let answer = client.answer("GET").await.expect(200);
    assert!(answer.body.len() < 24 << 20);
}

#[tokio::test]
async fn more_connections_than_are_taken_wait() {
    let serve = ServeOptions { connections: 1, ..ServeOptions::default() };
    let server = Setup { serve, ..Setup::default() }.start().await;
    let mut first = server.connect().await;
    first.request("GET /v2/", &[], b"").await.expect(200);
    let mut second = server.connect().await;
    second.head("GET /v2/", &[], None).await;
    for _ in 0..3 {
        first.request("GET /v2/", &[], b"").await.expect(200);
        assert!(server.metrics().lines().any(|line| line == "http_connections 1"));
    }
    drop(first);
    second.answer("GET").await.expect(200);
}

#[tokio::test]
async fn a_client_may_close_its_half_and_read_on() {
    let server = Server::start().await;
    let digest = server.push_blob("a", &vec![7; 1 << 20]).await;
    let mut client = server.connect().await;
    client.head(&format!("GET /v2/a/blobs/{digest}"), &[], None).await;
    client.half_close().await;
    assert_eq!(client.answer("GET").await.expect(200).body.len(), 1 << 20);
    assert!(client.rest().await.is_empty());
}
