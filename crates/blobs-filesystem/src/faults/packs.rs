//! What packs do when the disk fails, beyond the scenario in which each change does.

use super::{UPLOAD, body, content, end, open, read};
use crate::FilesystemBlobs;
use crate::double::{Double, Fault};
use futures_util::future::join_all;
use manifest_core::facts::Location;
use manifest_core::ports::{BlobStore as _, Part};
use manifest_core::{Port, PortErrorKind};
use oci_types::{Algorithm, Digest};
use rustix::io::Errno;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Opening an existing store makes five changes.
const AT_OPEN: u64 = 5;

/// A store that exists already, on a disk with a fault.
fn faulty(root: &Path, fault: Fault) -> (Arc<Double>, FilesystemBlobs) {
    drop(open(&Arc::new(Double::sound()), root, 0));
    let disk = Arc::new(Double { fault: Some(fault), ..Double::sound() });
    let blobs = open(&disk, root, 0);
    (disk, blobs)
}

/// Holds so many small last parts.
async fn held(blobs: &FilesystemBlobs, count: usize) -> Vec<(Part, Vec<u8>)> {
    let mut held = Vec::new();
    for number in 0..count {
        let bytes = content(number * 100);
        held.push((blobs.write_last(&UPLOAD, body(&bytes)).await.unwrap(), bytes));
    }
    held
}

/// Seals all of them at once. On a runtime of one thread all are waiting before the first is written.
async fn seal_all(blobs: &FilesystemBlobs, held: &[(Part, Vec<u8>)]) -> Vec<Port<Location>> {
    let seals = held.iter().map(|(part, bytes)| async {
        blobs.seal(&UPLOAD, &[], Some(part.clone()), &Digest::of(Algorithm::Sha256, bytes)).await
    });
    join_all(seals).await
}

#[tokio::test]
async fn those_that_wait_are_brought_to_the_disk_together() {
    let root = tempfile::tempdir().unwrap();
    let disk = Arc::new(Double::sound());
    let blobs = open(&disk, root.path(), 0);
    let held = held(&blobs, 60).await;
    let sealed = seal_all(&blobs, &held).await;
    let syncs = disk.byte_syncs.load(Ordering::SeqCst);
    // The first may go alone, and others while it is on its way.
    assert!(syncs < 30, "{syncs} syncs for 60 blobs");
    for (at, (_, bytes)) in sealed.iter().zip(&held) {
        assert_eq!(read(&blobs, at.as_ref().unwrap()).await.unwrap(), *bytes);
    }
}

#[tokio::test]
async fn a_group_fails_together_and_the_next_begins_another_pack() {
    // Made, locked, a hole tried, written, synced, named, and then for the second blob written and synced.
    for (errno, expected) in [(Errno::IO, PortErrorKind::Internal), (Errno::NOSPC, PortErrorKind::Full)] {
        for at in AT_OPEN..AT_OPEN + 8 {
            let root = tempfile::tempdir().unwrap();
            let (disk, blobs) = faulty(root.path(), Fault { at, errno, deadly: false });
            let (mut kept, mut failed) = (Vec::new(), 0);
            for size in [1, 10_000, 65_536, 0] {
                match end(&blobs, &[], &content(size), &content(size)).await {
                    Ok(at) => kept.push((at, content(size))),
                    Err(error) => {
                        assert_eq!(error.kind(), expected, "change {at}: {error}");
                        failed += 1;
                    }
                }
            }
            assert!(disk.failed() && failed == 1, "change {at}: {failed} failed");
            let listed: Vec<_> = blobs.list(None, 9).await.unwrap().items.into_iter().map(|one| one.location).collect();
            assert_eq!(listed.len(), 3, "change {at}: something is left of what failed");
            for (at, bytes) in &kept {
                assert!(listed.contains(at) && read(&blobs, at).await.unwrap() == *bytes, "{at}");
            }
            let packs = std::fs::read_dir(root.path().join("packs")).unwrap().count();
            let expected = if at < AT_OPEN + 6 { 1 } else { 2 };
            assert_eq!(packs, expected, "change {at}: nothing is appended to a pack whose sync failed");
        }
    }
}

