//! What a blob store may do wrong: S1 to S8.

use crate::caught::{caught_bytes, plain};
use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use manifest_contract::bytes::Fixture;
use manifest_core::facts::Location;
use manifest_core::ports::{BlobStore, BodyStream, ByteStream, Capacity, Page, Part, Stored, UploadId, WriteError};
use manifest_core::{Port, PortError, PortErrorKind};
use manifest_memory::MemoryBlobs;
use oci_types::Digest;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

/// The memory store with one of these faults.
struct Faulty {
    store: MemoryBlobs,
    fault: Fault,
    sealed: Mutex<BTreeMap<Digest, Location>>,
}

#[derive(Clone, Copy, PartialEq)]
enum Fault {
    TakesATornBodyForWhole,
    SealsUnderTheDigest,
    MovesParts,
    SealsInReverse,
    IgnoresRanges,
    ReadsNothingWhereNothingIs,
    FailsToDeleteTwice,
    HidesParts,
    ListsTheNewestFirst,
    SaysInternalWhenFull,
    LeavesTornBytes,
    CleansKeys,
    LeavesTheLast,
    ForgetsTheLast,
}

fn broken(fault: Fault) -> impl Fn() -> Fixture {
    move || plain(over(MemoryBlobs::new(1 << 30), fault))
}

fn over(store: MemoryBlobs, fault: Fault) -> Faulty {
    let sealed = Mutex::default();
    Faulty { store, fault, sealed }
}

impl Faulty {
    fn is(&self, fault: Fault) -> bool {
        self.fault == fault
    }

    /// What a careless store makes of a key before it looks at it.
    fn clean(&self, at: &Location) -> Location {
        let key = if self.is(Fault::CleansKeys) { at.key.trim().trim_start_matches("./") } else { &at.key };
        Location { key: key.to_owned(), ..at.clone() }
    }

    async fn torn(&self, upload: &UploadId) -> Result<(), WriteError> {
        let torn = Box::pin(stream::iter([Ok(Bytes::from_static(b"torn"))]));
        self.store.write_part(upload, torn).await.map(drop)
    }
}

#[async_trait]
impl BlobStore for Faulty {
    async fn write_part(&self, upload: &UploadId, body: BodyStream) -> Result<Part, WriteError> {
        let body: BodyStream = if self.is(Fault::TakesATornBodyForWhole) {
            Box::pin(body.take_while(|piece| std::future::ready(piece.is_ok())))
        } else {
            body
        };
        match self.store.write_part(upload, body).await {
            Err(WriteError::Store(_)) if self.is(Fault::SaysInternalWhenFull) => {
                Err(WriteError::Store(PortError::new(PortErrorKind::Internal, "no room")))
            }
            Err(error) if self.is(Fault::LeavesTornBytes) => self.torn(upload).await.and(Err(error)),
            answer => answer,
        }
    }

    async fn write_last(&self, upload: &UploadId, body: BodyStream) -> Result<Part, WriteError> {
        self.write_part(upload, body).await
    }

    async fn seal(&self, upload: &UploadId, parts: &[Part], last: Option<Part>, digest: &Digest) -> Port<Location> {
        if self.is(Fault::SealsInReverse) {
            let reversed: Vec<Part> = parts.iter().rev().cloned().collect();
            return self.store.seal(upload, &reversed, last, digest).await;
        }
        if self.is(Fault::LeavesTheLast) {
            let all: Vec<Part> = parts.iter().cloned().chain(last).collect();
            return self.store.seal(upload, &all, None, digest).await;
        }
        let last = last.filter(|_| !self.is(Fault::ForgetsTheLast));
        let parts: Vec<Part> =
            parts.iter().map(|part| Part { location: self.clean(&part.location), ..part.clone() }).collect();
        let known = self.sealed.lock().unwrap_or_else(PoisonError::into_inner).get(digest).cloned();
        if let Some(known) = known.filter(|_| self.is(Fault::SealsUnderTheDigest)) {
            return Ok(known);
        }
        let sealed = self.store.seal(upload, &parts, last, digest).await?;
        self.sealed.lock().unwrap_or_else(PoisonError::into_inner).insert(*digest, sealed.clone());
        if self.is(Fault::MovesParts) {
            for part in &parts {
                self.store.delete(&part.location).await?;
            }
        }
        Ok(sealed)
    }

    async fn read(&self, at: &Location, range: Option<Range<u64>>) -> Port<ByteStream> {
        let range = range.filter(|_| !self.is(Fault::IgnoresRanges));
        match self.store.read(&self.clean(at), range).await {
            Err(_) if self.is(Fault::ReadsNothingWhereNothingIs) => Ok(Box::pin(stream::empty())),
            answer => answer,
        }
    }

