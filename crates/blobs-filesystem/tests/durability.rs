//! What is on the disk when a call returns, as the kernel saw it: the test runs itself again under `strace`, which must be
//! installed, and reads the trace.
#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

use blobs_filesystem::{FilesystemBlobs, Options};
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use manifest_core::ports::{BlobStore as _, UploadId};
use oci_types::{Algorithm, Digest};
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;

const NAME: &str = "bytes_then_names_are_on_the_disk_before_a_call_returns";
const ROOT: &str = "BLOBS_FILESYSTEM_TRACED_ROOT";
const UPLOAD: UploadId = UploadId::from_bits(0xab);
/// The calls that change a filesystem or bring it to the disk.
const CALLS: &str = "openat,mkdirat,write,writev,pwrite64,pwritev,copy_file_range,sendfile,fsync,fdatasync,linkat,renameat,renameat2,unlinkat";

#[test]
fn bytes_then_names_are_on_the_disk_before_a_call_returns() {
    if let Some(root) = std::env::var_os(ROOT) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        return runtime.block_on(traced(Path::new(&root)));
    }
    let root = tempfile::tempdir().unwrap();
    let trace = tempfile::NamedTempFile::new().unwrap();
    let output = Command::new("strace")
        // `-y` prints the path of each file descriptor, `-f` follows threads.
        .args(["-f", "-y", "-s", "64", "-e", &format!("trace={CALLS}"), "-o"])
        .arg(trace.path())
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", NAME, "--nocapture"])
        .env(ROOT, root.path())
        .output()
        .expect("strace is installed: `cargo xtask setup` does that");
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "strace must be allowed to trace: {complained}");
    let trace = fs::read_to_string(trace.path()).unwrap();
    check(&trace, &fs::canonicalize(root.path()).unwrap());
}

/// Stores a small body, a large one, both of them joined, a last one, and two that are small enough for a pack, and says so on standard
/// output, where the trace shows when.
async fn traced(root: &Path) {
    let blobs = FilesystemBlobs::open(root, "disk".parse().unwrap(), Options { min_free: 0 }).unwrap();
    let digest = Digest::of(Algorithm::Sha256, b"");
    say("opened");
    let mut parts = Vec::new();
    for (pieces, said) in [(1, "small part"), (20, "large part")] {
        let body = stream::iter((0..pieces).map(|_| Ok(Bytes::from(vec![7; 64 * 1024])))).boxed();
        parts.push(blobs.write_part(&UPLOAD, body).await.unwrap());
        say(said);
    }
    blobs.seal(&UPLOAD, &parts[..1], None, &digest).await.unwrap();
    say("one sealed");
    blobs.seal(&UPLOAD, &parts, None, &digest).await.unwrap();
    say("both sealed");
    for (pieces, said) in [(2, "last sealed"), (1, "first packed"), (1, "second packed")] {
        let body = stream::iter((0..pieces).map(|_| Ok(Bytes::from(vec![7; 64 * 1024])))).boxed();
        let last = blobs.write_last(&UPLOAD, body).await.unwrap();
        blobs.seal(&UPLOAD, &[], Some(last), &digest).await.unwrap();
        say(said);
    }
}

/// One write to standard output, whatever the test harness does with `println!`.
fn say(what: &str) {
    let mut out = std::io::stdout().lock();
    out.write_all(format!("<{what}>\n").as_bytes()).unwrap();
    out.flush().unwrap();
}

/// The events between two moments at which the traced test spoke.
struct Trace(Vec<Event>);

fn check(trace: &str, root: &Path) {
    let root = root.to_str().unwrap();
    let trace = Trace(calls(trace).iter().filter_map(|call| Event::read(call, root)).collect());
    parts(&trace);
    seals(&trace);
    last(&trace);
    packed(&trace);
}

fn parts(trace: &Trace) {
    // The first part makes its directory, whose name is on the disk before the part is promised.
    let small = trace.between("opened", "small part");
    let [Event::Dir(made), room, Event::Create(file), write, file_sync, dir_sync] = small else {
        panic!("a small part is a directory and one write: {small:?}");
    };
    assert_eq!((made.as_str(), room), ("parts/ab", &sync("parts")));
    assert_eq!((write, file_sync, dir_sync), (&Event::Write(file.clone()), &sync(file), &sync("parts/ab")));

    // However many writes a large body takes, the file is synced after the last, and the directory after the file.
    let large = trace.between("small part", "large part");
    let [Event::Create(file), writes @ .., file_sync, dir_sync] = large else {
        panic!("too little happened: {large:?}");
    };
    assert!(writes.len() >= 2 && writes.iter().all(|event| *event == Event::Write(file.clone())), "{large:?}");
    assert_eq!((file_sync, dir_sync), (&sync(file), &sync("parts/ab")));
}

