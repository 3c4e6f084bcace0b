use crate::common::{Server, answer, index, manifestd, push_image, refusal, request, stop};
use crate::{Other, empty, node};
use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};
use postgres_fixture::Database;
use std::path::Path;
use std::process::Stdio;

/// A registry on SQLite with a bit of everything: images, an index, tags that moved, deletions, an upload under way.
fn laptop(directory: &Path) -> Vec<String> {
    let server = Server::on(directory);
    let mut tags = Vec::new();
    for tag in 0..5 {
        let (image, _) = push_image(&server, "team/app", &format!("v{tag}"), format!("layer {tag}").as_bytes());
        tags.push(image);
    }
    for build in 0..5 {
        server.push("team/moved", "latest", &index(build));
    }
    let deleted = server.push("team/moved", "gone", &index(9));
    let path = format!("/v2/team/moved/manifests/{deleted}");
    assert_eq!(request(server.address, "DELETE", &path, &[], b"").status, 202);
    assert_eq!(request(server.address, "POST", "/v2/team/app/blobs/uploads/", &[], b"").status, 202);
    stop(server);
    tags
}

#[test]
fn a_laptops_registry_moves_to_a_server() {
    let (database, directory) = (empty(), tempfile::tempdir().unwrap());
    let images = laptop(directory.path());
    let from = format!("sqlite:{}", directory.path().join("manifestd.sqlite").display());
    let copy = || answer(&["copy-metadata", "--from", &from, "--to", database.url()]);
    let first = copy();
    assert!(first.starts_with("Copied and verified "), "{first}");
    assert_ne!(database.psql("SELECT count(*) FROM legacy_image").unwrap().trim(), "0");
    // What an interrupted copy left is completed, and what is whole is found to be.
    database.psql("DELETE FROM tag_history WHERE start_ms = (SELECT max(start_ms) FROM tag_history)").unwrap();
    database.psql("DELETE FROM upload").unwrap();
    database.psql("DELETE FROM legacy_image").unwrap();
    database.psql("UPDATE blob_store SET id = 'copying:' || id").unwrap();
    let data = directory.path().to_str().unwrap();
    let serve = [
        "serve",
        "--data-dir",
        data,
        "--database-url",
        database.url(),
        "--listen",
        "127.0.0.1:0",
        "--admin-listen",
        "off",
    ];
    let said = refusal(&mut manifestd(&serve), 1);
    assert!(said.contains("are being copied into this one, and not all are there"), "{said}");
    assert_eq!(copy(), first);
    let history = |place: &[&str]| answer(&[&["history", "team/moved", "--json"], place].concat());
    let path = directory.path().to_str().unwrap();
    assert_eq!(history(&["--data-dir", path]), history(&["--data-dir", path, "--database-url", database.url()]));
    let checked = answer(&["fsck", "--deep", "--data-dir", path, "--database-url", database.url()]);
    assert!(checked.ends_with("Everything agrees.\n"), "{checked}");
    let server = node(database.url(), directory.path());
    for (tag, image) in images.iter().enumerate() {
        let read = server.get(&format!("/v2/team/app/manifests/v{tag}"));
        assert_eq!(read.header("docker-content-digest"), Some(image.as_str()));
    }
    // New rows are numbered after those that came.
    server.push("team/moved", "latest", &index(20));
    push_image(&server, "team/new", "1", b"new");
    stop(server);
    // It has gone its own way now.
    let said = refusal(&mut manifestd(&["copy-metadata", "--from", &from, "--to", database.url()]), 1);
    assert!(said.contains("the copy of `repository` differs: 2 rows there, 3 rows here"), "{said}");
}

/// An advisory lock.
const GATE: u32 = 20_261;

