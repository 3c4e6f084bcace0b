use super::{Store, body, collect, content, files, kind, location, open, sha256};
use bytes::Bytes;
use futures_util::{FutureExt as _, future};
use manifest_core::PortErrorKind;
use manifest_core::facts::Location;
use manifest_core::ports::{BlobStore as _, Part, UploadId};
use std::fs::{self, File};
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

const BLOCK: usize = 4096;
const HEADER: usize = 128;

impl Store {
    async fn last(&self, upload: u128, content: &[u8]) -> Part {
        let body = body([Bytes::copy_from_slice(content)]);
        self.blobs.write_last(&UploadId::from_bits(upload), body).await.unwrap()
    }

    async fn seal_last(&self, upload: u128, last: Part, content: &[u8]) -> Location {
        self.blobs.seal(&UploadId::from_bits(upload), &[], Some(last), &sha256(content)).await.unwrap()
    }

    async fn ended(&self, upload: u128, content: &[u8]) -> Location {
        let last = self.last(upload, content).await;
        self.seal_last(upload, last, content).await
    }

    /// The same directory elsewhere, as a backup has it: nobody appends to its packs.
    fn restored(&self) -> Self {
        let root = tempfile::tempdir().unwrap();
        for name in ["packs", "parts", "sha256", "sha512"] {
            let copied = std::process::Command::new("cp")
                .args(["-a", "--sparse=always"])
                .args([self.root.path().join(name), root.path().to_owned()])
                .status();
            assert!(copied.unwrap().success());
        }
        Self { blobs: open(root.path()), root }
    }

    fn packs(&self) -> Vec<PathBuf> {
        let all = fs::read_dir(self.root.path().join("packs")).unwrap();
        all.map(|entry| entry.unwrap().path()).collect()
    }
}

/// The pack of a key, and where the entry begins in it.
fn place(root: &Path, at: &Location) -> (PathBuf, usize) {
    let (pack, entry) = at.key.rsplit_once('/').unwrap();
    (root.join(pack), usize::from_str_radix(entry.split_once('.').unwrap().0, 16).unwrap())
}

fn write_at(file: &Path, bytes: &[u8], at: usize) {
    File::options().write(true).open(file).unwrap().write_all_at(bytes, at as u64).unwrap();
}

#[tokio::test]
async fn small_blobs_of_one_body_share_a_file_and_all_others_have_one() {
    let store = Store::new();
    let mut packed = Vec::new();
    for size in [0, 1, 3_967, 3_968, 3_969, 65_535, 65_536] {
        let at = store.ended(1, &content(size)).await;
        assert!(at.key.starts_with("packs/"), "{size}: {at}");
        assert_eq!(store.read(&at).await.unwrap(), content(size), "{size}");
        packed.push(place(store.root.path(), &at));
    }
    assert_eq!(store.packs().len(), 1);
    assert!(packed.iter().all(|(pack, _)| *pack == packed[0].0));
    let blocks: Vec<_> = packed.iter().map(|(_, offset)| offset / BLOCK).collect();
    assert_eq!(blocks, [1, 2, 3, 4, 5, 7, 24], "each begins at the block behind the one before");
    assert!(store.ended(1, &content(65_537)).await.key.starts_with("sha256/"));
    assert!(store.sealed(1, &content(10)).await.key.starts_with("sha256/"));
    let (part, last) = (store.part(1, b"be").await, store.last(1, b"hind").await);
    let both = store.blobs.seal(&UploadId::from_bits(1), &[part], Some(last), &sha256(b"behind")).await.unwrap();
    assert!(both.key.starts_with("sha256/"), "{both}");
    assert_eq!(store.read(&both).await.unwrap(), b"behind");
}

#[tokio::test]
async fn only_the_process_that_made_a_pack_appends_to_it() {
    let store = Store::new();
    let first = store.ended(1, b"first").await;
    let len = fs::metadata(place(store.root.path(), &first).0).unwrap().len();
    let again = Store { blobs: open(store.root.path()), root: tempfile::tempdir().unwrap() };
    let second = again.ended(1, b"second").await;
    assert_ne!(place(Path::new(""), &first).0, place(Path::new(""), &second).0);
    assert_eq!(fs::metadata(place(store.root.path(), &first).0).unwrap().len(), len);
    assert_eq!(store.read(&second).await.unwrap(), b"second");
    assert_eq!(again.read(&first).await.unwrap(), b"first");
}