#[tokio::test]
async fn a_sync_that_fails_is_told_to_all_that_waited_for_it() {
    let root = tempfile::tempdir().unwrap();
    let (_, blobs) = faulty(root.path(), Fault { at: AT_OPEN + 9, errno: Errno::IO, deadly: true });
    for size in [1, 2] {
        end(&blobs, &[], &content(size), &content(size)).await.unwrap();
    }
    let held = held(&blobs, 60).await;
    assert!(seal_all(&blobs, &held).await.iter().all(Result::is_err));
    let after = open(&Arc::new(Double::sound()), root.path(), 0);
    let small: Vec<_> = after.list(None, 9).await.unwrap().items.into_iter().filter(|one| one.size > 0).collect();
    assert_eq!(small.iter().map(|one| one.size).collect::<Vec<_>>()[..2], [1, 2], "what was promised before is there");
}

#[tokio::test]
async fn where_packs_cannot_be_small_blobs_are_files() {
    let (cannot, none) = (Some(Errno::OPNOTSUPP), None);
    for (no_holes, no_locks) in [(cannot, none), (Some(Errno::NOSYS), none), (none, cannot), (none, Some(Errno::NOLCK))]
    {
        let root = tempfile::tempdir().unwrap();
        let disk = Arc::new(Double { no_holes, no_locks, ..Double::sound() });
        let blobs = open(&disk, root.path(), 0);
        // The first two are held when that is found out, and the third is not any more.
        let held = held(&blobs, 2).await;
        let mut sealed = seal_all(&blobs, &held).await;
        sealed.push(end(&blobs, &[], b"third", b"third").await);
        for (at, bytes) in sealed.into_iter().zip([&held[0].1[..], &held[1].1, b"third"]) {
            let at = at.unwrap();
            assert!(at.key.starts_with("sha256/"), "{at}");
            assert_eq!(read(&blobs, &at).await.unwrap(), bytes);
        }
        assert_eq!(blobs.list(None, 9).await.unwrap().items.len(), 3);
        assert_eq!(std::fs::read_dir(root.path().join("packs")).unwrap().count(), 0);
    }
}

#[tokio::test]
async fn the_reserve_is_kept_by_packs_too() {
    const RESERVE: u64 = 1 << 30;
    let root = tempfile::tempdir().unwrap();
    let disk = Arc::new(Double { free: Some(AtomicU64::new(RESERVE + 100_000)), ..Double::sound() });
    let blobs = open(&disk, root.path(), RESERVE);
    let free = disk.free.as_ref().unwrap();
    let first = end(&blobs, &[], &content(60_000), &content(60_000)).await.unwrap();
    assert!(free.load(Ordering::SeqCst) >= RESERVE);
    assert_eq!(end(&blobs, &[], &content(60_000), &content(60_000)).await.unwrap_err().kind(), PortErrorKind::Full);
    // A smaller one fits.
    let second = end(&blobs, &[], b"small", b"small").await.unwrap();
    free.store(RESERVE - 1, Ordering::SeqCst);
    assert_eq!(end(&blobs, &[], b"", b"").await.unwrap_err().kind(), PortErrorKind::Full);
    // Of several that wait together, those are taken for which there is room.
    free.store(RESERVE + 3 * 4096, Ordering::SeqCst);
    let held = held(&blobs, 10).await;
    let sealed = seal_all(&blobs, &held).await;
    assert!((1..=3).contains(&sealed.iter().flatten().count()), "{sealed:?}");
    assert!(free.load(Ordering::SeqCst) >= RESERVE);
    assert_eq!(read(&blobs, &first).await.unwrap(), content(60_000));
    blobs.delete(&first).await.unwrap();
    assert_eq!(read(&blobs, &second).await.unwrap(), b"small");
}

#[tokio::test]
async fn what_cannot_be_driven_out_of_memory_keeps_the_next_one_out() {
    let root = tempfile::tempdir().unwrap();
    let disk = Arc::new(Double { free: Some(AtomicU64::new(1 << 30)), ..Double::sound() });
    let blobs = open(&disk, root.path(), 1 << 20);
    let held = held(&blobs, 64).await;
    disk.free.as_ref().unwrap().store(0, Ordering::SeqCst);
    assert!(blobs.write_last(&UPLOAD, body(b"one too many")).await.is_err());
    assert_eq!(blobs.list(None, 100).await.unwrap().items.len(), 64);
    disk.free.as_ref().unwrap().store(1 << 30, Ordering::SeqCst);
    let last = blobs.write_last(&UPLOAD, body(b"one more")).await.unwrap();
    assert_eq!(read(&blobs, &last.location).await.unwrap(), b"one more");
    for (part, bytes) in held {
        assert_eq!(read(&blobs, &part.location).await.unwrap(), bytes);
    }
}
