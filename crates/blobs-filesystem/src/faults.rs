//! What a store does when its disk fails, on the double.

mod packs;

use crate::double::{Double, Fault};
use crate::{FilesystemBlobs, OpenError, Options};
use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use manifest_core::facts::Location;
use manifest_core::ports::{BlobStore, BodyStream, Part, UploadId, WriteError};
use manifest_core::{Port, PortErrorKind};
use oci_types::{Algorithm, Digest};
use rustix::io::Errno;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const UPLOAD: UploadId = UploadId::from_bits(0xabcd);
const MIB: usize = 1024 * 1024;

fn open(disk: &Arc<Double>, root: &Path, min_free: u64) -> FilesystemBlobs {
    FilesystemBlobs::open_on(Arc::clone(disk) as _, root, "disk".parse().unwrap(), Options { min_free }).unwrap()
}

fn content(len: usize) -> Vec<u8> {
    (0..len).map(|n| u8::try_from(n % 251).unwrap()).collect()
}

fn body(content: &[u8]) -> BodyStream {
    let pieces: Vec<_> = content.chunks(100_000).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
    stream::iter(pieces).boxed()
}

async fn write(blobs: &FilesystemBlobs, content: &[u8]) -> Port<Part> {
    blobs.write_part(&UPLOAD, body(content)).await.map_err(|error| match error {
        WriteError::Store(error) => error,
        WriteError::Body(error) => panic!("{error}"),
    })
}

async fn seal(blobs: &FilesystemBlobs, parts: &[Part], content: &[u8]) -> Port<Location> {
    blobs.seal(&UPLOAD, parts, None, &Digest::of(Algorithm::Sha256, content)).await
}

/// Ends a blob with a last part as an upload does: what cannot be sealed is deleted.
async fn end(blobs: &FilesystemBlobs, parts: &[Part], last: &[u8], whole: &[u8]) -> Port<Location> {
    let last = blobs.write_last(&UPLOAD, body(last)).await.map_err(|error| match error {
        WriteError::Store(error) => error,
        WriteError::Body(error) => panic!("{error}"),
    })?;
    let sealed = blobs.seal(&UPLOAD, parts, Some(last.clone()), &Digest::of(Algorithm::Sha256, whole)).await;
    if sealed.is_err() {
        // On a disk that has died, it is left to the sweep.
        let _ = blobs.delete(&last.location).await;
    }
    sealed
}

async fn read(blobs: &FilesystemBlobs, at: &Location) -> Port<Vec<u8>> {
    let pieces: Vec<Bytes> = blobs.read(at, None).await?.try_collect().await?;
    Ok(pieces.concat())
}

/// Two parts, one of them sealed alone, then both, then a last part alone, and one behind another; then small ones, of which the first
/// begins a pack, and goes in the end. What was promised on the way.
async fn scenario(blobs: &FilesystemBlobs) -> (Vec<(Location, Vec<u8>)>, Option<PortErrorKind>) {
    let mut promised = Vec::new();
    let error = async {
        let (large, small) = (content(MIB + 77_777), content(100));
        let first = write(blobs, &large).await?;
        promised.push((first.location.clone(), large.clone()));
        let second = write(blobs, &small).await?;
        promised.push((second.location.clone(), small.clone()));
        promised.push((seal(blobs, std::slice::from_ref(&first), &large).await?, large.clone()));
        let both = [large, small].concat();
        promised.push((seal(blobs, &[first.clone(), second], &both).await?, both));
        let last = content(MIB + 33_333);
        promised.push((end(blobs, &[], &last, &last).await?, last));
        let both = [content(MIB + 77_777), content(7)].concat();
        promised.push((end(blobs, &[first], &content(7), &both).await?, both));
        let going = promised.len();
        for size in [10_000, 0, 65_536] {
            promised.push((end(blobs, &[], &content(size), &content(size)).await?, content(size)));
        }
        blobs.delete(&promised[going].0).await?;
        promised.remove(going);
        Port::Ok(())
    };
    let kind = error.await.err().map(|error| error.kind());
    (promised, kind)
}

