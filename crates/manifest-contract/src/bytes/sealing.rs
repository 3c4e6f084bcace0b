//! S2 and S8: sealed blobs.

use super::Fixture;
use super::fixture::{body, content, upload_id};
use crate::world::{at_once, must};
use bytes::Bytes;
use manifest_core::PortErrorKind;
use manifest_core::ports::Part;
use oci_types::{Algorithm, Digest};
use std::collections::BTreeSet;
use std::sync::Arc;

async fn parts(store: &Fixture, sizes: &[usize]) -> (Vec<Part>, Vec<u8>) {
    let (mut parts, mut whole) = (Vec::new(), Vec::new());
    for (number, size) in sizes.iter().enumerate() {
        let bytes = content(u8::try_from(number).unwrap_or_default(), *size);
        parts.push(store.part("u", &bytes).await);
        whole.extend(bytes);
    }
    (parts, whole)
}

pub(crate) async fn s2_a_sealed_blob_is_its_parts_in_order(store: Fixture) {
    let check = async |sizes: &[usize]| {
        let (parts, whole) = parts(&store, sizes).await;
        let sealed = store.seal("u", &parts).await;
        assert_eq!(must(store.read(&sealed, None).await), whole, "{sizes:?}");
    };
    check(&[]).await;
    check(&[0]).await;
    check(&[1]).await;
    check(&[70_000]).await;
    check(&[1, 2]).await;
    check(&[0, 3, 0, 0, 4, 0]).await;
    check(&[65_536, 65_536, 1]).await;
    check(&(0..100).collect::<Vec<_>>()).await;
}

pub(crate) async fn s2_large_and_small_parts_mix(store: Fixture) {
    // A bucket takes parts of less than 5 MiB only at the end.
    let large = 5 << 20;
    let (parts, whole) = parts(&store, &[3, large, 1, 2, large + 1, large - 1, 7]).await;
    let sealed = store.seal("u", &parts).await;
    assert!(must(store.read(&sealed, None).await) == whole, "the bytes differ");
    let size = store.listed().await.into_iter().find(|stored| stored.location == sealed);
    assert_eq!(size.map(|stored| stored.size), Some(whole.len() as u64));
}

pub(crate) async fn s2_parts_are_joined_in_the_order_that_is_asked_for(store: Fixture) {
    let (a, b) = (store.part("u", b"a").await, store.part("u", b"b").await);
    let reversed = store.seal("u", &[b.clone(), a.clone()]).await;
    assert_eq!(must(store.read(&reversed, None).await), b"ba");
    let twice = store.seal("u", &[a.clone(), b, a]).await;
    assert_eq!(must(store.read(&twice, None).await), b"aba");
}

pub(crate) async fn s2_each_seal_makes_a_fresh_location(store: Fixture) {
    let part = [store.part("u", b"content").await];
    let mut seen = BTreeSet::from([part[0].location.clone()]);
    for round in 0..4 {
        let sealed = store.seal("u", &part).await;
        assert!(seen.insert(sealed.clone()), "{sealed} was used before");
        if round % 2 == 0 {
            // Not even where nothing is left is a location used again.
            must(store.store.delete(&sealed).await);
        }
    }
    for _ in 0..2 {
        let empty = store.seal("u", &[]).await;
        assert!(seen.insert(empty.clone()), "{empty} was used before");
        must(store.store.delete(&empty).await);
    }
}

pub(crate) async fn s2_seals_at_once_make_a_location_each(store: Fixture) {
    let parts = Arc::new([store.part("u", b"con").await, store.part("u", b"tent").await]);
    let sealed = at_once(32, |_| {
        let (bytes, parts) = (Arc::clone(&store.store), Arc::clone(&parts));
        async move { must(bytes.seal(&upload_id("u"), &parts[..], None, &Digest::of(Algorithm::Sha256, b"content")).await) }
    });
    let sealed = sealed.await;
    assert_eq!(sealed.iter().collect::<BTreeSet<_>>().len(), 32);
    for at in &sealed {
        assert_eq!(must(store.read(at, None).await), b"content");
    }
}

pub(crate) async fn s2_a_seal_moves_nothing(store: Fixture) {
    let one = store.part("u", b"one").await;
    let (first, second) =
        (store.seal("u", std::slice::from_ref(&one)).await, store.seal("u", std::slice::from_ref(&one)).await);
    assert_eq!(must(store.read(&one.location, None).await), b"one", "the part is where it was");
    must(store.store.delete(&first).await);
    assert_eq!(must(store.read(&one.location, None).await), b"one");
    assert_eq!(must(store.read(&second, None).await), b"one");
    must(store.store.delete(&one.location).await);
    assert_eq!(must(store.read(&second, None).await), b"one", "a copy needs no part");
}

pub(crate) async fn s2_a_part_that_is_gone_is_not_sealed(store: Fixture) {
    let (here, gone) = (store.part("u", b"here").await, store.part("u", b"gone").await);
    must(store.store.delete(&gone.location).await);
    let before = store.listed().await;
    for parts in [&[gone.clone()][..], &[here.clone(), gone.clone()], &[gone, here]] {
        let digest = Digest::of(Algorithm::Sha256, b"");
        assert!(store.store.seal(&upload_id("u"), parts, None, &digest).await.is_err(), "{parts:?}");
    }
    assert_eq!(store.listed().await, before, "nothing torn is left");
}

