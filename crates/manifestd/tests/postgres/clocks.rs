use crate::common::{Server, index, manifestd, request, stop};
use crate::nodes::require;
use crate::{fresh, node};

/// A node whose clock is that much off, as `faketime` spells it.
fn off(by: &str, url: &str, blobs: &std::path::Path) -> Server {
    require("faketime");
    let served =
        manifestd(&["serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--database-url", url]);
    let mut command = std::process::Command::new("faketime");
    command.args(["-f", by]).arg(served.get_program()).args(served.get_args());
    command.args(["--data-dir", blobs.to_str().unwrap()]).env("TZ", "UTC");
    // Its timers must not be those of another time.
    command.env("FAKETIME_DONT_FAKE_MONOTONIC", "1").env("DONT_FAKE_MONOTONIC", "1");
    Server::spawn(&mut command)
}

#[test]
fn a_node_whose_clock_is_wrong_says_so_and_serves() {
    let (database, blobs) = (fresh(), tempfile::tempdir().unwrap());
    let (right, late) = (node(database.url(), blobs.path()), off("-10s", database.url(), blobs.path()));
    let ready = |server: &Server| request(server.admin.unwrap(), "GET", "/readyz", &[], b"");
    assert_eq!(ready(&right).status, 200);
    let said = ready(&late);
    assert_eq!(said.status, 503);
    assert!(said.body().contains("ms behind the database's; at most 5000 ms are tolerated"), "{}", said.body());
    for build in 0..8 {
        let (writer, reader) = if build % 2 == 0 { (&right, &late) } else { (&late, &right) };
        let pushed = writer.push("team/app", "latest", &index(build));
        let read = reader.get("/v2/team/app/manifests/latest");
        assert_eq!(read.header("docker-content-digest"), Some(pushed.as_str()), "{build}");
    }
    let history = "SELECT count(*) FILTER (WHERE end_ms < start_ms), count(*) FILTER (WHERE next < end_ms) FROM (\
                   SELECT start_ms, end_ms, lead(start_ms) OVER (ORDER BY start_ms) AS next FROM (\
                   SELECT start_ms, end_ms FROM tag_history UNION ALL SELECT start_ms, expires_ms FROM tag) AS i) AS i";
    assert_eq!(database.psql(history).unwrap(), "0|0");
    assert_eq!(database.psql("SELECT count(*) FROM tag_history").unwrap(), "7");
    stop(right);
    late.kill();
}

#[test]
fn a_second_is_warned_about() {
    let (database, blobs) = (fresh(), tempfile::tempdir().unwrap());
    let mut late = off("+2s", database.url(), blobs.path());
    assert_eq!(request(late.admin.unwrap(), "GET", "/readyz", &[], b"").status, 200);
    assert!(late.log_until("ahead of the database's").contains("WARN"));
    late.kill();
}