/// Fails each change in turn. Returns how many there are.
async fn each_change_fails(errno: Errno, deadly: bool) -> u64 {
    for at in 0.. {
        let root = tempfile::tempdir().unwrap();
        drop(open(&Arc::new(Double::sound()), root.path(), 0));
        // Opening an existing store makes five changes, which are not this test's.
        let at_open = 5;
        let disk = Arc::new(Double { fault: Some(Fault { at: at + at_open, errno, deadly }), ..Double::sound() });
        let (promised, kind) = scenario(&open(&disk, root.path(), 0)).await;

        let after = open(&Arc::new(Double::sound()), root.path(), 0);
        let mut listed = Vec::new();
        for stored in after.list(None, 100).await.unwrap().items {
            let bytes = match read(&after, &stored.location).await {
                // The header of an entry without all of its bytes, of which nobody was told.
                Err(error) if deadly && error.kind() == PortErrorKind::Corrupt => Vec::new(),
                bytes => bytes.unwrap(),
            };
            if let Some(digest) = stored.location.key.parse::<crate::Key>().unwrap().digest() {
                assert_eq!(digest, Digest::of(Algorithm::Sha256, &bytes), "change {at}: a torn sealed blob");
            }
            listed.push((stored.location, bytes));
        }
        for one in &promised {
            assert!(listed.contains(one), "change {at}: {} was promised and is gone", one.0);
        }
        if !disk.failed() {
            assert_eq!((promised.len(), kind), (8, None));
            return at;
        }
        if deadly {
            // Whatever else is there lies under the upload's id, where the sweep finds it.
            assert!(listed.iter().all(|(at, _)| at.key.contains(&UPLOAD.to_string())));
        } else {
            assert_eq!(listed.len(), promised.len(), "change {at}: something is left of what failed");
        }
        let expected = if errno == Errno::NOSPC { PortErrorKind::Full } else { PortErrorKind::Internal };
        assert_eq!(kind, Some(expected), "change {at}");
    }
    unreachable!("the scenario has an end")
}

#[tokio::test]
async fn a_full_disk_at_any_change_leaves_nothing_behind() {
    // Part of a few batches, part of one, link, join, and packs: fewer would mean that some change is not made on the double.
    assert!(each_change_fails(Errno::NOSPC, false).await >= 40);
}

#[tokio::test]
async fn a_broken_disk_at_any_change_leaves_nothing_behind() {
    each_change_fails(Errno::IO, false).await;
}

#[tokio::test]
async fn a_crash_at_any_change_keeps_every_promise_and_tears_no_blob() {
    each_change_fails(Errno::IO, true).await;
}

#[tokio::test]
async fn a_disk_that_breaks_behind_a_large_body_is_noticed() {
    // The first sync of what was written begins behind 64 batches, while others are written; the last is the file's own.
    for at in 66..=74 {
        let root = tempfile::tempdir().unwrap();
        let fault = Fault { at, errno: Errno::IO, deadly: false };
        let disk = Arc::new(Double { fault: Some(fault), ..Double::sound() });
        let piece = Bytes::from(content(MIB / 2));
        let large = stream::iter((0..68).map(move |_| Ok(piece.clone()))).boxed();
        let blobs = open(&disk, root.path(), 0);
        let written = blobs.write_part(&UPLOAD, large).await;
        assert!(disk.failed() && matches!(&written, Err(WriteError::Store(_))), "change {at}: {written:?}");
        assert!(blobs.list(None, 1).await.unwrap().items.is_empty(), "change {at}");
    }
}

