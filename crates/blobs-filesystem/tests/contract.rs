//! The promises of the port.
#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

use blobs_filesystem::{FilesystemBlobs, Options};
use manifest_contract::bytes::Fixture;
use manifest_core::ports::BlobStore;
use std::path::PathBuf;
use std::sync::Arc;

async fn fresh() -> Fixture {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().to_owned();
    // No disk has that much room, so this handle is always under its reserve; `tests/full_disk.rs` fills a real one.
    let full = open(path.clone(), u64::MAX).await;
    Fixture::new(open(path.clone(), 0).await).full(full).reopening(|| open(path, 0)).keeping(root)
}

async fn open(root: PathBuf, min_free: u64) -> Arc<dyn BlobStore> {
    let open = move || FilesystemBlobs::open(&root, "disk".parse().unwrap(), Options { min_free }).unwrap();
    Arc::new(tokio::task::spawn_blocking(open).await.unwrap())
}

manifest_contract::bytes!(fresh);
