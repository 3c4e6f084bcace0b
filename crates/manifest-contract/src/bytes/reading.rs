//! S3, S4 and S7: reads, deletes, and keys that are not the store's own.

use super::Fixture;
use super::fixture::{content, upload_id};
use crate::world::must;
use futures_util::StreamExt;
use manifest_core::PortErrorKind;
use manifest_core::facts::Location;
use manifest_core::ports::Part;
use oci_types::{Algorithm, Digest};

pub(crate) async fn s3_a_read_gives_exactly_its_range(store: Fixture) {
    let whole = content(1, 200_000);
    let (head, tail) = whole.split_at(70_001);
    let parts = [store.part("u", head).await, store.part("u", tail).await];
    let joined = store.seal("u", &parts).await;
    let single = store.blob("v", &whole).await;
    let (large, small) = (store.ended("w", &whole).await, store.ended("w", &whole[..20_000]).await);
    for (at, whole) in [(&joined, &whole[..]), (&single, &whole), (&large, &whole), (&small, &whole[..20_000])] {
        let size = whole.len() as u64;
        for (start, end) in [
            (0, size),
            (0, 1),
            (0, 0),
            (size, size),
            (size - 1, size),
            (70_000, 70_002),
            (70_001, 70_001),
            (65_535, 65_537),
            (1, size - 1),
            (4_095, 4_097),
            (131_072, 199_999),
        ] {
            if end > size {
                continue;
            }
            let bytes = must(store.read(at, Some(start..end)).await);
            let expected = &whole[usize::try_from(start).unwrap_or(0)..usize::try_from(end).unwrap_or(0)];
            assert!(bytes == expected, "{start}..{end} of {at} gave {} bytes", bytes.len());
        }
        assert!(must(store.read(at, None).await) == whole);
    }
    let empty = store.blob("w", b"").await;
    assert_eq!(must(store.read(&empty, Some(0..0)).await), b"");
    let empty = store.ended("w", b"").await;
    assert_eq!(must(store.read(&empty, Some(0..0)).await), b"");
}

pub(crate) async fn s3_a_read_comes_in_small_pieces(store: Fixture) {
    let at = store.blob("u", &content(1, 3 << 20)).await;
    let mut bytes = must(store.store.read(&at, None).await);
    let mut total = 0;
    while let Some(piece) = bytes.next().await {
        let piece = must(piece);
        assert!(piece.len() <= 1 << 20, "a piece of {} bytes", piece.len());
        total += piece.len();
    }
    assert_eq!(total, 3 << 20);
}

pub(crate) async fn s3_where_nothing_is_nothing_is_found(store: Fixture) {
    let part = store.part("u", b"content").await;
    let sealed = store.seal("u", std::slice::from_ref(&part)).await;
    let (small, large) = (store.ended("u", b"content").await, store.ended("u", &content(1, 200_000)).await);
    for at in [part.location, sealed, small, large] {
        must(store.store.delete(&at).await);
        for range in [None, Some(0..1), Some(0..0)] {
            // Before the first byte, so that whoever asked can still be told.
            let Err(error) = store.store.read(&at, range).await else { panic!("{at} was deleted") };
            assert_eq!(error.kind(), PortErrorKind::NotFound, "{error}");
        }
    }
}

pub(crate) async fn s3_readers_do_not_disturb_each_other(store: Fixture) {
    let whole = content(1, 100_000);
    let at = store.blob("u", &whole).await;
    let mut slow = must(store.store.read(&at, None).await);
    let first = slow.next().await.map(must).unwrap_or_default();
    assert!(must(store.read(&at, None).await) == whole);
    let mut slowly = first.to_vec();
    while let Some(piece) = slow.next().await {
        slowly.extend_from_slice(&must(piece));
    }
    assert!(slowly == whole);
}

pub(crate) async fn s4_a_delete_succeeds_where_nothing_is(store: Fixture) {
    let part = store.part("u", b"content").await;
    let sealed = store.seal("u", std::slice::from_ref(&part)).await;
    let (small, large) = (store.ended("u", b"content").await, store.ended("u", &content(1, 200_000)).await);
    let other = store.ended("v", b"other").await;
    for at in [&part.location, &sealed, &small, &large] {
        for _ in 0..3 {
            must(store.store.delete(at).await);
        }
    }
    let left: Vec<Location> = store.listed().await.into_iter().map(|stored| stored.location).collect();
    assert_eq!(left, std::slice::from_ref(&other), "nothing else was deleted");
    assert_eq!(must(store.read(&other, None).await), b"other");
}

pub(crate) async fn s7_a_key_that_is_not_the_stores_own_is_refused(store: Fixture) {
    let part = store.part("u", b"content").await;
    let sealed = store.seal("u", std::slice::from_ref(&part)).await;
    let (small, large) = (store.ended("u", b"content").await, store.ended("u", &content(1, 200_000)).await);
    let before = store.listed().await;
    let mut foreign: Vec<Location> = HOSTILE.iter().map(|key| like(&sealed, key)).collect();
    for own in [&part.location, &sealed, &small, &large] {
        foreign.extend(disguised(&own.key).iter().map(|key| like(own, key)));
        foreign.push(Location { store: crate::world::location("").store, key: own.key.clone() });
    }
    for at in &foreign {
        assert!(store.store.read(at, None).await.is_err(), "{at:?} was read");
        assert!(store.store.delete(at).await.is_err(), "{at:?} was taken for a key to delete");
        let parts = [Part { location: at.clone(), size: 7 }];
        let digest = Digest::of(Algorithm::Sha256, b"content");
        assert!(store.store.seal(&upload_id("u"), &parts, None, &digest).await.is_err(), "{at:?} was sealed");
    }
    assert_eq!(store.listed().await, before);
    assert_eq!(must(store.read(&sealed, None).await), b"content");
    assert_eq!(must(store.read(&small, None).await), b"content");
}

fn like(own: &Location, key: &str) -> Location {
    Location { store: own.store.clone(), key: key.to_owned() }
}

const HOSTILE: [&str; 14] = [
    "",
    " ",
    ".",
    "..",
    "/",
    "//",
    "/etc/passwd",
    "../../../../etc/passwd",
    "..\\..\\etc\\passwd",
    "\0",
    "a\nb",
    "é",
    "store-id",
    "parts",
];

/// Ways to write a key so that a careless store takes it for its own.
fn disguised(own: &str) -> Vec<String> {
    vec![
        format!("/{own}"),
        format!("./{own}"),
        format!("../{own}"),
        format!("x/../{own}"),
        format!("{own}/"),
        format!("{own}/."),
        format!("{own}/.."),
        format!("{own}/../{own}"),
        format!("{own}\0"),
        format!("{own}\n"),
        format!("{own} "),
        format!(" {own}"),
        format!("{own}%00"),
        own.to_uppercase(),
        own.replace('.', "/"),
        own.replace('-', "_"),
    ]
}
