use crate::common::{Server, answer, index, manifestd, push_image, refusal, request, stop};
use crate::{empty, node};
use std::path::Path;

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
    let serve = ["serve", "--data-dir", data, "--database-url", database.url(), "--listen", "127.0.0.1:0"];
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
