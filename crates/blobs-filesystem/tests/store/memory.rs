use super::{MIB, Store, body, content, sha256};
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use manifest_core::ports::{BlobStore as _, UploadId};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const UPLOAD: UploadId = UploadId::from_bits(4);

/// Counts the bytes of pieces that are alive, and the most there ever were.
#[derive(Default)]
struct Count {
    alive: AtomicUsize,
    most: AtomicUsize,
}

struct Counted {
    bytes: Vec<u8>,
    count: Arc<Count>,
}

impl Counted {
    fn piece(len: usize, count: &Arc<Count>) -> Bytes {
        let alive = count.alive.fetch_add(len, Ordering::SeqCst) + len;
        count.most.fetch_max(alive, Ordering::SeqCst);
        Bytes::from_owner(Self { bytes: content(len), count: Arc::clone(count) })
    }
}

impl AsRef<[u8]> for Counted {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.count.alive.fetch_sub(self.bytes.len(), Ordering::SeqCst);
    }
}

#[tokio::test]
async fn a_large_body_is_written_and_read_in_constant_memory() {
    const PIECE: usize = 64 * 1024;
    let store = Store::new();
    let count = Arc::new(Count::default());
    let source = Arc::clone(&count);
    let pieces = stream::iter(0..64 * MIB / PIECE).map(move |_| Ok(Counted::piece(PIECE, &source)));
    let part = store.blobs.write_part(&UPLOAD, pieces.boxed()).await.unwrap();
    assert_eq!(part.size, 64 * MIB as u64);
    assert_eq!(count.alive.load(Ordering::SeqCst), 0);
    // A batch that is written, one that is gathered, and the piece that comes in.
    let most = count.most.load(Ordering::SeqCst);
    assert!(most <= MIB + PIECE, "{most} bytes were held at once");

    let expected = content(PIECE);
    let mut pieces = store.blobs.read(&part.location, None).await.unwrap();
    let mut total = 0;
    while let Some(piece) = pieces.next().await {
        let piece = piece.unwrap();
        assert!(piece.len() <= 256 * 1024);
        assert!(piece.chunks(PIECE).all(|chunk| chunk == expected));
        total += piece.len();
    }
    assert_eq!(total, 64 * MIB);
}

#[tokio::test]
async fn a_body_of_tiny_pieces_is_written_whole() {
    let store = Store::new();
    let bytes = content(MIB + 3);
    let tiny: Vec<Bytes> = bytes.chunks(1).map(Bytes::copy_from_slice).collect();
    let part = store.blobs.write_part(&UPLOAD, body(tiny)).await.unwrap();
    let sealed = store.blobs.seal(&UPLOAD, &[part], None, &sha256(&bytes)).await.unwrap();
    assert!(store.read(&sealed).await.unwrap() == bytes);
}

#[tokio::test]
async fn a_body_of_no_bytes_is_an_empty_part() {
    let store = Store::new();
    for pieces in [vec![], vec![Bytes::new()]] {
        let part = store.blobs.write_part(&UPLOAD, body(pieces)).await.unwrap();
        assert_eq!(part.size, 0);
        assert!(store.read(&part.location).await.unwrap().is_empty());
    }
}
