use crate::common::{Server, answer, manifestd, push_image, refusal, run, stop};
use crate::{empty, fresh, node};
use postgres_fixture::Cluster;
use serde_json::Value;

#[test]
fn every_command_reads_the_database() {
    let (database, blobs) = (fresh(), tempfile::tempdir().unwrap());
    let place = ["--database-url", database.url(), "--data-dir", blobs.path().to_str().unwrap()];
    let ask = |arguments: &[&str]| answer(&[arguments, &place[..]].concat());
    let server = node(database.url(), blobs.path());
    assert!(server.greeting.contains("  data    postgres://"), "{}", server.greeting);
    let (image, _) = push_image(&server, "team/app", "1", b"layer");
    assert!(ask(&["ls"]).contains("team/app"));
    assert!(ask(&["tags", "team/app"]).contains(&image[..19]));
    assert!(ask(&["history", "team/app:1"]).contains(&image[..19]));
    assert!(ask(&["inspect", "team/app:1"]).contains(&image));
    assert!(ask(&["why", "team/app:1"]).contains("the tag 1"));
    assert!(ask(&["gc", "--dry-run"]).contains("othing"));
    assert!(ask(&["fsck", "--deep"]).contains("Everything agrees."));
    let file = blobs.path().join("index.json");
    std::fs::write(&file, crate::common::index(1)).unwrap();
    let media_type = "application/vnd.oci.image.index.v1+json";
    ask(&["explain-push", "team/app:2", file.to_str().unwrap(), "--media-type", media_type]);
    // Nodes collect beside one another.
    ask(&["gc"]);
    stop(server);
}

#[test]
fn the_server_names_a_node_as_it_is_configured() {
    let (database, blobs) = (fresh(), tempfile::tempdir().unwrap());
    let mut command =
        manifestd(&["serve", "--listen", "127.0.0.1:0", "--admin-listen", "off", "--database-url", database.url()]);
    command.args(["--data-dir", blobs.path().to_str().unwrap()]);
    let server = Server::spawn(command.env("MANIFESTD_METADATA__APPLICATION_NAME", "node-7"));
    server.get("/v2/_catalog");
    let named =
        "SELECT count(*) > 0 FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'node-7'";
    assert_eq!(database.psql(named).unwrap(), "t");
    stop(server);
}

#[test]
fn a_database_that_speaks_another_language_is_warned_about() {
    let cluster = Cluster::start().unwrap();
    let (database, blobs) = (cluster.fresh().unwrap(), tempfile::tempdir().unwrap());
    let grant = "CREATE ROLE pusher LOGIN PASSWORD 'p'; GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO pusher";
    database.psql(grant).unwrap();
    cluster.speak("de_DE.utf8").unwrap();
    let url = database.url().replace("postgres@", "pusher:p@");
    let mut server = node(&url, blobs.path());
    let said = server.log_until("lc_messages");
    assert!(said.contains("WARN") && said.contains("de_DE.utf8"), "{said}");
    server.kill();
}

#[test]
fn migrations_are_shown_and_run() {
    let database = empty();
    let step = |step: &[&str]| answer(&[&["migrate"], step, &["--database-url", database.url()]].concat());
    assert!(step(&["status"]).starts_with("missing  0001_tables\n"));
    assert!(step(&["up", "--dry-run"]).starts_with("Would run, in one transaction:\n  0001_tables\n"));
    assert!(step(&["up"]).starts_with("Ran:\n  0001_tables\n"));
    assert_eq!(step(&["up"]), "The database is up to date.\n");
    assert!(step(&["status"]).starts_with("ran      0001_tables\n"));
}

#[test]
fn what_is_in_the_way_is_said_without_the_password() {
    let cluster = Cluster::start().unwrap();
    let database = cluster.fresh().unwrap();
    database.psql("CREATE ROLE pusher LOGIN PASSWORD 'right'").unwrap();
    let place = database.url().split_once('@').unwrap().1.to_owned();
    let check = |url: &str, code: i32, expected: &[&str]| {
        let said = refusal(&mut manifestd(&["ls", "--database-url", url]), code);
        for text in expected {
            assert!(said.contains(text), "{said}");
        }
        assert!(!said.contains("hunter2"), "{said}");
    };
    check(&format!("postgres://pusher:hunter2@{place}"), 1, &["does not let pusher in", "next: correct the user"]);
    check("postgres://me:hunter2@127.0.0.1:1/x", 1, &["cannot be reached", "next: start it", "because: "]);
    check("postgres://me:hunter2@h/d?sslmode=always", 2, &["`always` is no sslmode", "flag --database-url"]);
    let weak = "postgres://me:hunter2@h/d?sslmode=require&sslrootcert=system";
    check(weak, 2, &["sslrootcert=system needs sslmode=verify-full, not require"]);
    check("mysql://me:hunter2@h/d", 2, &["a database URL starts with postgres://"]);
    let said =
        refusal(manifestd(&["serve", "--ephemeral", "--database-url", "postgres://me:hunter2@h/d"]).env("X", "y"), 2);
    assert!(said.contains("`storage.ephemeral` keeps nothing, and `metadata.url` names a database"), "{said}");
    // With the right one, from a file and from the environment, the next thing is said.
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "right\n").unwrap();
    let url = format!("postgres://pusher@{place}");
    let mut by_file = manifestd(&["ls", "--database-url", &url]);
    by_file.env("MANIFESTD_METADATA__PASSWORD_FILE", file.path());
    assert!(refusal(&mut by_file, 1).contains("lacks the privilege SELECT"));
    let mut by_variable = manifestd(&["ls", "--database-url", &url]);
    assert!(refusal(by_variable.env("PGPASSWORD", "right"), 1).contains("lacks the privilege SELECT"));
    let shown = run(&["config", "--database-url", "postgres://me:hunter2@h/d"]);
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(shown.contains("url = \"postgres://me:***@h/d\""), "{shown}");
}

#[test]
fn a_table_that_somebody_changed_is_named_in_the_log() {
    let (database, blobs) = (fresh(), tempfile::tempdir().unwrap());
    let mut server = node(database.url(), blobs.path());
    push_image(&server, "team/app", "1", b"layer");
    database.psql("ALTER TABLE tag RENAME COLUMN manifest_id TO other").unwrap();
    let failed = server.get("/v2/team/app/manifests/1");
    assert_eq!(failed.status, 500);
    let code: Value = serde_json::from_slice(&failed.bytes).unwrap();
    assert_eq!(code["errors"][0]["message"], "the registry failed; its log says why");
    assert!(server.log_until("manifest_id").contains("does not exist"));
    server.kill();
}