#[tokio::test]
async fn a_full_pack_is_followed_by_another() {
    let store = Store::new();
    let whole = content(65_536);
    // 17 blocks each.
    let first = store.ended(1, &whole).await;
    let seals = (0..1_000).map(|_| store.ended(1, &whole));
    let sealed = future::join_all(seals).await;
    assert_eq!(store.packs().len(), 2);
    assert!(store.packs().iter().all(|pack| fs::metadata(pack).unwrap().len() < 84 << 20));
    for at in [&first, &sealed[0], &sealed[998], &sealed[999]] {
        assert!(store.read(at).await.unwrap() == whole);
    }
    assert_eq!(store.keys().await.len(), 1_001);
}

#[tokio::test]
async fn a_deleted_entry_is_a_hole_and_the_last_takes_the_pack_with_it() {
    let store = Store::new();
    let mut all = Vec::new();
    for upload in 1..=3 {
        all.push(store.ended(upload, &content(60_000)).await);
    }
    let restored = store.restored();
    let pack = place(restored.root.path(), &all[0]).0;
    let before = fs::metadata(&pack).unwrap().blocks();
    // Also while it is read from.
    assert!(restored.read(&all[1]).await.unwrap() == content(60_000));
    restored.blobs.delete(&all[1]).await.unwrap();
    assert!(fs::metadata(&pack).unwrap().blocks() <= before - 15 * 8, "the room was given back");
    assert_eq!(kind(restored.read(&all[1]).await), PortErrorKind::NotFound);
    assert_eq!(restored.keys().await, [all[0].key.clone(), all[2].key.clone()]);
    for at in [&all[1], &all[0]] {
        restored.blobs.delete(at).await.unwrap();
    }
    assert!(restored.read(&all[2]).await.unwrap() == content(60_000));
    restored.blobs.delete(&all[2]).await.unwrap();
    assert!(restored.packs().is_empty());
    for at in &all {
        assert_eq!(kind(restored.read(at).await), PortErrorKind::NotFound);
        restored.blobs.delete(at).await.unwrap();
    }
}

#[tokio::test]
async fn a_pack_that_grows_stays_while_it_is_empty() {
    let store = Store::new();
    let other = open(store.root.path());
    let at = store.ended(1, b"goes").await;
    other.delete(&at).await.unwrap();
    assert_eq!(store.packs().len(), 1, "somebody appends to it");
    let at = store.ended(1, b"stays").await;
    assert_eq!(store.packs().len(), 1);
    assert_eq!(collect(&other, &at, None).await.unwrap(), b"stays");
}

#[tokio::test]
async fn a_key_that_is_not_that_of_the_entry_finds_nothing_and_deletes_nothing() {
    let store = Store::new();
    let at = store.ended(7, &content(60_000)).await;
    store.ended(8, b"behind").await;
    let before = store.keys().await;
    for wrong in [
        at.key.replace("00001000.", "00002000."),
        at.key.replace("00001000.", "00000000."),
        at.key.replace("00001000.", "0f001000."),
        at.key.replace(".0ea60.", ".0ea61."),
        at.key.replace(".0ea60.", ".10000."),
        at.key.replace("000000000007", "000000000008"),
        at.key.replacen(&at.key[6..8], if &at.key[6..8] == "00" { "11" } else { "00" }, 1),
    ] {
        assert_ne!(wrong, at.key);
        let wrong = location(&wrong);
        let expected = if wrong.key.contains("/00000000.") { PortErrorKind::Corrupt } else { PortErrorKind::NotFound };
        assert_eq!(kind(store.read(&wrong).await), expected, "{wrong}");
        let deleted = store.blobs.delete(&wrong).await;
        assert_eq!(deleted.is_err(), expected == PortErrorKind::Corrupt, "{wrong}");
    }
    assert_eq!(store.keys().await, before);
    assert!(store.read(&at).await.unwrap() == content(60_000));
    let part = Part { location: at.clone(), size: 60_000 };
    let sealed = store.blobs.seal(&UploadId::from_bits(7), &[part], None, &sha256(b"")).await;
    assert_eq!(kind(sealed), PortErrorKind::Internal, "a blob in a pack is no part");
}

