use crate::common::{Server, index, push_image, request, stop};
use crate::outages::{HEALED, heals, ready};
use crate::{fresh, node};
use postgres_fixture::Cluster;
use std::time::Instant;

/// A push is refused for now, a pull is not, and probes are told why.
fn takes_no_writes(server: &Server, reason: &str) {
    // (Whoever asked while there was no server is told so for a second more.)
    let until = Instant::now() + HEALED;
    while server.get("/v2/team/app/manifests/1").status != 200 {
        assert!(Instant::now() < until, "it did not find its database");
    }
    let headers = [("Content-Type", "application/vnd.oci.image.index.v1+json")];
    let pushed = request(server.address, "PUT", "/v2/team/app/manifests/2", &headers, index(2).as_bytes());
    assert_eq!(pushed.status, 503, "{}", pushed.body());
    assert!(pushed.header("retry-after").is_some());
    let begun = request(server.address, "POST", "/v2/team/app/blobs/uploads/", &[], b"");
    assert_eq!(begun.status, 503, "{}", begun.body());
    let said = ready(server);
    assert_eq!(said.status, 503);
    assert_eq!(said.body().trim(), format!("not ready: the database takes no writes: {reason}"));
}

#[test]
fn a_node_whose_database_became_a_standby_says_so_and_heals() {
    let cluster = Cluster::start().unwrap();
    let (database, blobs) = (cluster.fresh().unwrap(), tempfile::tempdir().unwrap());
    let server = node(database.url(), blobs.path());
    push_image(&server, "team/app", "1", b"layer");
    cluster.demote().unwrap();
    takes_no_writes(&server, "it is a standby");
    // Another one that starts meanwhile has nothing to write either.
    let late = node(database.url(), blobs.path());
    takes_no_writes(&late, "it is a standby");
    cluster.promote().unwrap();
    for server in [server, late] {
        heals(&server);
        server.push("team/app", "2", &index(2));
        stop(server);
    }
}

#[test]
fn a_node_whose_sessions_became_read_only_says_so_and_heals() {
    let (database, blobs) = (fresh(), tempfile::tempdir().unwrap());
    let server = node(database.url(), blobs.path());
    push_image(&server, "team/app", "1", b"layer");
    let name = database.name();
    // Sessions have what was so when they were opened: as if they led to a server that is not the primary any more.
    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
    database.psql(&format!("ALTER DATABASE {name} SET default_transaction_read_only = on")).unwrap();
    database.psql(end).unwrap();
    takes_no_writes(&server, "its settings make transactions read-only (default_transaction_read_only)");
    database
        .psql(&format!("BEGIN READ WRITE; ALTER DATABASE {name} RESET default_transaction_read_only; COMMIT"))
        .unwrap();
    heals(&server);
    server.push("team/app", "2", &index(2));
    stop(server);
}
