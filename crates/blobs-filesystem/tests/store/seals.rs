use super::{MIB, Store, content, kind, location, sha256};
use futures_util::future::join_all;
use manifest_core::PortErrorKind;
use manifest_core::ports::{BlobStore as _, Part, UploadId};
use oci_types::{Algorithm, Digest};
use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt as _;

const UPLOAD: UploadId = UploadId::from_bits(3);

#[tokio::test]
async fn parts_are_joined_in_order() {
    let store = Store::new();
    let bytes = content(2 * MIB + 5);
    for cuts in [&[][..], &[0], &[1], &[5, 5, 700_000], &[0, 2 * MIB + 5]] {
        let mut parts = Vec::new();
        let mut start = 0;
        for &cut in cuts.iter().chain([&bytes.len()]) {
            parts.push(store.part(3, &bytes[start..cut]).await);
            start = cut;
        }
        let sealed = store.blobs.seal(&UPLOAD, &parts, None, &sha256(&bytes)).await.unwrap();
        assert!(store.read(&sealed).await.unwrap() == bytes, "{cuts:?}");
        // One part with bytes in it is linked, not copied.
        let names = std::fs::metadata(store.path(&sealed)).unwrap().nlink();
        let filled = parts.iter().filter(|part| part.size > 0).count();
        assert_eq!(names, if filled == 1 { 2 } else { 1 }, "{cuts:?}");
        for part in parts {
            store.blobs.delete(&part.location).await.unwrap();
        }
        assert!(store.read(&sealed).await.unwrap() == bytes, "{cuts:?}");
    }
    assert!(store.keys().await.iter().all(|key| key.starts_with("sha256/")), "a temporary file was left");
}

#[tokio::test]
async fn no_part_is_the_empty_blob() {
    let store = Store::new();
    let digest = Digest::of(Algorithm::Sha512, b"");
    let sealed = store.blobs.seal(&UPLOAD, &[], None, &digest).await.unwrap();
    assert!(sealed.key.starts_with("sha512/cf/cf83e135"), "{sealed}");
    assert!(sealed.key.contains(&UPLOAD.to_string()));
    assert!(store.read(&sealed).await.unwrap().is_empty());
    assert_eq!(store.keys().await, [sealed.key]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_seals_of_one_part_are_many_locations() {
    let store = Store::new();
    let part = store.part(3, b"shared").await;
    let seals = (0..64).map(|_| {
        let (blobs, part) = (store.blobs.clone(), part.clone());
        tokio::spawn(async move { blobs.seal(&UPLOAD, &[part], None, &sha256(b"shared")).await.unwrap() })
    });
    let sealed: Vec<_> = join_all(seals).await.into_iter().map(Result::unwrap).collect();
    let keys: BTreeSet<_> = sealed.iter().map(|at| at.key.clone()).collect();
    assert_eq!(keys.len(), 64);
    store.blobs.delete(&part.location).await.unwrap();
    for at in &sealed {
        assert_eq!(store.read(at).await.unwrap(), b"shared");
    }
    store.blobs.delete(&sealed[0]).await.unwrap();
    assert_eq!(store.read(&sealed[1]).await.unwrap(), b"shared");
}

#[tokio::test]
async fn parts_that_are_not_what_the_upload_says_are_refused() {
    let store = Store::new();
    let good = store.part(3, b"good").await;
    let sealed = store.blobs.seal(&UPLOAD, std::slice::from_ref(&good), None, &sha256(b"good")).await.unwrap();
    let longer = Part { size: 5, ..good.clone() };
    let shorter = Part { size: 3, ..good.clone() };
    let missing =
        Part { location: location("parts/07/00000000-0000-0000-0000-000000000007.0000000000000000"), size: 1 };
    let foreign = Part { location: location("../../etc/passwd"), size: 1 };
    let no_part = Part { location: sealed, size: 4 };
    let before = store.keys().await;
    let check = async |part: Part, expected: PortErrorKind| {
        for parts in [vec![part.clone()], vec![good.clone(), part.clone()]] {
            assert_eq!(kind(store.blobs.seal(&UPLOAD, &parts, None, &sha256(b"x")).await), expected, "{parts:?}");
        }
    };
    check(longer, PortErrorKind::Corrupt).await;
    check(shorter, PortErrorKind::Corrupt).await;
    check(missing, PortErrorKind::NotFound).await;
    check(foreign, PortErrorKind::Corrupt).await;
    check(no_part, PortErrorKind::Internal).await;
    assert_eq!(store.keys().await, before);
}