pub(crate) async fn s2_the_upload_is_read_from_every_key(store: Fixture) {
    for upload in ["u", "v"] {
        let part = store.part(upload, b"content").await;
        let sealed = store.seal(upload, std::slice::from_ref(&part)).await;
        let ended = store.ended(upload, b"content").await;
        for at in [part.location, sealed, ended] {
            let stored = store.listed().await.into_iter().find(|stored| stored.location == at);
            assert_eq!(stored.map(|stored| stored.upload), Some(upload_id(upload)), "{at}");
        }
    }
}

pub(crate) async fn s2_sealed_blobs_are_there_after_the_store_is_opened_again(store: Fixture) {
    let (parts, whole) = parts(&store, &[1_000, 70_000, 5]).await;
    let (joined, single) = (store.seal("u", &parts).await, store.seal("u", &parts[1..2]).await);
    if let Some(store) = store.reopened().await {
        assert_eq!(must(store.read(&joined, None).await), whole);
        assert_eq!(must(store.read(&single, None).await), whole[1_000..71_000]);
        let fresh = store.seal("u", &parts).await;
        assert!(fresh != joined && fresh != single, "a location is used again after a restart");
    }
}

pub(crate) async fn s8_a_last_part_ends_the_blob_and_is_used_up(store: Fixture) {
    let check = async |sizes: &[usize], last: &[u8]| {
        let (parts, mut whole) = parts(&store, sizes).await;
        whole.extend(last);
        let last = store.last("u", last).await;
        let sealed = store.seal_with("u", &parts, &last).await;
        assert!(must(store.read(&sealed, None).await) == whole, "{sizes:?}: the bytes differ");
        assert!(store.listed().await.iter().all(|stored| stored.location != last.location), "{sizes:?}: it is left");
        let gone = store.read(&last.location, None).await;
        assert!(gone.is_err_and(|error| error.kind() == PortErrorKind::NotFound), "{sizes:?}: it is left");
        for part in &parts {
            must(store.read(&part.location, None).await);
        }
    };
    check(&[], b"").await;
    check(&[], b"content").await;
    check(&[], &content(9, 70_000)).await;
    check(&[0], b"content").await;
    check(&[70_000], b"").await;
    check(&[7], b"content").await;
    check(&[3, 0, 70_000, 1], &content(9, 70_000)).await;
}

pub(crate) async fn s8_a_last_part_that_is_gone_is_not_sealed(store: Fixture) {
    let (part, last) = (store.part("u", b"part").await, store.last("u", b"last").await);
    must(store.store.delete(&last.location).await);
    let before = store.listed().await;
    for parts in [&[][..], &[part]] {
        let digest = Digest::of(Algorithm::Sha256, b"");
        assert!(store.store.seal(&upload_id("u"), parts, Some(last.clone()), &digest).await.is_err(), "{parts:?}");
    }
    assert_eq!(store.listed().await, before, "nothing torn is left");
}

pub(crate) async fn s8_a_last_part_that_is_not_sealed_is_listed_and_deleted_like_any_other(store: Fixture) {
    let last = store.last("u", b"content").await;
    assert_eq!(last.size, 7);
    let listed = store.listed().await.into_iter().find(|stored| stored.location == last.location);
    assert_eq!(listed.map(|stored| (stored.upload, stored.size)), Some((upload_id("u"), 7)));
    must(store.store.delete(&last.location).await);
    assert!(store.listed().await.is_empty());
}

pub(crate) async fn s8_last_parts_at_once_end_a_blob_each(store: Fixture) {
    let size = |number: usize| if number.is_multiple_of(8) { 100_000 } else { number * 2_000 };
    let whole = move |number: usize| content(u8::try_from(number).unwrap_or_default(), size(number));
    let sealed = at_once(32, |number| {
        let store = Arc::clone(&store.store);
        async move {
            let (upload, bytes) = (upload_id("u"), whole(number));
            let digest = Digest::of(Algorithm::Sha256, &bytes);
            let pieces = bytes.chunks(7_777).map(Bytes::copy_from_slice).map(Ok).collect();
            let Ok(last) = store.write_last(&upload, body(pieces)).await else { panic!("a last part was not stored") };
            (number, must(store.seal(&upload, &[], Some(last), &digest).await))
        }
    });
    let sealed = sealed.await;
    assert_eq!(sealed.iter().map(|(_, at)| at).collect::<BTreeSet<_>>().len(), 32);
    for (number, at) in &sealed {
        assert!(must(store.read(at, None).await) == whole(*number), "{at} has other bytes");
    }
    // Nor does one that goes take others with it.
    for (_, at) in sealed.iter().step_by(2) {
        must(store.store.delete(at).await);
    }
    for (number, at) in sealed.iter().skip(1).step_by(2) {
        assert!(must(store.read(at, None).await) == whole(*number), "{at} has other bytes");
    }
    assert_eq!(store.listed().await.len(), 16);
}

pub(crate) async fn s8_what_was_sealed_of_a_last_part_is_there_after_the_store_is_opened_again(store: Fixture) {
    let (parts, mut whole) = parts(&store, &[1_000]).await;
    whole.extend(b"last");
    let (last, only) = (store.last("u", b"last").await, store.last("u", b"only").await);
    let (joined, single) = (store.seal_with("u", &parts, &last).await, store.seal_with("u", &[], &only).await);
    let large = store.ended("u", &content(9, 100_000)).await;
    if let Some(store) = store.reopened().await {
        assert_eq!(must(store.read(&joined, None).await), whole);
        assert_eq!(must(store.read(&single, None).await), b"only");
        assert!(must(store.read(&large, None).await) == content(9, 100_000));
        let again = store.ended("u", b"only").await;
        assert!(again != single && again != large, "a location is used again after a restart");
        assert_eq!(must(store.read(&single, None).await), b"only");
    }
}