#[tokio::test]
async fn without_hard_links_a_part_is_copied() {
    for errno in [Errno::PERM, Errno::OPNOTSUPP, Errno::XDEV, Errno::MLINK] {
        let root = tempfile::tempdir().unwrap();
        let disk = Arc::new(Double { no_links: Some(errno), ..Double::sound() });
        let blobs = open(&disk, root.path(), 0);
        let part = write(&blobs, b"bytes").await.unwrap();
        let sealed = seal(&blobs, std::slice::from_ref(&part), b"bytes").await.unwrap();
        blobs.delete(&part.location).await.unwrap();
        assert_eq!(read(&blobs, &sealed).await.unwrap(), b"bytes", "{errno:?}");
        assert_eq!(blobs.list(None, 10).await.unwrap().items.len(), 1, "{errno:?}");
        assert_eq!(open(&disk, root.path(), 0).store_id(), blobs.store_id(), "{errno:?}");
    }
}

#[tokio::test]
async fn the_reserve_is_kept_while_a_body_comes_in() {
    const RESERVE: u64 = 1000 * MIB as u64;
    let root = tempfile::tempdir().unwrap();
    let free = AtomicU64::new(RESERVE + 20 * MIB as u64);
    let disk = Arc::new(Double { free: Some(free), ..Double::sound() });
    let blobs = open(&disk, root.path(), RESERVE);
    let free = disk.free.as_ref().unwrap();
    let piece = Bytes::from(content(MIB));
    let endless = stream::iter((0..1000).map(move |_| Ok(piece.clone()))).boxed();
    let error = blobs.write_part(&UPLOAD, endless).await.unwrap_err();
    assert!(matches!(&error, WriteError::Store(error) if error.kind() == PortErrorKind::Full), "{error:?}");
    assert!(blobs.list(None, 1).await.unwrap().items.is_empty());
    assert!(free.load(Ordering::SeqCst) >= RESERVE);

    // Under the reserve nothing is written at all, joins neither; what costs no bytes, reads and deletes go on.
    free.store(RESERVE + 2 * MIB as u64, Ordering::SeqCst);
    let parts = [write(&blobs, &content(MIB)).await.unwrap(), write(&blobs, b"x").await.unwrap()];
    assert_eq!(write(&blobs, &content(MIB)).await.unwrap_err().kind(), PortErrorKind::Full);
    assert_eq!(seal(&blobs, &parts, b"both").await.unwrap_err().kind(), PortErrorKind::Full);
    let sealed = seal(&blobs, &parts[..1], &content(MIB)).await.unwrap();
    assert_eq!(read(&blobs, &sealed).await.unwrap(), content(MIB));
    blobs.delete(&sealed).await.unwrap();
    assert_eq!(blobs.list(None, 10).await.unwrap().items.len(), 2);
    free.store(RESERVE, Ordering::SeqCst);
    assert_eq!(write(&blobs, b"").await.unwrap().size, 0);
    free.store(RESERVE - 1, Ordering::SeqCst);
    assert_eq!(write(&blobs, b"").await.unwrap_err().kind(), PortErrorKind::Full);
    let capacity = blobs.capacity().await.unwrap();
    assert_eq!((capacity.free, capacity.writable), (Some(0), false));
}

#[tokio::test]
async fn a_reader_that_rests_reads_nothing_ahead() {
    let root = tempfile::tempdir().unwrap();
    let disk = Arc::new(Double::sound());
    let blobs = open(&disk, root.path(), 0);
    let part = write(&blobs, &content(4 * MIB)).await.unwrap();
    let mut pieces = blobs.read(&part.location, None).await.unwrap();
    let mut taken = 0;
    while let Some(piece) = pieces.next().await {
        assert!(piece.unwrap().len() <= 256 * 1024);
        taken += 1;
        let reads = disk.reads.load(Ordering::SeqCst);
        assert!(reads <= taken, "{reads} pieces were read when {taken} were taken");
    }
    assert_eq!(taken, 16);
}

#[test]
fn rooms_on_other_filesystems_are_refused() {
    let root = tempfile::tempdir().unwrap();
    let disk = Double { mounted: Some(("sha256", "/proc/self".into())), ..Double::sound() };
    let opened = FilesystemBlobs::open_on(Arc::new(disk), root.path(), "disk".parse().unwrap(), Options::default());
    assert!(matches!(opened, Err(OpenError::OtherFilesystem { path, .. }) if path == root.path().join("sha256")));
}
