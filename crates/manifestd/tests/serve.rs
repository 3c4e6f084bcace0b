//! Serving, from the first line to the last.

mod common;

use common::{Server, begin, digest, index, read_answer, request, stop};
use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};
use rustix::process::Signal;
use serde_json::Value;
use std::io::{Read, Write};

#[test]
fn the_first_lines_say_what_is_served_and_what_to_try() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let server = Server::on(&data);
    let lines: Vec<&str> = server.greeting.lines().collect();
    let (address, admin) = (server.address, server.admin.unwrap());
    assert_eq!(lines[0], format!("manifestd {} serves http://{address}", env!("CARGO_PKG_VERSION")));
    assert!(lines[1].starts_with(&format!("  data    {} (new, ", data.display())), "{}", lines[1]);
    assert!(lines[1].ends_with(" free)"), "{}", lines[1]);
    assert!(lines[2].starts_with("  writes  everybody on this machine may push and delete"), "{}", lines[2]);
    assert_eq!(lines[3], format!("  admin   http://{admin}/metrics, /healthz and /readyz"));
    for (line, command) in lines[4..7].iter().zip(["docker pull", "skopeo copy", "crane copy"]) {
        assert!(line.contains(command) && line.contains(&address.to_string()), "{line}");
    }
    server.push("team/app", "v1", &index(1));
    server.signal(Signal::TERM);
    assert_eq!(server.end(), (Some(0), String::new()));

    let server = Server::on(&data);
    let line = server.greeting.lines().nth(1).unwrap().to_owned();
    assert!(line.starts_with(&format!("  data    {} (opened, ", data.display())), "{line}");
    assert!(line.ends_with(" with 1 repository, 1 tag, 1 manifest, 1 blob of 32 B"), "{line}");
}

#[test]
fn what_cannot_be_counted_or_not_at_once_is_not_said_and_holds_nobody_up() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::on(directory.path());
    server.push("team/app", "v1", &index(1));
    stop(server);
    let database = directory.path().join("manifestd.sqlite");
    let mut rows = SqliteConnection::establish(database.to_str().unwrap()).unwrap();
    rows.batch_execute("PRAGMA ignore_check_constraints = ON; UPDATE blob SET size = -1").unwrap();
    let opened = || {
        let server = Server::on(directory.path());
        assert_eq!(server.get("/v2/team/app/manifests/v1").status, 200);
        let line = server.greeting.lines().nth(1).unwrap().to_owned();
        stop(server);
        line
    };
    assert!(opened().ends_with(" free)"), "{}", opened());
    rows.batch_execute("UPDATE blob SET size = 32").unwrap();
    assert!(opened().ends_with(" with 1 repository, 1 tag, 1 manifest, 1 blob of 32 B"), "{}", opened());
    // More than is counted.
    rows.batch_execute("CREATE TABLE ballast (bytes); INSERT INTO ballast VALUES (zeroblob(17 * 1024 * 1024))")
        .unwrap();
    assert!(opened().ends_with(" free)"), "{}", opened());
}

#[test]
fn logs_are_json_lines_with_the_id_that_the_client_got() {
    let mut server = Server::start(&["--ephemeral"]);
    let answer = request(server.address, "POST", "/v2/a/blobs/uploads/", &[], b"");
    assert_eq!(answer.status, 202);
    let id = answer.header("x-request-id").unwrap().to_owned();
    server.signal(Signal::INT);
    let mut text = String::new();
    server.logs.read_to_string(&mut text).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0]["message"], "serving");
    assert_eq!(lines[0]["address"], server.address.to_string());
    assert!(lines.iter().any(|line| line.to_string().contains(&id)), "{text}");
    assert_eq!(lines.last().unwrap()["message"], "stopped");
}

#[test]
fn logs_for_people_are_not_coloured_where_no_terminal_is() {
    let mut server = Server::start(&["--ephemeral", "--log-format", "text"]);
    let line = server.log_until("serving");
    assert!(line.contains(" INFO ") && !line.contains('\u{1b}'), "{line:?}");
}

#[test]
fn probes_and_metrics_answer_on_the_admin_listener() {
    let server = Server::start(&["--ephemeral"]);
    let admin = server.admin.unwrap();
    assert_eq!(request(admin, "GET", "/healthz", &[], b"").status, 200);
    assert_eq!(request(admin, "GET", "/readyz", &[], b"").status, 200);
    assert_eq!(server.get("/readyz").status, 200);
    server.get("/v2/");
    let metrics = request(admin, "GET", "/metrics", &[], b"").body();
    assert!(metrics.contains("manifestd_http_requests_total{"), "{metrics}");
}

