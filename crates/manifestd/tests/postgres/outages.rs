use crate::common::{Answer, Server, begin, index, push_image, request, run, stop};
use crate::{fresh, silent_node};
use postgres_fixture::Cluster;
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// How long a node may take to be itself again.
pub(crate) const HEALED: Duration = Duration::from_secs(30);

pub(crate) fn ready(server: &Server) -> Answer {
    request(server.admin.unwrap(), "GET", "/readyz", &[], b"")
}

/// Asks until it is ready.
pub(crate) fn heals(server: &Server) {
    let until = Instant::now() + HEALED;
    while ready(server).status != 200 {
        assert!(Instant::now() < until, "it did not heal: {}", ready(server).body());
    }
}

fn metric(server: &Server, name: &str) -> f64 {
    let page = request(server.admin.unwrap(), "GET", "/metrics", &[], b"").body();
    let line = page.lines().find(|line| line.split(' ').next() == Some(name));
    line.unwrap_or_else(|| panic!("no {name} in {page}")).split(' ').nth(1).unwrap().parse().unwrap()
}

#[test]
fn without_its_database_a_node_says_so_and_heals() {
    let cluster = Cluster::start().unwrap();
    let (database, blobs) = (cluster.fresh().unwrap(), tempfile::tempdir().unwrap());
    let url = format!("{}?connect_timeout=1", database.url());
    let server = Server::start(&["--database-url", &url, "--data-dir", blobs.path().to_str().unwrap()]);
    push_image(&server, "team/app", "1", b"layer");
    for kill in [false, true] {
        if kill {
            cluster.kill().unwrap();
        } else {
            cluster.stop().unwrap();
        }
        let headers = [("Content-Type", "application/vnd.oci.image.index.v1+json")];
        let pushed = request(server.address, "PUT", "/v2/team/app/manifests/2", &headers, index(2).as_bytes());
        assert_eq!(pushed.status, 503, "{}", pushed.body());
        assert!(pushed.header("retry-after").is_some());
        assert!(!pushed.body().contains("postgres"), "{}", pushed.body());
        assert_eq!(server.get("/v2/team/app/manifests/1").status, 503);
        let said = ready(&server);
        assert_eq!(said.status, 503);
        assert!(said.body().starts_with("not ready: the store is unavailable"), "{}", said.body());
        cluster.restart().unwrap();
        heals(&server);
        assert_eq!(server.get("/v2/team/app/manifests/1").status, 200);
        assert_eq!(server.get("/v2/team/app/manifests/2").status, 404);
    }
    server.push("team/app", "2", &index(2));
    stop(server);
    let arguments = ["fsck", "--database-url", database.url(), "--data-dir", blobs.path().to_str().unwrap()];
    let checked = run(&arguments);
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stdout));
}

#[test]
fn nobody_waits_for_a_database_that_is_known_to_be_away() {
    let cluster = Cluster::start().unwrap();
    let (database, blobs) = (cluster.fresh().unwrap(), tempfile::tempdir().unwrap());
    let server = silent_node(database.url(), blobs.path());
    push_image(&server, "team/app", "1", b"layer");
    cluster.stop().unwrap();
    let longest = thread::scope(|scope| {
        let askers: Vec<_> = (0..50)
            .map(|_| {
                scope.spawn(|| {
                    let start = Instant::now();
                    assert_eq!(server.get("/v2/team/app/manifests/1").status, 503);
                    start.elapsed()
                })
            })
            .collect();
        askers.into_iter().map(|asker| asker.join().unwrap()).max().unwrap()
    });
    // A request waits five seconds for a connection while there is hope.
    assert!(longest < Duration::from_secs(2), "{longest:?}");
    assert!(metric(&server, "manifestd_database_waits_failed_total") >= 50.0);
    cluster.restart().unwrap();
    let back = Instant::now();
    // The node itself looks for its database, and does so once a second at least.
    while server.get("/v2/team/app/manifests/1").status != 200 {
        assert!(back.elapsed() < Duration::from_secs(10), "it did not heal");
    }
    stop(server);
}

/// Pushes one tag after the other until ten were acknowledged when everything was over; those that were acknowledged.
fn push_until(server: &Server, writer: u32, is_over: &AtomicBool) -> Vec<String> {
    let headers = [("Content-Type", "application/vnd.oci.image.index.v1+json")];
    let until = Instant::now() + HEALED;
    let (mut tags, mut after) = (Vec::new(), 0);
    for turn in 0.. {
        assert!(Instant::now() < until, "{} tags were acknowledged, {after} of them at the end", tags.len());
        let over = is_over.load(Ordering::SeqCst);
        let tag = format!("w{writer}-{turn}");
        let path = format!("/v2/load/app/manifests/{tag}");
        let answer = request(server.address, "PUT", &path, &headers, index(writer * 1_000_000 + turn).as_bytes());
        match answer.status {
            201 => {
                tags.push(tag);
                after += u32::from(over);
            }
            503 => assert!(answer.header("retry-after").is_some()),
            other => panic!("{other}: {}", answer.body()),
        }
        if after == 10 {
            break;
        }
    }
    tags
}

#[test]
fn every_acknowledged_push_outlives_restarts_under_load() {
    let cluster = Cluster::start().unwrap();
    cluster.set(&[("fsync", "on"), ("synchronous_commit", "on")]).unwrap();
    let (database, blobs) = (cluster.fresh().unwrap(), tempfile::tempdir().unwrap());
    let server = silent_node(database.url(), blobs.path());
    let is_over = AtomicBool::new(false);
    let acknowledged = thread::scope(|scope| {
        let push = |writer| push_until(&server, writer, &is_over);
        let writers: Vec<_> = (0..4).map(|writer| scope.spawn(move || push(writer))).collect();
        cluster.restart().unwrap();
        cluster.kill().unwrap();
        cluster.restart().unwrap();
        is_over.store(true, Ordering::SeqCst);
        writers.into_iter().flat_map(|writer| writer.join().unwrap()).collect::<Vec<_>>()
    });
    heals(&server);
    assert!(!acknowledged.is_empty());
    for tag in &acknowledged {
        assert_eq!(server.get(&format!("/v2/load/app/manifests/{tag}")).status, 200, "{tag}");
    }
    stop(server);
    let arguments = ["fsck", "--database-url", database.url(), "--data-dir", blobs.path().to_str().unwrap()];
    let checked = run(&arguments);
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stdout));
}

#[test]
fn clients_that_go_leave_no_transaction_and_no_connection_behind() {
    let (database, blobs) = (fresh(), tempfile::tempdir().unwrap());
    let server = silent_node(database.url(), blobs.path());
    server.push("team/app", "0", &index(0));
    let body = index(1);
    thread::scope(|scope| {
        for part in 0..8 {
            let (at, body) = (server.address, body.as_bytes());
            scope.spawn(move || {
                for turn in 0..25 {
                    let path = format!("/v2/team/app/manifests/{part}-{turn}");
                    let headers = [("Content-Type", "application/vnd.oci.image.index.v1+json")];
                    let mut push = begin(at, "PUT", &path, &headers, body.len());
                    push.write_all(body).unwrap();
                    // Gone before the answer, while the server is anywhere.
                    drop(push);
                }
            });
        }
    });
    server.push("team/app", "last", &index(2));
    let open = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%'";
    assert_eq!(database.psql(open).unwrap(), "0");
    let until = Instant::now() + HEALED;
    while metric(&server, "manifestd_database_connections_used") > 0.0 {
        assert!(Instant::now() < until, "a connection was never given back");
    }
    assert!(metric(&server, "manifestd_database_connections_idle") > 0.0);
    stop(server);
}
