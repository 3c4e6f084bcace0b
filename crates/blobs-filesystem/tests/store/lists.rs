use super::{Store, kind, location, sha256};
use manifest_core::PortErrorKind;
use manifest_core::facts::Location;
use manifest_core::ports::{BlobStore as _, UploadId};
use oci_types::{Algorithm, Digest};
use std::time::{Duration, SystemTime};

/// A store with parts and blobs in many directories, several in one.
async fn filled() -> (Store, Vec<String>) {
    let store = Store::new();
    let mut keys = Vec::new();
    for n in 0..40_u128 {
        // Four directories of parts, ten parts each.
        let id = (n << 64) + n % 4;
        let upload = UploadId::from_bits(id);
        let part = store.part(id, b"some").await;
        let algorithm = Algorithm::ALL[usize::from(n % 3 == 0)];
        let digest = Digest::of(algorithm, &[u8::try_from(n % 7).unwrap()]);
        let sealed = store.blobs.seal(&upload, std::slice::from_ref(&part), None, &digest).await.unwrap();
        keys.extend([part.location.key, sealed.key]);
    }
    keys.sort();
    (store, keys)
}

async fn pages(store: &Store, limit: u32) -> Vec<String> {
    let mut keys: Vec<String> = Vec::new();
    let mut after: Option<Location> = None;
    loop {
        let page = store.blobs.list(after, limit).await.unwrap();
        keys.extend(page.items.iter().map(|stored| stored.location.key.clone()));
        if !page.more {
            return keys;
        }
        assert_eq!(page.items.len(), limit as usize);
        after = page.items.last().map(|stored| stored.location.clone());
    }
}

#[tokio::test]
async fn pages_hold_every_key_once_and_in_byte_order() {
    let (store, keys) = filled().await;
    for limit in [1, 2, 7, 79, 80, 81, 1000, u32::MAX] {
        assert_eq!(pages(&store, limit).await, keys, "pages of {limit}");
    }
    let none = store.blobs.list(None, 0).await.unwrap();
    assert!(none.items.is_empty() && !none.more);
}

#[tokio::test]
async fn a_page_starts_behind_what_is_gone() {
    let (store, mut keys) = filled().await;
    let at = location(&keys.remove(11));
    store.blobs.delete(&at).await.unwrap();
    let page = store.blobs.list(Some(at), 3).await.unwrap();
    let found: Vec<_> = page.items.iter().map(|stored| stored.location.key.clone()).collect();
    assert_eq!(found, keys[11..14]);
    let last = location(keys.last().unwrap());
    assert!(store.blobs.list(Some(last), 3).await.unwrap().items.is_empty());
}

#[tokio::test]
async fn only_keys_of_this_store_are_starts() {
    let store = Store::new();
    assert_eq!(kind(store.blobs.list(Some(location("parts/..")), 1).await), PortErrorKind::Corrupt);
    let foreign = Location { store: "other".parse().unwrap(), key: store.part(1, b"").await.location.key };
    assert_eq!(kind(store.blobs.list(Some(foreign), 1).await), PortErrorKind::Internal);
}

#[tokio::test]
async fn size_upload_and_age_are_listed() {
    let store = Store::new();
    let now = i64::try_from(SystemTime::UNIX_EPOCH.elapsed().unwrap().as_millis()).unwrap();
    let part = store.part(77, b"12345").await;
    let stored = store.blobs.list(None, 1).await.unwrap().items.remove(0);
    assert_eq!((stored.location, stored.size), (part.location.clone(), 5));
    assert_eq!(stored.upload, UploadId::from_bits(77));
    // The kernel stamps files with the time of its last tick.
    assert!((now - 1000..now + 60_000).contains(&stored.modified), "{} is not now, {now}", stored.modified);

    // Old bytes under a new name are young, so that no sweep takes them for forgotten.
    let long_ago = SystemTime::now() - Duration::from_hours(90 * 24);
    std::fs::File::open(store.path(&part.location)).unwrap().set_modified(long_ago).unwrap();
    let sealed = store.blobs.seal(&UploadId::from_bits(77), &[part], None, &sha256(b"12345")).await.unwrap();
    let items = store.blobs.list(None, 9).await.unwrap().items;
    let stored = items.iter().find(|stored| stored.location == sealed).unwrap();
    assert!(stored.modified >= now - 1000, "{} is not now, {now}", stored.modified);
}