#[tokio::test]
async fn a_torn_pack_hides_nothing_that_is_whole() {
    let store = Store::new();
    let mut all = Vec::new();
    for (upload, size) in [(1, 5_000), (2, 100), (3, 20_000), (4, 9_000)] {
        all.push((store.ended(upload, &content(size)).await, size));
    }
    // Wherever it ends, what is before the end is there.
    let whole = store.restored();
    let (pack, _) = place(whole.root.path(), &all[0].0);
    let len = usize::try_from(fs::metadata(&pack).unwrap().len()).unwrap();
    for end in [0, 1, HEADER, BLOCK, BLOCK + 1, 3 * BLOCK, 3 * BLOCK + 1, 4 * BLOCK + HEADER, len - 1, len] {
        let torn = store.restored();
        File::options().write(true).open(place(torn.root.path(), &all[0].0).0).unwrap().set_len(end as u64).unwrap();
        let listed = torn.keys().await;
        for (at, size) in &all {
            let begin = place(Path::new(""), at).1 + HEADER;
            assert_eq!(listed.contains(&at.key), begin <= end, "{at} of {end} bytes");
            let expected = match torn.read(at).await {
                Ok(bytes) => bytes == content(*size),
                Err(error) if begin <= end => error.kind() == PortErrorKind::Corrupt,
                Err(error) => error.kind() == PortErrorKind::NotFound,
            };
            assert!(expected, "{at} of {end} bytes");
            torn.blobs.delete(at).await.unwrap();
        }
        assert!(torn.keys().await.is_empty());
    }
    // Without any one header, the others are found.
    for (lost, _) in &all {
        let torn = store.restored();
        let (pack, offset) = place(torn.root.path(), lost);
        write_at(&pack, &[0xff; BLOCK], offset);
        let left: Vec<_> = all.iter().filter(|(at, _)| at != lost).map(|(at, _)| at.key.clone()).collect();
        assert_eq!(torn.keys().await, left);
        assert_eq!(kind(torn.read(lost).await), PortErrorKind::NotFound);
        torn.blobs.delete(lost).await.unwrap();
        assert_eq!(torn.keys().await, left);
    }
}

#[tokio::test]
async fn bytes_of_a_blob_are_never_taken_for_an_entry() {
    // Somebody has a real entry of another pack, for the very place where the block in the middle of a blob will be.
    let other = Store::new();
    other.ended(1, b"").await;
    let imitated = other.ended(2, &content(60_000)).await;
    let (pack, offset) = place(other.root.path(), &imitated);
    let mut header = [0; BLOCK];
    File::open(pack).unwrap().read_exact_at(&mut header, offset as u64).unwrap();
    let blob = [&[1; BLOCK - HEADER][..], &header, &[1; BLOCK]].concat();

    let store = Store::new();
    let hostile = store.ended(3, &blob).await;
    let behind = store.ended(4, b"behind").await;
    let restored = store.restored();
    let (pack, at) = place(restored.root.path(), &hostile);
    assert_eq!(at + BLOCK, offset);
    let mut found = [0; BLOCK];
    File::open(&pack).unwrap().read_exact_at(&mut found, offset as u64).unwrap();
    assert!(found == header, "the block is where a header would be");
    // And the header before it is lost, so that whoever lists looks at each block.
    write_at(&pack, &[0; BLOCK], at);
    assert_eq!(restored.keys().await, std::slice::from_ref(&behind.key));
    let pack_name = pack.file_name().unwrap().to_str().unwrap();
    let forged = location(&format!("packs/{pack_name}/{}", imitated.key.rsplit_once('/').unwrap().1));
    restored.blobs.delete(&forged).await.unwrap();
    assert_eq!(restored.read(&behind).await.unwrap(), b"behind");
}

#[tokio::test]
async fn a_damaged_head_is_said_to_whoever_reads_and_hides_no_other_pack() {
    let store = Store::new();
    let damaged = store.ended(1, b"damaged").await;
    let again = Store { blobs: open(store.root.path()), root: tempfile::tempdir().unwrap() };
    let sound = again.ended(2, b"sound").await;
    let restored = store.restored();
    write_at(&place(restored.root.path(), &damaged).0, b"x", 30);
    fs::write(restored.root.path().join("packs/note"), "theirs").unwrap();
    fs::write(restored.root.path().join("packs/000000000000000000000000000000ff"), "").unwrap();
    assert_eq!(kind(restored.read(&damaged).await), PortErrorKind::Corrupt);
    assert_eq!(kind(restored.blobs.delete(&damaged).await), PortErrorKind::Corrupt);
    assert_eq!(restored.keys().await, [sound.key]);
}

#[tokio::test]
async fn the_age_of_an_entry_is_its_own_and_a_restored_one_is_young() {
    let store = Store::new();
    let first = store.ended(1, b"first").await;
    let clock = || i64::try_from(std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_millis()).unwrap();
    let between = clock();
    while clock() == between {
        std::thread::yield_now();
    }
    let second = store.ended(2, b"second").await;
    let restoring = clock();
    let age = async |store: &Store, at: &Location| {
        let listed = store.blobs.list(None, 9).await.unwrap().items;
        let stored = listed.into_iter().find(|stored| stored.location == *at).unwrap();
        (stored.upload, stored.size, stored.modified)
    };
    let (upload, size, modified) = age(&store, &first).await;
    assert_eq!((upload, size), (UploadId::from_bits(1), 5));
    assert!((between - 60_000..=between).contains(&modified), "{modified} is not before {between}");
    assert!((between..=clock()).contains(&age(&store, &second).await.2));
    // The kernel stamps files with the time of its last tick.
    assert!(age(&store.restored(), &first).await.2 >= restoring - 1_000);
}

