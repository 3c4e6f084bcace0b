//! What the store does beyond the promises of the port, which `tests/contract.rs` checks.
#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod dropped;
mod hostile;
mod lists;
mod memory;
mod opening;
mod packs;
mod reads;
mod seals;

use blobs_filesystem::{FilesystemBlobs, Options};
use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use manifest_core::facts::Location;
use manifest_core::ports::{BlobStore, BodyError, BodyStream, Part, UploadId};
use manifest_core::{Port, PortErrorKind};
use oci_types::{Algorithm, Digest};
use std::path::Path;
use tempfile::TempDir;

const MIB: usize = 1024 * 1024;

/// A store in a directory that goes with the test.
struct Store {
    root: TempDir,
    blobs: FilesystemBlobs,
}

impl Store {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let blobs = open(root.path());
        Self { root, blobs }
    }

    async fn part(&self, upload: u128, content: &[u8]) -> Part {
        let body = body(content.chunks(70_000).map(Bytes::copy_from_slice));
        self.blobs.write_part(&UploadId::from_bits(upload), body).await.unwrap()
    }

    async fn sealed(&self, upload: u128, content: &[u8]) -> Location {
        let part = self.part(upload, content).await;
        self.blobs.seal(&UploadId::from_bits(upload), &[part], None, &sha256(content)).await.unwrap()
    }

    async fn read(&self, at: &Location) -> Port<Vec<u8>> {
        collect(&self.blobs, at, None).await
    }

    async fn keys(&self) -> Vec<String> {
        let page = self.blobs.list(None, u32::MAX).await.unwrap();
        assert!(!page.more);
        page.items.into_iter().map(|stored| stored.location.key).collect()
    }

    fn path(&self, at: &Location) -> std::path::PathBuf {
        self.root.path().join(&at.key)
    }
}

fn open(root: &Path) -> FilesystemBlobs {
    FilesystemBlobs::open(root, "disk".parse().unwrap(), Options { min_free: 0 }).unwrap()
}

fn body(pieces: impl IntoIterator<Item = Bytes>) -> BodyStream {
    stream::iter(pieces.into_iter().map(Ok::<_, BodyError>).collect::<Vec<_>>()).boxed()
}

async fn collect(blobs: &FilesystemBlobs, at: &Location, range: Option<std::ops::Range<u64>>) -> Port<Vec<u8>> {
    let pieces: Vec<Bytes> = blobs.read(at, range).await?.try_collect().await?;
    Ok(pieces.concat())
}

fn sha256(content: &[u8]) -> Digest {
    Digest::of(Algorithm::Sha256, content)
}

/// Bytes of which no two windows are alike for long.
fn content(len: usize) -> Vec<u8> {
    (0..len).map(|n| (n.wrapping_mul(31) >> (n % 13)).to_le_bytes()[0]).collect()
}

fn location(key: &str) -> Location {
    Location { store: "disk".parse().unwrap(), key: key.to_owned() }
}

fn kind<T>(result: Port<T>) -> PortErrorKind {
    match result {
        Ok(_) => panic!("an error was expected"),
        Err(error) => error.kind(),
    }
}

/// Every file below a directory, as paths relative to it.
fn files(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![root.to_owned()];
    while let Some(dir) = open.pop() {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                found.push(path.strip_prefix(root).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}
