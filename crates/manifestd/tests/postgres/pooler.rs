use crate::common::{answer, index, push_image, refusal, request, stop};
use crate::node;
use crate::outages::ready;
use postgres_fixture::{Cluster, PoolMode, Pooler};

#[test]
fn two_nodes_work_behind_a_pooler_by_sessions() {
    let cluster = Cluster::start().unwrap();
    let pooler = Pooler::before(cluster.url(), PoolMode::Session, &[]).unwrap();
    let (database, blobs) = (cluster.empty().unwrap(), tempfile::tempdir().unwrap());
    let url = pooler.url(database.name());
    let (one, two) = (node(&url, blobs.path()), node(&url, blobs.path()));
    for server in [&one, &two] {
        assert_eq!(ready(server).status, 200, "{}", ready(server).body());
    }
    let (image, layer) = push_image(&one, "team/app", "1", b"layer");
    let pulled = two.get("/v2/team/app/manifests/1");
    assert_eq!(pulled.header("docker-content-digest"), Some(image.as_str()));
    assert_eq!(two.get(&format!("/v2/team/app/blobs/{layer}")).bytes, b"layer");
    let moved = two.push("team/app", "1", &index(1));
    assert_eq!(one.get("/v2/team/app/manifests/1").header("docker-content-digest"), Some(moved.as_str()));
    assert!(one.get("/v2/team/app/tags/list").body().contains(r#""tags":["1"]"#));
    assert!(two.get("/v2/_catalog").body().contains("team/app"));
    let place = ["--database-url", &url, "--data-dir", blobs.path().to_str().unwrap()];
    let purged = request(two.address, "DELETE", &format!("/v2/team/app/manifests/{image}"), &[], b"");
    assert_eq!(purged.status, 202, "{}", purged.body());
    answer(&[&["gc"], &place[..]].concat());
    assert!(answer(&[&["fsck"], &place[..]].concat()).contains("Everything agrees."));
    stop(one);
    stop(two);
}

#[test]
fn a_pooler_that_forgets_statements_is_named_with_the_way_out() {
    let cluster = Cluster::start().unwrap();
    let none = [("max_prepared_statements", "0")];
    let settings = if Pooler::version().unwrap() < (1, 21) { &[][..] } else { &none };
    let pooler = Pooler::before(cluster.url(), PoolMode::Transaction, settings).unwrap();
    let (database, blobs) = (cluster.fresh().unwrap(), tempfile::tempdir().unwrap());
    let url = pooler.url(database.name());
    let place = ["--database-url", &url, "--data-dir", blobs.path().to_str().unwrap(), "--listen", "127.0.0.1:0"];
    let serve = [&["serve", "--admin-listen", "off"], &place[..]].concat();
    let said = refusal(&mut crate::common::manifestd(&serve), 1);
    let expected = "error: the pooler in front of the database keeps no prepared statements\n  next: have it pool by sessions \
                    (pool_mode = session), or use PgBouncer 1.21 or newer with max_prepared_statements = 200; \
                    docs/operations.md says more\n  because: ";
    assert!(said.starts_with(expected), "{said}");
}