#[tokio::test]
async fn a_pack_is_opened_again_before_an_entry_is_missed() {
    let store = Store::new();
    let first = store.ended(1, b"first").await;
    // As it is on another machine, which has the pack open and has not heard of what was appended since.
    let elsewhere = store.restored();
    assert_eq!(elsewhere.read(&first).await.unwrap(), b"first");
    let second = store.ended(2, b"second").await;
    assert_eq!(kind(elsewhere.read(&second).await), PortErrorKind::NotFound);
    let (pack, _) = place(elsewhere.root.path(), &second);
    fs::copy(place(store.root.path(), &second).0, pack.with_extension("new")).unwrap();
    fs::rename(pack.with_extension("new"), &pack).unwrap();
    assert_eq!(elsewhere.read(&second).await.unwrap(), b"second");
}

#[tokio::test]
async fn a_seal_that_nobody_waits_for_leaves_nothing() {
    let store = Store::new();
    let last = store.last(1, b"dropped").await;
    let upload = UploadId::from_bits(1);
    let dropped = store.blobs.seal(&upload, &[], Some(last.clone()), &sha256(b"dropped")).now_or_never();
    assert!(dropped.is_none(), "the disk cannot have answered within one poll");
    // Appended behind it.
    let kept = store.ended(2, b"kept").await;
    assert_eq!(store.keys().await, [kept.key]);
    assert_eq!(kind(store.read(&last.location).await), PortErrorKind::NotFound);
}

#[tokio::test]
async fn last_parts_that_nobody_seals_do_not_stay_in_memory() {
    let store = Store::new();
    let mut lasts = Vec::new();
    for upload in 0..200 {
        let bytes = content(usize::try_from(upload).unwrap() * 100);
        lasts.push((upload, store.last(upload, &bytes).await, bytes));
    }
    let in_files = files(store.root.path()).iter().filter(|file| file.starts_with("parts/")).count();
    assert_eq!(in_files, 200 - 64, "all but the youngest are in files");
    let mut keys: Vec<_> = lasts.iter().map(|(_, last, _)| last.location.key.clone()).collect();
    keys.sort();
    assert_eq!(store.keys().await, keys, "wherever they are");
    for (upload, last, bytes) in lasts {
        assert_eq!(store.read(&last.location).await.unwrap(), bytes);
        assert_eq!(
            collect(&store.blobs, &last.location, Some(0..last.size / 2)).await.unwrap(),
            bytes[..bytes.len() / 2]
        );
        let wrong = Part { size: last.size + 1, ..last.clone() };
        let refused = store.blobs.seal(&UploadId::from_bits(upload), &[], Some(wrong), &sha256(&bytes)).await;
        assert_eq!(kind(refused), PortErrorKind::Corrupt);
        if upload % 2 == 0 {
            store.blobs.delete(&last.location).await.unwrap();
        } else {
            let sealed = store.seal_last(upload, last.clone(), &bytes).await;
            assert_eq!(store.read(&sealed).await.unwrap(), bytes);
            store.blobs.delete(&sealed).await.unwrap();
        }
        assert_eq!(kind(store.read(&last.location).await), PortErrorKind::NotFound);
    }
    assert!(store.keys().await.is_empty());
}

#[tokio::test]
async fn a_pack_that_was_removed_takes_nothing_more() {
    let store = Store::new();
    let gone = store.ended(1, b"lost").await;
    fs::remove_file(place(store.root.path(), &gone).0).unwrap();
    let last = store.last(2, b"refused").await;
    let refused = store.blobs.seal(&UploadId::from_bits(2), &[], Some(last), &sha256(b"refused")).await;
    assert_eq!(kind(refused), PortErrorKind::Unavailable);
    let at = store.ended(3, b"kept").await;
    assert_eq!(store.read(&at).await.unwrap(), b"kept");
    fs::remove_dir_all(store.root.path()).unwrap();
    for upload in [4, 5] {
        let last = store.last(upload, b"refused").await;
        let refused = store.blobs.seal(&UploadId::from_bits(upload), &[], Some(last), &sha256(b"refused")).await;
        assert_eq!(kind(refused), PortErrorKind::Unavailable);
    }
}