fn seals(trace: &Trace) {
    let one = trace.between("large part", "one sealed");
    let [Event::Dir(made), room, Event::Link(sealed), dir_sync] = one else {
        panic!("a part is sealed by one link: {one:?}");
    };
    assert_eq!((made.as_str(), room, dir_sync), ("sha256/e3", &sync("sha256"), &sync("sha256/e3")));
    assert!(sealed.starts_with("sha256/e3/e3b0c442"), "{sealed}");

    let both = trace.between("one sealed", "both sealed");
    let [Event::Create(file), writes @ .., file_sync, Event::Move(sealed), dir_sync] = both else {
        panic!("parts are joined in a new file that is moved to its name: {both:?}");
    };
    assert!(writes.len() >= 2 && writes.iter().all(|event| *event == Event::Write(file.clone())), "{both:?}");
    assert_eq!((file_sync, dir_sync), (&sync(file), &sync("sha256/e3")));
    assert!(sealed.starts_with("sha256/e3/e3b0c442"), "{sealed}");
}

/// The bytes of one that comes whole are synced under their last name, and only then: one wait for the disk.
fn last(trace: &Trace) {
    let last = trace.between("both sealed", "last sealed");
    let [Event::Create(file), write, Event::Move(sealed), file_sync, dir_sync] = last else {
        panic!("a last part is written, moved and synced: {last:?}");
    };
    assert_eq!(write, &Event::Write(file.clone()));
    assert_eq!((file_sync, dir_sync), (&sync(sealed), &sync("sha256/e3")));
}

/// One that is small is appended to a pack and synced; the pack's name once, behind its first bytes.
fn packed(trace: &Trace) {
    let first = trace.between("last sealed", "first packed");
    let [Event::Create(pack), write, bytes, name] = first else {
        panic!("a pack is made with its first blob: {first:?}");
    };
    assert!(pack.starts_with("packs/"), "{pack}");
    assert_eq!((write, bytes, name), (&Event::Write(pack.clone()), &sync(pack), &sync("packs")));
    let second = trace.between("first packed", "second packed");
    assert_eq!(second, [Event::Write(pack.clone()), sync(pack)]);
}

fn sync(name: &str) -> Event {
    Event::Sync(name.to_owned())
}

impl Trace {
    fn between(&self, from: &str, to: &str) -> &[Event] {
        &self.0[self.at(from) + 1..self.at(to)]
    }

    fn at(&self, said: &str) -> usize {
        let event = Event::Said(said.to_owned());
        self.0.iter().position(|found| *found == event).unwrap_or_else(|| panic!("no {event:?} in {:#?}", self.0))
    }
}

/// What a call did below the root, by the path there.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Event {
    /// The traced test spoke: the call before has returned.
    Said(String),
    /// A directory was made.
    Dir(String),
    /// A file was made.
    Create(String),
    /// Bytes were appended.
    Write(String),
    /// A file or a directory was brought to the disk.
    Sync(String),
    /// A file got this second name.
    Link(String),
    /// A file got this name instead of its own.
    Move(String),
}

impl Event {
    /// Reads one call, as `name(arguments) = result`; none if it failed, or did nothing below the root.
    fn read(call: &str, root: &str) -> Option<Self> {
        let (name, rest) = call.split_once('(')?;
        let (arguments, result) = rest.rsplit_once(" = ")?;
        if result.starts_with('-') {
            return None;
        }
        // With `-y`, a directory and a name in it are printed as `3</blobs/parts/ab>, "name"`.
        let opened: Vec<&str> = arguments
            .split('<')
            .skip(1)
            .filter_map(|rest| Some(rest.split_once('>')?.0.strip_prefix(root)?.trim_matches('/')))
            .collect();
        let named = arguments.split('"').skip(1).step_by(2);
        let below =
            |n: usize| Some(format!("{}/{}", opened.get(n)?, named.clone().nth(n)?).trim_matches('/').to_owned());
        match name {
            "write" if arguments.contains("\"<") => {
                Some(Self::Said(arguments.split_once("\"<")?.1.split_once('>')?.0.to_owned()))
            }
            "openat" if arguments.contains("O_CREAT") => below(0).map(Self::Create),
            "mkdirat" => below(0).map(Self::Dir),
            "write" | "writev" | "pwrite64" | "pwritev" | "sendfile" => {
                Some(Self::Write((*opened.first()?).to_owned()))
            }
            "copy_file_range" => Some(Self::Write((*opened.get(1)?).to_owned())),
            "fsync" | "fdatasync" => Some(Self::Sync((*opened.first()?).to_owned())),
            "linkat" => below(1).map(Self::Link),
            "renameat" | "renameat2" => below(1).map(Self::Move),
            _ => None,
        }
    }
}

/// The calls of a trace in the order in which they ended, those that were interrupted put together again.
fn calls(trace: &str) -> Vec<String> {
    let mut begun: Vec<(&str, &str)> = Vec::new();
    let mut calls = Vec::new();
    for line in trace.lines() {
        let Some((thread, call)) = line.split_once(' ') else {
            continue;
        };
        let call = call.trim_start();
        if let Some(beginning) = call.strip_suffix("<unfinished ...>") {
            begun.push((thread, beginning.trim_end()));
        } else if let Some(resumed) = call.strip_prefix("<... ") {
            let end = resumed.split_once(" resumed>").map_or(resumed, |(_, end)| end);
            let index = begun.iter().position(|(of, _)| *of == thread).unwrap();
            calls.push(format!("{}{end}", begun.remove(index).1));
        } else {
            calls.push(call.to_owned());
        }
    }
    calls
}
