use super::{MIB, Store, collect, content, kind, location};
use futures_util::StreamExt as _;
use manifest_core::PortErrorKind;
use manifest_core::ports::{BlobStore as _, ByteStream};
use std::ops::Range;

#[tokio::test]
async fn ranges() {
    let store = Store::new();
    // Longer than two pieces, and no multiple of one.
    let bytes = content(600_001);
    let at = store.sealed(1, &bytes).await;
    let check = async |range: Range<usize>| {
        let wide = range.start as u64..range.end as u64;
        let found = collect(&store.blobs, &at, Some(wide)).await.unwrap();
        assert!(found == bytes[range.clone()], "{range:?}");
    };
    check(0..0).await;
    check(0..1).await;
    check(5..5).await;
    check(600_001..600_001).await;
    check(600_000..600_001).await;
    check(0..600_001).await;
    check(1..262_145).await;
    check(1..262_146).await;
    check(262_143..524_289).await;
    check(300_000..600_000).await;
    assert!(store.read(&at).await.unwrap() == bytes);
    let refused = async |range| kind(collect(&store.blobs, &at, Some(range)).await);
    assert_eq!(refused(0..600_002).await, PortErrorKind::Corrupt);
    assert_eq!(refused(600_002..600_002).await, PortErrorKind::Corrupt);
    assert_eq!(refused(0..u64::MAX).await, PortErrorKind::Corrupt);
    let backwards = Range { start: 2, end: 1 };
    assert_eq!(refused(backwards).await, PortErrorKind::Internal);
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let store = Store::new();
    let at = store.sealed(1, b"gone").await;
    store.blobs.delete(&at).await.unwrap();
    assert_eq!(kind(store.read(&at).await), PortErrorKind::NotFound);
    store.blobs.delete(&at).await.unwrap();
    // Nor is a directory made to look into it.
    let elsewhere = location("parts/07/00000000-0000-0000-0000-000000000007.0000000000000000");
    assert_eq!(kind(store.read(&elsewhere).await), PortErrorKind::NotFound);
    store.blobs.delete(&elsewhere).await.unwrap();
    assert!(!store.root.path().join("parts/07").exists());
}

#[tokio::test]
async fn a_file_that_shrinks_while_it_is_read_is_corrupt() {
    let store = Store::new();
    let at = store.sealed(1, &content(4 * MIB)).await;
    let mut pieces = store.blobs.read(&at, None).await.unwrap();
    pieces.next().await.unwrap().unwrap();
    std::fs::File::options().write(true).open(store.path(&at)).unwrap().set_len(MIB as u64).unwrap();
    let error = last_error(pieces).await;
    assert_eq!(error.kind(), PortErrorKind::Corrupt, "{error}");
    assert!(error.to_string().contains(&at.key), "{error}");
    assert_eq!(kind(collect(&store.blobs, &at, Some(0..MIB as u64 + 1)).await), PortErrorKind::Corrupt);
}

/// The error on which a stream must end.
async fn last_error(mut pieces: ByteStream) -> manifest_core::PortError {
    loop {
        if let Err(error) = pieces.next().await.unwrap() {
            assert!(pieces.next().await.is_none(), "nothing follows an error");
            return error;
        }
    }
}

#[tokio::test]
async fn what_is_being_read_may_be_deleted() {
    let store = Store::new();
    let bytes = content(2 * MIB);
    let at = store.sealed(1, &bytes).await;
    let mut pieces = store.blobs.read(&at, None).await.unwrap();
    let mut found = pieces.next().await.unwrap().unwrap().to_vec();
    store.blobs.delete(&at).await.unwrap();
    while let Some(piece) = pieces.next().await {
        found.extend_from_slice(&piece.unwrap());
    }
    assert!(found == bytes);
}
