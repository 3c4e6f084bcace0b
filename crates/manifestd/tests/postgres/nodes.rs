use crate::common::{Answer, Server, begin, digest, index, push_image, read_answer, request, run, stop};
use crate::{empty, fresh, node, silent_node};
use std::io::Write;
use std::net::SocketAddr;
use std::process::Command;
use std::thread;

/// Bytes of the upload that outlives the start of another node, where this variable does not say otherwise.
const LARGE: (&str, usize) = ("MANIFESTD_LARGE_UPLOAD_MIB", 64);

fn put(to: SocketAddr, path: &str, body: &[u8]) -> Answer {
    request(to, "PUT", path, &[("Content-Type", "application/vnd.oci.image.index.v1+json")], body)
}

#[test]
fn what_one_node_begins_another_goes_on_with() {
    let (database, blobs) = (empty(), tempfile::tempdir().unwrap());
    // Both start on an empty database and an empty directory, at once.
    let (one, two) = thread::scope(|scope| {
        let one = scope.spawn(|| node(database.url(), blobs.path()));
        let two = node(database.url(), blobs.path());
        (one.join().unwrap(), two)
    });
    let begun = request(one.address, "POST", "/v2/team/app/blobs/uploads/", &[], b"");
    assert_eq!(begun.status, 202, "{}", begun.body());
    let location = begun.header("location").unwrap().to_owned();
    let patched = request(one.address, "PATCH", &location, &[("Content-Range", "0-4")], b"hello");
    assert_eq!(patched.status, 202, "{}", patched.body());
    let location = patched.header("location").unwrap().to_owned();
    let joint = if location.contains('?') { '&' } else { '?' };
    let finished = format!("{location}{joint}digest={}", digest(b"hello world"));
    let finished = request(two.address, "PUT", &finished, &[("Content-Range", "5-10")], b" world");
    assert_eq!(finished.status, 201, "{}", finished.body());
    assert_eq!(one.get(&format!("/v2/team/app/blobs/{}", digest(b"hello world"))).bytes, b"hello world");

    let (first, second) = (one.push("team/app", "latest", &index(1)), two.push("team/app", "latest", &index(2)));
    for (mover, reader, build) in [(&one, &two, 3), (&two, &one, 4), (&one, &two, 5)] {
        let pushed = mover.push("team/app", "latest", &index(build));
        let read = reader.get("/v2/team/app/manifests/latest");
        assert_eq!(read.header("docker-content-digest"), Some(pushed.as_str()));
    }
    // What moved away is still served by digest, on both.
    for (node, digest) in [(&one, &second), (&two, &first)] {
        assert_eq!(node.get(&format!("/v2/team/app/manifests/{digest}")).status, 200);
    }
    stop(one);
    stop(two);
}

#[test]
fn racing_pushes_and_moves_give_one_row_and_one_history() {
    let (database, blobs) = (fresh(), tempfile::tempdir().unwrap());
    let nodes = [silent_node(database.url(), blobs.path()), silent_node(database.url(), blobs.path())];
    thread::scope(|scope| {
        for turn in 0..64_u32 {
            let at = nodes[(turn % 2) as usize].address;
            scope.spawn(move || {
                let same = put(at, "/v2/race/same/manifests/latest", index(0).as_bytes());
                assert_eq!(same.status, 201, "{}", same.body());
                let moved = put(at, "/v2/race/moves/manifests/latest", index(turn).as_bytes());
                assert_eq!(moved.status, 201, "{}", moved.body());
            });
        }
    });
    let ask = |question: &str| database.psql(question).unwrap();
    let of = |name: &str| format!("(SELECT id FROM repository WHERE name = '{name}')");
    assert_eq!(ask("SELECT count(*) FROM repository"), "2");
    let same = of("race/same");
    assert_eq!(ask(&format!("SELECT count(*) FROM manifest WHERE repository_id = {same}")), "1");
    let moves = of("race/moves");
    assert_eq!(ask(&format!("SELECT count(*) FROM manifest WHERE repository_id = {moves}")), "64");
    assert_eq!(ask(&format!("SELECT count(*) FROM tag WHERE repository_id = {moves}")), "1");
    assert_eq!(ask(&format!("SELECT count(*) FROM tag_history WHERE repository_id = {moves}")), "63");
    let all = "(SELECT repository_id, name, start_ms, end_ms FROM tag_history \
               UNION ALL SELECT repository_id, name, start_ms, expires_ms FROM tag)";
    let inverted = ask(&format!("SELECT count(*) FROM {all} AS i WHERE start_ms > end_ms"));
    let overlapping = ask(&format!(
        "SELECT count(*) FROM (SELECT end_ms, lead(start_ms) OVER (PARTITION BY repository_id, name ORDER BY start_ms) \
         AS next FROM {all} AS i) AS pairs WHERE next <> end_ms"
    ));
    assert_eq!((inverted.as_str(), overlapping.as_str()), ("0", "0"));
    for node in nodes {
        stop(node);
    }
}

