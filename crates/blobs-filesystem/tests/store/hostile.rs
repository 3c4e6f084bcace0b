use super::{Store, content, files, kind, location, sha256};
use manifest_core::PortErrorKind;
use manifest_core::facts::Location;
use manifest_core::ports::{BlobStore as _, Part, UploadId};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

const PART: &str = "parts/05/00000000-0000-0000-0000-000000000005.00000000000000aa";

/// Every operation that takes a location refuses this one, with an error of that kind.
async fn refused(store: &Store, at: &Location, expected: PortErrorKind) {
    assert_eq!(kind(store.read(at).await), expected, "read {at}");
    let part = Part { location: at.clone(), size: 1 };
    let sealed = store.blobs.seal(&UploadId::from_bits(5), &[part], None, &sha256(b"")).await;
    assert_eq!(kind(sealed), expected, "seal {at}");
}

#[tokio::test]
async fn keys_that_are_not_ours_are_refused() {
    let store = Store::new();
    let outside = store.root.path().with_extension("outside");
    fs::write(&outside, "secret").unwrap();
    let up = format!("../{}", outside.file_name().unwrap().to_str().unwrap());
    let absolute = outside.to_str().unwrap();
    for key in ["", ".", "store-id", "parts", "parts/05", "parts/05/", "\0", "parts/05/../../store-id", &up, absolute] {
        refused(&store, &location(key), PortErrorKind::Corrupt).await;
        assert_eq!(kind(store.blobs.delete(&location(key)).await), PortErrorKind::Corrupt, "delete {key:?}");
    }
    let elsewhere = Location { store: "other".parse().unwrap(), key: PART.to_owned() };
    refused(&store, &elsewhere, PortErrorKind::Internal).await;
    assert_eq!(kind(store.blobs.delete(&elsewhere).await), PortErrorKind::Internal);
    assert_eq!(fs::read(&outside).unwrap(), b"secret");
    fs::remove_file(outside).unwrap();
    assert_eq!(files(store.root.path()), ["store-id"]);
}

#[tokio::test]
async fn planted_links_are_not_followed() {
    let store = Store::new();
    let secret = tempfile::tempdir().unwrap();
    let name = Path::new(PART).file_name().unwrap();
    fs::write(secret.path().join(name), "s").unwrap();
    let (dir, file) = (store.root.path().join("parts/05"), store.root.path().join(PART));

    // A link in the place of a file.
    fs::create_dir(&dir).unwrap();
    symlink(secret.path().join(name), &file).unwrap();
    refused(&store, &location(PART), PortErrorKind::Corrupt).await;
    assert!(store.keys().await.is_empty());
    store.blobs.delete(&location(PART)).await.unwrap();
    assert!(fs::symlink_metadata(&file).is_err(), "the link itself is what is removed");
    fs::remove_dir(&dir).unwrap();

    // A link in the place of a directory.
    symlink(secret.path(), &dir).unwrap();
    refused(&store, &location(PART), PortErrorKind::Corrupt).await;
    assert_eq!(kind(store.blobs.delete(&location(PART)).await), PortErrorKind::Corrupt);
    let body = super::body([content(10).into()]);
    let written = store.blobs.write_part(&UploadId::from_bits(5), body).await;
    assert!(written.is_err());
    assert_eq!(kind(store.blobs.list(None, 9).await), PortErrorKind::Corrupt);
    assert_eq!(files(secret.path()).len(), 1);

    // A room that is replaced while the store is open: what was opened stays what it was.
    fs::remove_file(&dir).unwrap();
    let at = store.part(5, b"mine").await.location;
    fs::rename(store.root.path().join("parts"), store.root.path().join("moved")).unwrap();
    symlink(secret.path(), store.root.path().join("parts")).unwrap();
    assert_eq!(store.read(&at).await.unwrap(), b"mine");
    store.part(6, b"more").await;
    assert_eq!(files(secret.path()).len(), 1);
}

#[tokio::test]
async fn what_is_no_file_is_neither_read_nor_listed() {
    let store = Store::new();
    let file = store.root.path().join(PART);
    fs::create_dir_all(&file).unwrap();
    refused(&store, &location(PART), PortErrorKind::Corrupt).await;
    assert_eq!(kind(store.blobs.delete(&location(PART)).await), PortErrorKind::Corrupt);
    assert!(store.keys().await.is_empty());
    fs::remove_dir(&file).unwrap();

    // To open a FIFO would wait for a writer, for ever.
    assert!(Command::new("mkfifo").arg(&file).status().unwrap().success());
    refused(&store, &location(PART), PortErrorKind::Corrupt).await;
    assert!(store.keys().await.is_empty());
    store.blobs.delete(&location(PART)).await.unwrap();
}

#[tokio::test]
async fn what_others_put_there_is_passed_over() {
    let store = Store::new();
    let at = store.sealed(5, b"mine").await;
    let before = store.keys().await;
    for name in
        ["lost+found", "parts/note", "parts/0x/a", "parts/05/note", "parts/+5/a", "sha256/05/x.tmp", "sha256/005/x"]
    {
        let path = store.root.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "theirs").unwrap();
    }
    // A good name in a wrong directory is not where its key leads.
    fs::create_dir(store.root.path().join("parts/06")).unwrap();
    fs::write(store.root.path().join(PART.replace("/05/", "/06/")), "theirs").unwrap();
    assert_eq!(store.keys().await, before);
    assert_eq!(store.read(&at).await.unwrap(), b"mine");
}

#[tokio::test]
async fn a_root_that_vanishes_is_unavailable() {
    let store = Store::new();
    store.part(5, b"before").await;
    fs::remove_dir_all(store.root.path()).unwrap();
    for upload in [5, 6] {
        let body = super::body([content(10).into()]);
        let error = store.blobs.write_part(&UploadId::from_bits(upload), body).await.unwrap_err();
        let source = std::error::Error::source(&error).unwrap().downcast_ref::<manifest_core::PortError>().unwrap();
        assert_eq!(source.kind(), PortErrorKind::Unavailable, "{source}");
    }
}
