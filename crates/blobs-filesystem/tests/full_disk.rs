//! A disk that is really full: the kernel refuses to write, in the middle of a body, of a join and of a pack.
//!
//! The test runs itself again, once with a limit on the size of files, which needs no rights, and once on a filesystem of 4 MiB
//! of its own, which needs the right to mount one (root, or a user namespace). Where the kernel does not grant that, the first
//! stands for both, and the test says so.
#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

use blobs_filesystem::{FilesystemBlobs, Options};
use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use manifest_core::facts::Location;
use manifest_core::ports::{BlobStore as _, Part, UploadId, WriteError};
use manifest_core::{Port, PortErrorKind};
use oci_types::{Algorithm, Digest};
use std::path::Path;
use std::process::Command;

const NAME: &str = "a_full_disk_refuses_writes_and_tears_nothing";
const ROOT: &str = "BLOBS_FILESYSTEM_FULL_ROOT";
const UPLOAD: UploadId = UploadId::from_bits(1);
const KIB: usize = 1024;

#[test]
fn a_full_disk_refuses_writes_and_tears_nothing() {
    if let Some(root) = std::env::var_os(ROOT) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        return runtime.block_on(on_a_small_disk(Path::new(&root)));
    }
    // Without the trap, the signal of the limit would kill the process before it sees the error.
    run_again(&["sh", "-c", r#"trap '' XFSZ; exec prlimit --fsize=2097152 -- "$@""#, "sh"]);

    let namespace: &[&str] = if may_mount(&["unshare", "--mount"]) {
        &["unshare", "--mount"]
    } else {
        &["unshare", "--mount", "--map-root-user"]
    };
    if may_mount(namespace) {
        let script = format!(r#"mount -t tmpfs -o size=4m none "${ROOT}" && exec "$@""#);
        run_again(&[namespace, &["sh", "-c", &script, "sh"]].concat());
    } else {
        println!("this process may not mount a filesystem: only the limit on the size of files was tested");
    }
}

/// Runs this test behind a prefix that makes its disk small.
fn run_again(prefix: &[&str]) {
    let root = tempfile::tempdir().unwrap();
    let output = Command::new(prefix[0])
        .args(&prefix[1..])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", NAME, "--nocapture"])
        .env(ROOT, root.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("1 passed"), "{prefix:?}: {said}\n{complained}");
}

fn may_mount(namespace: &[&str]) -> bool {
    let dir = tempfile::tempdir().unwrap();
    let tried = Command::new(namespace[0])
        .args(&namespace[1..])
        .args(["mount", "-t", "tmpfs", "none"])
        .arg(dir.path())
        .output();
    tried.is_ok_and(|output| output.status.success())
}

/// Neither a file of 16 MiB fits, nor two of 1.25 MiB and a copy of both.
async fn on_a_small_disk(root: &Path) {
    let blobs = FilesystemBlobs::open(root, "disk".parse().unwrap(), Options { min_free: 0 }).unwrap();
    let kept = write(&blobs, 16 * KIB).await.unwrap();
    let kept = blobs.seal(&UPLOAD, &[kept], None, &digest()).await.unwrap();

    let error = write(&blobs, 16 * KIB * KIB).await.unwrap_err();
    assert!(matches!(&error, WriteError::Store(error) if error.kind() == PortErrorKind::Full), "{error:?}");
    let mut parts = Vec::new();
    for _ in 0..2 {
        parts.push(write(&blobs, 1280 * KIB).await.unwrap());
    }
    let error = blobs.seal(&UPLOAD, &parts, None, &digest()).await.unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::Full, "{error:?}");

    // What was written before is all that is there; it can be read and removed, and then there is room again.
    assert_eq!(blobs.list(None, 9).await.unwrap().items.len(), 2 + 2);
    for part in parts {
        blobs.delete(&part.location).await.unwrap();
    }
    let pieces: Vec<Bytes> = blobs.read(&kept, None).await.unwrap().try_collect().await.unwrap();
    assert_eq!(pieces.concat(), vec![7; 16 * KIB]);
    let part = write(&blobs, 1280 * KIB).await.unwrap();
    blobs.delete(&part.location).await.unwrap();
    packs(&blobs).await;
}

/// Small blobs until no more fits, twice: the holes of those that were deleted are room.
async fn packs(blobs: &FilesystemBlobs) {
    let others = blobs.list(None, 9).await.unwrap().items.len();
    for _ in 0..2 {
        let mut kept = Vec::new();
        let error = loop {
            match end(blobs).await {
                Ok(at) => kept.push(at),
                Err(error) => break error,
            }
            assert!(kept.len() < 100, "100 blobs of 60 KiB do not fit");
        };
        assert_eq!(error.kind(), PortErrorKind::Full, "{error:?}");
        assert!(kept.len() > 10, "{}", kept.len());
        assert_eq!(blobs.list(None, 200).await.unwrap().items.len(), others + kept.len());
        for at in kept {
            let pieces: Vec<Bytes> = blobs.read(&at, None).await.unwrap().try_collect().await.unwrap();
            assert_eq!(pieces.concat(), vec![7; 60 * KIB]);
            blobs.delete(&at).await.unwrap();
        }
        assert_eq!(blobs.list(None, 200).await.unwrap().items.len(), others);
    }
}

async fn end(blobs: &FilesystemBlobs) -> Port<Location> {
    let body = stream::iter([Ok(Bytes::from(vec![7; 60 * KIB]))]).boxed();
    let last = blobs.write_last(&UPLOAD, body).await.unwrap();
    blobs.seal(&UPLOAD, &[], Some(last), &digest()).await
}

async fn write(blobs: &FilesystemBlobs, len: usize) -> Result<Part, WriteError> {
    let piece = Bytes::from(vec![7; 16 * KIB]);
    let pieces = stream::iter((0..len / piece.len()).map(move |_| Ok(piece.clone())));
    blobs.write_part(&UPLOAD, pieces.boxed()).await
}

fn digest() -> Digest {
    Digest::of(Algorithm::Sha256, b"whatever")
}
