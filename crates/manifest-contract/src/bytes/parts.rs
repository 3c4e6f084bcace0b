//! S1: parts.

use super::Fixture;
use super::fixture::{body, content, upload_id};
use crate::world::{at_once, drop_after, must};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use manifest_core::PortErrorKind;
use manifest_core::ports::{BodyError, BodyStream, WriteError};
use std::collections::BTreeSet;
use std::sync::Arc;

pub(crate) async fn s1_a_part_holds_its_body(store: Fixture) {
    for (number, size) in [0, 1, 999, 1_000, 65_535, 65_536, 65_537, 300_000].into_iter().enumerate() {
        let whole = content(u8::try_from(number).unwrap_or_default(), size);
        let part = store.part("u", &whole).await;
        assert_eq!(part.size, size as u64);
        assert_eq!(must(store.read(&part.location, None).await), whole, "{size} bytes");
    }
}

pub(crate) async fn s1_pieces_may_have_any_size(store: Fixture) {
    let whole = content(1, 200_000);
    let (mut pieces, mut rest) = (Vec::new(), whole.as_slice());
    for size in [0, 1, 0, 2, 70_000, 3, 65_536, 0, 1].into_iter().cycle() {
        let (piece, after) = rest.split_at(rest.len().min(size));
        pieces.push(Ok(Bytes::copy_from_slice(piece)));
        rest = after;
        if rest.is_empty() {
            break;
        }
    }
    let part = store.store.write_part(&upload_id("u"), body(pieces)).await;
    let Ok(part) = part else { panic!("{part:?}") };
    assert_eq!(must(store.read(&part.location, None).await), whole);
}

pub(crate) async fn s1_each_part_has_a_place_of_its_own(store: Fixture) {
    let mut seen = BTreeSet::new();
    for upload in ["u", "u", "v", "u"] {
        let part = store.part(upload, b"the same").await;
        assert!(seen.insert(part.location.clone()), "{} was used before", part.location);
        must(store.store.delete(&part.location).await);
    }
}

pub(crate) async fn s1_parts_of_one_upload_may_be_written_at_once(store: Fixture) {
    let parts = at_once(16, |number| {
        let store = Arc::clone(&store.store);
        async move {
            let whole = content(u8::try_from(number).unwrap_or_default(), 50_000);
            let pieces = whole.chunks(777).map(Bytes::copy_from_slice).map(Ok).collect();
            (store.write_part(&upload_id("u"), body(pieces)).await, whole)
        }
    });
    for (part, whole) in parts.await {
        let Ok(part) = part else { panic!("{part:?}") };
        assert_eq!(must(store.read(&part.location, None).await), whole);
    }
}

pub(crate) async fn s1_a_body_that_breaks_off_makes_no_part(store: Fixture) {
    let kept = store.part("kept", b"kept").await;
    let breaks: [fn() -> BodyError; 3] =
        [|| BodyError::Incomplete(None), || BodyError::Stalled, || BodyError::TooLarge { limit: 7 }];
    for how in breaks {
        for before in [0, 1, 100_000] {
            let pieces = vec![Ok(Bytes::from(content(1, before))), Err(how())];
            let answer = store.store.write_part(&upload_id("broken"), body(pieces)).await;
            let Err(WriteError::Body(error)) = answer else {
                panic!("{:?} after {before} bytes: {answer:?}", how());
            };
            assert_eq!(error.to_string(), how().to_string(), "the caller is told what the body said");
        }
    }
    only_the_upload_left_bytes(&store, "broken").await;
    assert_eq!(must(store.read(&kept.location, None).await), b"kept");
}

pub(crate) async fn s1_a_write_may_be_dropped(store: Fixture) {
    for polls in 0..8 {
        let started = stream::iter([Ok(Bytes::from(content(1, 100_000)))]);
        let endless: BodyStream = Box::pin(started.chain(stream::pending()));
        let upload = upload_id("dropped");
        drop_after(polls, async {
            let answer = store.store.write_part(&upload, endless).await;
            panic!("a body without end was kept: {answer:?}");
        })
        .await;
    }
    only_the_upload_left_bytes(&store, "dropped").await;
    let part = store.part("dropped", b"again").await;
    assert_eq!(must(store.read(&part.location, None).await), b"again");
}

/// What is left of a failed write is found by the sweep under its upload, or gone.
async fn only_the_upload_left_bytes(store: &Fixture, upload: &str) {
    for stored in store.listed().await {
        let known = [upload_id(upload), upload_id("kept")];
        assert!(known.contains(&stored.upload), "{stored:?}");
    }
}

pub(crate) async fn s1_parts_are_there_after_the_store_is_opened_again(store: Fixture) {
    let whole = content(1, 100_000);
    let part = store.part("u", &whole).await;
    // A store that ends with its handles has nothing to show here.
    if let Some(store) = store.reopened().await {
        assert_eq!(must(store.read(&part.location, None).await), whole);
        let sealed = store.seal("u", std::slice::from_ref(&part)).await;
        assert_eq!(must(store.read(&sealed, None).await), whole);
    }
}

pub(crate) async fn s6_a_full_store_says_so_and_goes_on_reading_and_deleting(store: Fixture) {
    let (Some(full), part) = (store.full.clone(), store.part("u", b"content").await) else {
        return;
    };
    let sealed = store.seal("u", std::slice::from_ref(&part)).await;
    let before = store.listed().await;
    let pieces = || content(1, 2 << 20).chunks(65_536).map(Bytes::copy_from_slice).map(Ok).collect();
    for _ in 0..3 {
        let answer = full.write_part(&upload_id("v"), body(pieces())).await;
        let Err(WriteError::Store(error)) = answer else { panic!("{answer:?}") };
        assert_eq!(error.kind(), PortErrorKind::Full, "{error}");
    }
    assert_eq!(store.listed().await, before, "torn bytes are left");
    let capacity = must(full.capacity().await);
    assert!(capacity.free.is_none_or(|free| free < 1 << 20), "{capacity:?}");
    let narrow = Fixture::new(full);
    for at in [&part.location, &sealed] {
        assert_eq!(must(narrow.read(at, None).await), b"content");
        must(narrow.store.delete(at).await);
        let Err(error) = narrow.read(at, None).await else { panic!("{at} was deleted") };
        assert_eq!(error.kind(), PortErrorKind::NotFound);
    }
    store.part("u", &content(1, 2 << 20)).await;
}

pub(crate) async fn s6_a_store_says_how_much_room_it_has(store: Fixture) {
    let capacity = must(store.store.capacity().await);
    assert!(capacity.writable, "an empty store takes writes");
    assert_ne!(capacity.free, Some(0));
}
