use crate::common::{answer, push_image, stop};
use crate::{empty, fresh, silent_node};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::{fs, thread};

/// How many pushes are acknowledged before the backup begins, and again before it ends.
const SOME: u32 = 8;

/// A program of Postgres, where Debian keeps it or on the path.
fn program(name: &str) -> PathBuf {
    let debian = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().map(|entry| entry.unwrap().path());
    let found = debian.map(|version| version.join("bin").join(name)).filter(|path| path.is_file()).max();
    found.unwrap_or_else(|| PathBuf::from(name))
}

fn succeed(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn what_is_backed_up_under_load_is_whole_elsewhere() {
    let (database, blobs, kept) = (fresh(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let server = silent_node(database.url(), blobs.path());
    let (enough, pushed) = (AtomicBool::new(false), AtomicU32::new(0));
    let wait_for_more = || {
        let from = pushed.load(Relaxed);
        while pushed.load(Relaxed) < from + SOME {
            thread::yield_now();
        }
    };
    let before = thread::scope(|scope| {
        for writer in 0..2 {
            let (server, enough, pushed) = (&server, &enough, &pushed);
            scope.spawn(move || {
                for turn in 0_u32.. {
                    if enough.load(Relaxed) {
                        break;
                    }
                    push_image(server, "team/app", &format!("{writer}-{turn}"), format!("{writer} {turn}").as_bytes());
                    pushed.fetch_add(1, Relaxed);
                }
            });
        }
        wait_for_more();
        let before: Vec<String> =
            answer(&["tags", "team/app", "--json", "--database-url", database.url(), "--data-dir", path(blobs.path())])
                .split('"')
                .filter(|text| text.starts_with("0-") || text.starts_with("1-"))
                .map(ToOwned::to_owned)
                .collect();
        // Rows first, bytes after.
        let dump = kept.path().join("registry.dump");
        let dumped = format!("--file={}", dump.display());
        succeed(Command::new(program("pg_dump")).args(["--format=custom", &dumped, database.url()]));
        wait_for_more();
        succeed(Command::new("cp").arg("-a").arg(blobs.path().join("blobs")).arg(kept.path()));
        enough.store(true, Relaxed);
        before
    });
    stop(server);
    assert!(before.len() >= SOME as usize, "{before:?}");
    drop((database, blobs));

    let restored = empty();
    let dump = kept.path().join("registry.dump");
    succeed(Command::new(program("pg_restore")).args(["--no-owner", "--dbname", restored.url()]).arg(dump));
    let place = ["--database-url", restored.url(), "--data-dir", path(kept.path())];
    let checked = answer(&[&["fsck", "--deep"], &place[..]].concat());
    assert!(checked.ends_with("Everything agrees.\n"), "{checked}");
    let server = silent_node(restored.url(), kept.path());
    for tag in before {
        assert_eq!(server.get(&format!("/v2/team/app/manifests/{tag}")).status, 200, "{tag}");
    }
    push_image(&server, "team/app", "after", b"after");
    stop(server);
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}