#[test]
fn a_copy_that_was_killed_anywhere_goes_on_to_the_end() {
    let (database, directory) = (empty(), tempfile::tempdir().unwrap());
    laptop(directory.path());
    more_rows(directory.path());
    let path = directory.path().to_str().unwrap();
    let copy = ["copy-metadata", "--from", &format!("sqlite:{path}"), "--to", database.url()];
    answer(&["migrate", "up", "--database-url", database.url()]);
    // At the first rows of a table, amid them, and when all that is left is to say that everything is there.
    let points = [
        ("repository", 0),
        ("manifest", 0),
        ("manifest_blob", 0),
        ("tag", 0),
        ("tag", 500),
        ("tag", 1_000),
        ("tag_history", 500),
        ("tag_history", 1_500),
        ("blob", 1),
        ("upload", 0),
        ("blob_store", 1),
    ];
    let serve = ["serve", "--data-dir", path, "--database-url", database.url(), "--admin-listen", "off"];
    for (at, (table, rows)) in points.into_iter().enumerate() {
        kill_at(&database, &copy, table, rows, at % 2 == 0);
        let said = refusal(manifestd(&serve).args(["--listen", "127.0.0.1:0"]), 1);
        assert!(said.contains("are being copied into this one, and not all are there"), "{table}, {rows}: {said}");
    }
    let done = answer(&copy);
    assert!(done.starts_with("Copied and verified "), "{done}");
    assert_eq!(database.psql("SELECT count(*) FROM tag WHERE name LIKE 'many-%'").unwrap(), "1300");
    assert_eq!(database.psql("SELECT count(*) FROM tag_history WHERE name = 'many-1'").unwrap(), "1800");
    let checked = answer(&["fsck", "--deep", "--data-dir", path, "--database-url", database.url()]);
    assert!(checked.ends_with("Everything agrees.\n"), "{checked}");
    assert_eq!(answer(&copy), done);
}

/// Begins a copy and kills it when it writes to a table that has so many rows. What the server was doing for it is lost, or done
/// although nobody waits for it.
fn kill_at(database: &Database, copy: &[&str], table: &str, rows: u32, is_lost: bool) {
    let trigger = format!(
        "CREATE OR REPLACE FUNCTION halt() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
         IF (SELECT count(*) FROM {table}) >= {rows} THEN PERFORM pg_advisory_xact_lock({GATE}); END IF; RETURN NULL; END $$; \
         CREATE TRIGGER halt BEFORE INSERT OR UPDATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION halt()"
    );
    database.psql(&trigger).unwrap();
    let other = Other::does(database, &format!("SELECT pg_advisory_lock({GATE})"));
    let mut copying = manifestd(copy).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let waiting = "FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND database = \
         (SELECT oid FROM pg_database WHERE datname = current_database())";
    while database.psql(&format!("SELECT count(*) {waiting}")).unwrap() == "0" {
        assert_eq!(copying.try_wait().unwrap(), None, "it ended before {table} had {rows} rows");
    }
    copying.kill().unwrap();
    copying.wait().unwrap();
    if is_lost {
        database.psql(&format!("SELECT pg_terminate_backend(pid) {waiting}")).unwrap();
    }
    other.ends();
    database.psql(&format!("DROP TRIGGER halt ON {table}")).unwrap();
}

/// So many that tables take several batches.
fn more_rows(directory: &Path) {
    let mut rows = SqliteConnection::establish(directory.join("manifestd.sqlite").to_str().unwrap()).unwrap();
    let many = "INSERT INTO tag (repository_id, name, manifest_id, start_ms, expires_ms, immutable, reversion) \
             WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 1300) \
             SELECT repository_id, 'many-' || n, manifest_id, 100000, expires_ms, 0, 0 FROM n, (SELECT * FROM tag LIMIT 1); \
         INSERT INTO tag_history (repository_id, name, start_ms, end_ms, manifest_id, reversion) \
             WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 1800) \
             SELECT repository_id, name, n * 10, n * 10 + 10, manifest_id, 0 FROM n, (SELECT * FROM tag WHERE name = 'many-1')";
    rows.batch_execute(many).unwrap();
}

#[test]
fn what_cannot_be_copied_is_said() {
    let (database, directory, other) = (empty(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    laptop(directory.path());
    let from = format!("sqlite:{}", directory.path().display());
    let check = |from: &str, to: &str, code: i32, expected: &str| {
        let said = refusal(&mut manifestd(&["copy-metadata", "--from", from, "--to", to]), code);
        assert!(said.contains(expected) && !said.contains("hunter2"), "{said}");
    };
    check("postgres://h/d", database.url(), 2, "it starts with `sqlite:`");
    check("sqlite:/nowhere/x", database.url(), 1, "holds no registry");
    check(&from, "postgres://me:hunter2@127.0.0.1:1/x", 1, "cannot be reached");
    let server = node(database.url(), other.path());
    check(&from, database.url(), 1, "are not those of the database");
    stop(server);
    let server = Server::on(directory.path());
    check(&from, database.url(), 1, "is in use by process");
    stop(server);
}