#[test]
fn a_full_store_is_not_ready_and_says_why_to_operators_alone() {
    let server = Server::start(&["--ephemeral", "--ephemeral-limit", "0B"]);
    let told = request(server.admin.unwrap(), "GET", "/readyz", &[], b"");
    assert_eq!(
        (told.status, told.body().as_str()),
        (503, "not ready: the blob store takes no writes: 0 bytes are free\n")
    );
    assert_eq!(server.get("/readyz").status, 503);
    assert_eq!(server.get("/v2/").status, 200);
}

#[test]
fn what_was_pushed_survives_a_kill() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::on(directory.path());
    let blob = server.upload("team/app", b"some bytes");
    let pushed = server.push("team/app", "v1", &index(1));
    server.kill();
    let server = Server::on(directory.path());
    let answer = server.get("/v2/team/app/manifests/v1");
    assert_eq!((answer.status, digest(&answer.bytes)), (200, pushed));
    assert_eq!(server.get(&format!("/v2/team/app/blobs/{blob}")).bytes, b"some bytes");
}

/// An upload whose body has begun and not ended.
#[expect(clippy::unwrap_used, reason = "a test that cannot go on ends by panicking")]
fn half_an_upload(server: &Server) -> std::net::TcpStream {
    let path = format!("/v2/a/blobs/uploads/?digest={}", digest(b"0123456789"));
    let mut stream = begin(server.address, "POST", &path, &[("Content-Type", "application/octet-stream")], 10);
    stream.write_all(b"01234").unwrap();
    // The upload is known to be under way once the server counts it.
    while !request(server.admin.unwrap(), "GET", "/metrics", &[], b"").body().contains("manifestd_http_uploads 1") {
        std::thread::yield_now();
    }
    stream
}

#[test]
fn a_transfer_under_way_may_end_after_the_signal() {
    let mut server = Server::start(&["--ephemeral"]);
    let mut stream = half_an_upload(&server);
    server.signal(Signal::TERM);
    server.log_until("stopping");
    let told = request(server.admin.unwrap(), "GET", "/readyz", &[], b"");
    assert_eq!((told.status, told.body().as_str()), (503, "not ready: stopping\n"));
    stream.write_all(b"56789").unwrap();
    assert_eq!(read_answer(stream).status, 201);
    assert_eq!(server.end(), (Some(0), String::new()));
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let mut server = Server::start(&["--ephemeral"]);
    let _stream = half_an_upload(&server);
    server.signal(Signal::TERM);
    server.log_until("stopping");
    server.signal(Signal::INT);
    let said = "error: stopped by a second signal; transfers that were running were cut off\n";
    assert_eq!(server.end(), (Some(1), said.to_owned()));
}

#[test]
fn what_takes_longer_than_the_grace_is_cut_and_logged() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("m.toml");
    std::fs::write(&file, "[server]\nshutdown_grace = \"1ms\"\n").unwrap();
    let mut server = Server::start(&["--ephemeral", "--config", file.to_str().unwrap()]);
    let _stream = half_an_upload(&server);
    server.signal(Signal::TERM);
    server.log_until("were cut off");
    assert_eq!(server.end().0, Some(0));
}

#[test]
fn uploads_that_rest_too_long_are_swept() {
    let mut command = common::manifestd(&["serve", "--ephemeral", "--listen", "127.0.0.1:0", "--admin-listen", "off"]);
    command.env("MANIFESTD_UPLOADS__TTL", "1ms").env("MANIFESTD_COLLECTION__INTERVAL", "10ms");
    let mut server = Server::spawn(&mut command);
    let begun = request(server.address, "POST", "/v2/a/blobs/uploads/", &[], b"");
    let line: Value = serde_json::from_str(&server.log_until("\"uploads\":1")).unwrap();
    assert_eq!((&line["message"], &line["level"]), (&Value::from("collected"), &Value::from("INFO")));
    assert_eq!(server.get(begun.header("location").unwrap()).status, 404);
}

#[test]
fn configured_names_are_served_and_others_are_not() {
    let mut command = common::manifestd(&["serve", "--ephemeral", "--listen", "127.0.0.1:0", "--admin-listen", "off"]);
    let server = Server::spawn(command.env("MANIFESTD_SERVER__HOSTS", "registry.example"));
    assert_eq!(server.admin, None);
    assert!(server.greeting.contains("docker push registry.example/alpine"), "{}", server.greeting);
    let asked_as = |host: &str| {
        let mut stream = std::net::TcpStream::connect(server.address).unwrap();
        write!(stream, "GET /v2/ HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").unwrap();
        read_answer(stream).status
    };
    assert_eq!(asked_as("registry.example"), 200);
    assert_eq!(asked_as("evil.example"), 403);
}