#[test]
fn an_upload_under_way_outlives_the_start_of_another_node() {
    let (database, blobs) = (fresh(), tempfile::tempdir().unwrap());
    let one = node(database.url(), blobs.path());
    let mib = std::env::var(LARGE.0).map_or(LARGE.1, |text| text.parse().unwrap());
    let chunk = vec![7_u8; 1 << 20];
    let mut whole = oci_types::Hasher::new(oci_types::Algorithm::Sha256);
    (0..mib).for_each(|_| whole.update(&chunk));
    let path = format!("/v2/team/large/blobs/uploads/?digest={}", whole.finish());
    let headers = [("Content-Type", "application/octet-stream")];
    let mut upload = begin(one.address, "POST", &path, &headers, mib << 20);
    let mut two: Option<Server> = None;
    for sent in 0..mib {
        upload.write_all(&chunk).unwrap();
        if sent == mib / 2 {
            // It migrates nothing, deletes nothing, and collects at once.
            two = Some(node(database.url(), blobs.path()));
        }
    }
    let answer = read_answer(upload);
    assert_eq!(answer.status, 201, "{}", answer.body());
    let two = two.unwrap();
    let head = request(two.address, "HEAD", answer.header("location").unwrap(), &[], b"");
    assert_eq!(head.header("content-length"), Some((mib << 20).to_string().as_str()));
    stop(one);
    stop(two);
}

#[test]
fn a_directory_that_is_not_the_nodes_common_one_is_refused() {
    let (database, blobs, other) = (fresh(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let one = node(database.url(), blobs.path());
    push_image(&one, "team/app", "1", b"layer");
    let serve = |directory: &std::path::Path| {
        let directory = directory.to_str().unwrap();
        let listen = ["--listen", "127.0.0.1:0", "--admin-listen", "off"];
        let said = run(&[&["serve", "--database-url", database.url(), "--data-dir", directory], &listen[..]].concat());
        assert_eq!(said.status.code(), Some(1));
        String::from_utf8(said.stderr).unwrap()
    };
    let said = serve(other.path());
    assert!(said.contains("are not those of the database") && said.contains("and there is none"), "{said}");
    // Nothing was made in what may be a mount point without its mount.
    assert_eq!(std::fs::read_dir(other.path()).unwrap().count(), 0);
    let elsewhere = Server::on(other.path());
    stop(elsewhere);
    let said = serve(other.path());
    assert!(said.contains("are not those of the database") && said.contains("this is "), "{said}");
    stop(one);
}

/// A program of the system that a test cannot do without.
pub(crate) fn require(program: &str) {
    let found = Command::new("sh").args(["-c", &format!("command -v {program}")]).output().unwrap();
    assert!(found.status.success(), "{program} is not installed; `cargo xtask setup` installs it");
}
