//! What a test may rely on.

use postgres_fixture::{Cluster, Database};
use std::{
    fs::Permissions,
    io::{BufRead, BufReader},
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

/// Long enough for a busy machine; nothing here waits for it to pass.
const LIMIT: Duration = Duration::from_secs(30);

fn exists(database: &Database, name: &str) -> bool {
    database.psql(&format!("SELECT count(*) FROM pg_database WHERE datname = '{name}'")).is_ok_and(|count| count == "1")
}

#[tokio::test]
async fn fresh_databases_have_the_tables_and_nothing_of_each_other() {
    let (one, two) = (Database::fresh().await, Database::fresh().await);
    one.psql("INSERT INTO trash VALUES ('store:key', 1)").unwrap();
    assert_eq!(one.psql("SELECT location FROM trash").unwrap(), "store:key");
    assert_eq!(two.psql("SELECT count(*) FROM trash").unwrap(), "0");
    // What a node asks before it migrates.
    assert!(two.psql("SELECT min(version) FROM __diesel_schema_migrations").unwrap().starts_with("0001"));
}

#[tokio::test]
async fn a_dropped_database_is_gone_and_an_empty_one_is_empty() {
    let empty = Database::empty().await;
    assert_eq!(empty.psql("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").unwrap(), "0");
    let fresh = Database::fresh().await;
    let name = fresh.name().to_owned();
    assert!(exists(&empty, &name));
    drop(fresh);
    assert!(!exists(&empty, &name) && exists(&empty, empty.name()));
}

#[test]
fn a_cluster_comes_back_with_its_rows_after_a_restart_and_a_kill() {
    let cluster = Cluster::start().unwrap();
    let database = cluster.fresh().unwrap();
    database.psql("INSERT INTO trash VALUES ('a', 1)").unwrap();
    cluster.restart().unwrap();
    database.psql("CHECKPOINT; INSERT INTO trash VALUES ('b', 1)").unwrap();
    cluster.kill().unwrap();
    assert!(database.psql("SELECT 1").is_err());
    assert!(cluster.kill().is_err(), "a server that does not run cannot be killed");
    cluster.restart().unwrap();
    assert_eq!(database.psql("SELECT count(*) FROM trash WHERE location = 'a'").unwrap(), "1");
    cluster.stop().unwrap();
    assert!(database.psql("SELECT 1").is_err());
    cluster.restart().unwrap();
    assert_eq!(database.psql("SELECT 1").unwrap(), "1");
}

#[test]
fn parameters_are_set_and_wrong_ones_show_the_log() {
    let cluster = Cluster::durable().unwrap();
    let database = cluster.empty().unwrap();
    assert_eq!(database.psql("SHOW fsync").unwrap(), "on");
    cluster.set(&[("work_mem", "7MB")]).unwrap();
    assert_eq!(database.psql("SHOW work_mem").unwrap(), "7MB");
    let error = cluster.set(&[("work_mem", "many")]).unwrap_err().to_string();
    assert!(error.contains("invalid value for parameter \"work_mem\""), "{error}");
    cluster.set(&[("work_mem", "8MB")]).unwrap();
    assert!(cluster.log().unwrap().contains("database system is ready to accept connections"));
}

/// Runs this very test program again with a folder for temporary files in which the user of the server may make none.
#[test]
fn a_folder_that_the_server_may_not_write_is_named_and_left_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    // Only root runs the server as somebody else; for others no folder is like that but one that nobody may write.
    let mode = if rustix::process::geteuid().is_root() { 0o755 } else { 0o555 };
    std::fs::set_permissions(folder.path(), Permissions::from_mode(mode)).unwrap();
    let owner = Command::new(std::env::current_exe().unwrap())
        .args(["owner_of_a_cluster", "--exact", "--nocapture"])
        .env("FIXTURE_OWNER", "1")
        .env("TMPDIR", folder.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(!owner.status.success());
    let said = String::from_utf8_lossy(&owner.stderr);
    let expected = format!("cannot make files in {}; name another folder with TMPDIR", folder.path().display());
    assert!(said.contains(&expected), "{said}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

/// Runs this very test program again as the owner of a cluster, and kills it.
#[test]
fn a_cluster_ends_when_its_owner_is_killed() {
    let mut owner = Command::new(std::env::current_exe().unwrap())
        .args(["owner_of_a_cluster", "--exact", "--nocapture"])
        .env("FIXTURE_OWNER", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = BufReader::new(owner.stdout.take().unwrap());
    let folder = output.lines().find_map(|line| Some(line.unwrap().split_once("folder: ")?.1.to_owned())).unwrap();
    assert!(Path::new(&folder).is_dir());
    owner.kill().unwrap();
    owner.wait().unwrap();
    let start = Instant::now();
    while Path::new(&folder).exists() {
        assert!(start.elapsed() < LIMIT, "{folder} is still there");
        std::thread::yield_now();
    }
}

#[test]
fn owner_of_a_cluster() {
    if std::env::var_os("FIXTURE_OWNER").is_none() {
        return;
    }
    let cluster = Cluster::start().unwrap();
    println!("folder: {}", cluster.write_file("a", b"").unwrap().parent().unwrap().display());
    // Until it is killed.
    std::io::stdin().lines().for_each(drop);
}
