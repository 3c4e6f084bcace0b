use super::{Store, files, open};
use blobs_filesystem::{FilesystemBlobs, OpenError, Options, StoreId};
use std::collections::BTreeSet;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::{fs, thread};

fn error(root: &Path) -> OpenError {
    FilesystemBlobs::open(root, "disk".parse().unwrap(), Options::default()).unwrap_err()
}

#[tokio::test]
async fn a_directory_is_made_with_what_is_above_it() {
    let above = tempfile::tempdir().unwrap();
    let root = above.path().join("one/two");
    let blobs = open(&root);
    for made in ["one", "one/two", "one/two/packs", "one/two/parts", "one/two/sha256", "one/two/sha512"] {
        let mode = fs::metadata(above.path().join(made)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700, "{made}");
    }
    let id: StoreId = fs::read_to_string(root.join("store-id")).unwrap().trim_end().parse().unwrap();
    assert_eq!(id, blobs.store_id());
    assert_eq!(files(&root), ["store-id"]);
}

#[tokio::test]
async fn an_opened_directory_is_as_it_was() {
    let store = Store::new();
    let at = store.sealed(5, b"kept").await;
    let before = files(store.root.path());
    let again = open(store.root.path());
    assert_eq!(again.store_id(), store.blobs.store_id());
    assert_eq!(files(store.root.path()), before);
    let again = Store { blobs: again, root: store.root };
    assert_eq!(again.read(&at).await.unwrap(), b"kept");
    assert_ne!(Store::new().blobs.store_id(), again.blobs.store_id());
}

#[test]
fn of_many_that_are_first_one_names_the_store() {
    let root = tempfile::tempdir().unwrap();
    let ids: Vec<_> = thread::scope(|scope| {
        let opening: Vec<_> = (0..16).map(|_| scope.spawn(|| open(root.path()).store_id().to_string())).collect();
        opening.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(BTreeSet::from_iter(ids).len(), 1);
    assert_eq!(files(root.path()), ["store-id"]);
}

#[test]
fn what_is_no_directory_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    assert!(matches!(error(&file), OpenError::NotADirectory { path } if path == file));
    assert!(matches!(error(&file.join("below/it")), OpenError::NotADirectory { path } if path == file));

    let root = dir.path().join("root");
    fs::create_dir(&root).unwrap();
    fs::write(root.join("sha256"), "").unwrap();
    assert!(matches!(error(&root), OpenError::NotADirectory { path } if path == root.join("sha256")));
    fs::remove_file(root.join("sha256")).unwrap();
    symlink(dir.path(), root.join("sha256")).unwrap();
    assert!(matches!(error(&root), OpenError::NotADirectory { path } if path == root.join("sha256")));
    fs::remove_file(root.join("sha256")).unwrap();
    // The root itself may be a link: that is the operator's to say.
    symlink(&root, dir.path().join("link")).unwrap();
    open(&dir.path().join("link"));
}

#[test]
fn what_cannot_be_written_is_refused() {
    // Nobody, not even root, may make a file or a directory there.
    let error = error(Path::new("/sys/blobs"));
    assert!(matches!(&error, OpenError::NotWritable { path, .. } if path == Path::new("/sys/blobs")), "{error:?}");
    assert!(error.to_string().starts_with("/sys/blobs is not writable: "), "{error}");
}

#[test]
fn a_damaged_store_id_is_refused() {
    let root = tempfile::tempdir().unwrap();
    let id = open(root.path()).store_id().to_string();
    let path = root.path().join("store-id");
    let long = id.repeat(1000);
    let refused: [&[u8]; 5] = [b"", b"\n", b"\xff\xfe", &id.as_bytes()[1..], long.as_bytes()];
    for damaged in refused {
        fs::write(&path, damaged).unwrap();
        assert!(matches!(error(root.path()), OpenError::StoreId { .. }), "{damaged:?}");
    }
    fs::write(&path, &id).unwrap();
    assert_eq!(open(root.path()).store_id().to_string(), id);
}