    async fn delete(&self, at: &Location) -> Port<()> {
        let at = self.clean(at);
        if self.is(Fault::FailsToDeleteTwice) {
            drop(self.store.read(&at, None).await?);
        }
        self.store.delete(&at).await
    }

    async fn list(&self, after: Option<Location>, limit: u32) -> Port<Page<Stored>> {
        let mut page = self.store.list(after, limit).await?;
        if self.is(Fault::HidesParts) {
            page.items.retain(|stored| !stored.location.key.starts_with("part"));
        }
        if self.is(Fault::ListsTheNewestFirst) {
            page.items.reverse();
        }
        Ok(page)
    }

    async fn capacity(&self) -> Port<Capacity> {
        self.store.capacity().await
    }
}

#[test]
fn s1_a_torn_body_that_is_taken_for_whole() {
    caught_bytes(["s1_a_body_that_breaks_off_makes_no_part"], broken(Fault::TakesATornBodyForWhole));
}

#[test]
fn s2_a_location_that_is_used_again() {
    let clauses = ["s2_each_seal_makes_a_fresh_location", "s2_seals_at_once_make_a_location_each"];
    caught_bytes(clauses, broken(Fault::SealsUnderTheDigest));
}

#[test]
fn s2_parts_that_are_moved() {
    caught_bytes(["s2_a_seal_moves_nothing"], broken(Fault::MovesParts));
}

#[test]
fn s2_parts_in_the_wrong_order() {
    let clauses = ["s2_a_sealed_blob_is_its_parts_in_order", "s2_large_and_small_parts_mix"];
    caught_bytes(clauses, broken(Fault::SealsInReverse));
}

#[test]
fn s1_and_s2_a_store_that_forgets() {
    let clauses = [
        "s1_parts_are_there_after_the_store_is_opened_again",
        "s2_sealed_blobs_are_there_after_the_store_is_opened_again",
    ];
    let store = || Arc::new(MemoryBlobs::new(1 << 30)) as Arc<dyn BlobStore>;
    caught_bytes(clauses, || Fixture::new(store()).reopening(move || std::future::ready(store())));
}

#[test]
fn s3_ranges_that_are_ignored() {
    caught_bytes(["s3_a_read_gives_exactly_its_range"], broken(Fault::IgnoresRanges));
}

#[test]
fn s3_nothing_that_is_read() {
    caught_bytes(["s3_where_nothing_is_nothing_is_found"], broken(Fault::ReadsNothingWhereNothingIs));
}

#[test]
fn s4_a_second_delete_that_fails() {
    caught_bytes(["s4_a_delete_succeeds_where_nothing_is"], broken(Fault::FailsToDeleteTwice));
}

#[test]
fn s5_parts_that_are_hidden() {
    caught_bytes(["s5_parts_and_sealed_blobs_are_listed_in_byte_order"], broken(Fault::HidesParts));
}

#[test]
fn s5_a_list_in_another_order() {
    let clauses = ["s5_parts_and_sealed_blobs_are_listed_in_byte_order", "s5_pages_follow_each_other"];
    caught_bytes(clauses, broken(Fault::ListsTheNewestFirst));
}

#[test]
fn s6_a_full_store_that_says_something_else_or_leaves_torn_bytes() {
    for fault in [Fault::SaysInternalWhenFull, Fault::LeavesTornBytes] {
        let clauses = ["s6_a_full_store_says_so_and_goes_on_reading_and_deleting"];
        caught_bytes(clauses, || {
            let store = MemoryBlobs::new(1 << 30);
            let narrow = over(store.with_cap(512 << 10), fault);
            plain(store).full(Arc::new(narrow))
        });
    }
}

#[test]
fn s7_keys_that_are_cleaned() {
    caught_bytes(["s7_a_key_that_is_not_the_stores_own_is_refused"], broken(Fault::CleansKeys));
}

#[test]
fn s8_a_last_part_that_is_left() {
    caught_bytes(["s8_a_last_part_ends_the_blob_and_is_used_up"], broken(Fault::LeavesTheLast));
}

#[test]
fn s8_a_last_part_that_is_forgotten() {
    let clauses = ["s8_a_last_part_ends_the_blob_and_is_used_up", "s8_a_last_part_that_is_gone_is_not_sealed"];
    caught_bytes(clauses, broken(Fault::ForgetsTheLast));
}
