//! What uploads and the trash may do wrong: U1 to U8, C1 to C4.

use crate::caught::caught;
use crate::faulty::Fault;
use async_trait::async_trait;
use manifest_core::facts::{Location, RepositoryState};
use manifest_core::ports::{
    Begun, CancelUpload, Cancelled, Collection, FinishUpload, Finished, NewUpload, PublishPart, Published,
    Repositories, Stored, Swept, Upload, UploadId, Uploads,
};
use manifest_core::{Millis, NEVER, Port};
use manifest_memory::MemoryStore;
use oci_types::RepositoryName;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

#[derive(Clone)]
struct PublishesWithoutComparing;

#[async_trait]
impl Fault for PublishesWithoutComparing {
    async fn publish(&self, store: &MemoryStore, part: &PublishPart) -> Port<Published> {
        let upload = store.load(&part.repository, &part.id, part.now).await?;
        let from = upload.map_or(part.from, |upload| upload.offset);
        store.publish(&PublishPart { from, ..part.clone() }).await
    }
}

#[test]
fn u1_a_part_that_is_published_wherever_the_upload_ends() {
    let clauses = [
        "u1_of_many_parts_at_one_offset_one_is_published",
        "u1_a_part_is_published_where_the_upload_ends_and_nowhere_else",
    ];
    caught(clauses, &PublishesWithoutComparing);
}

#[derive(Clone)]
struct FinishesTwice;

#[async_trait]
impl Fault for FinishesTwice {
    async fn finish(&self, store: &MemoryStore, upload: &FinishUpload) -> Port<Finished> {
        let answer = store.finish(upload).await?;
        Ok(if let Finished::AlreadyDone(blob) = answer { Finished::Done(blob) } else { answer })
    }
}

#[test]
fn u1_and_u4_a_blob_that_is_made_twice() {
    let clauses =
        ["u1_of_many_that_finish_one_makes_the_blob", "u4_finishing_again_with_the_same_digest_is_done_already"];
    caught(clauses, &FinishesTwice);
}

#[derive(Clone)]
struct LosesUnpublishedParts;

#[async_trait]
impl Fault for LosesUnpublishedParts {
    async fn cancel(&self, store: &MemoryStore, upload: &CancelUpload) -> Port<Cancelled> {
        store.cancel(&CancelUpload { unpublished: Vec::new(), ..upload.clone() }).await
    }
}

#[test]
fn u2_parts_that_a_cancel_loses() {
    caught(["u2_a_cancelled_upload_leaves_all_its_parts"], &LosesUnpublishedParts);
}

/// Remembers what it sealed, and throws it away when it is finished again.
#[derive(Clone)]
struct LosesSealedCopies;

#[async_trait]
impl Fault for LosesSealedCopies {
    async fn trash(&self, store: &MemoryStore, limit: u32, now: Millis) -> Port<Vec<Location>> {
        let mut listed = store.trash(limit, now).await?;
        listed.retain(|location| !location.key.starts_with("sealed/"));
        Ok(listed)
    }
}

#[test]
fn u2_copies_that_are_never_deleted() {
    let clauses = [
        "u2_a_finish_leaves_its_parts_and_keeps_its_copy",
        "u2_a_refused_finish_leaves_what_it_brought",
        "u1_of_many_that_finish_one_makes_the_blob",
    ];
    caught(clauses, &LosesSealedCopies);
}

/// Trusts the caller to know which locations are named.
#[derive(Clone, Default)]
struct TrashesWhatItIsGiven(Arc<Mutex<Vec<Location>>>);

#[async_trait]
impl Fault for TrashesWhatItIsGiven {
    async fn finish(&self, store: &MemoryStore, upload: &FinishUpload) -> Port<Finished> {
        let answer = store.finish(upload).await?;
        if !matches!(answer, Finished::Done(_)) {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push(upload.sealed.clone());
        }
        Ok(answer)
    }

    async fn trash(&self, store: &MemoryStore, limit: u32, now: Millis) -> Port<Vec<Location>> {
        let mut listed = store.trash(limit, now).await?;
        for location in self.0.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            if !listed.contains(location) {
                listed.push(location.clone());
            }
        }
        Ok(listed)
    }
}

#[test]
fn u2_and_c2_a_stored_blob_in_the_trash() {
    let clauses = [
        "u2_a_stored_blob_is_no_trash_though_its_finish_comes_again",
        "c2_trash_lists_no_location_that_a_blob_row_names",
    ];
    caught(clauses, &TrashesWhatItIsGiven::default());
}

/// The newest copy wins, wherever the blob was before.
#[derive(Clone)]
struct AnswersTheNewestCopy;

#[async_trait]
impl Fault for AnswersTheNewestCopy {
    async fn finish(&self, store: &MemoryStore, upload: &FinishUpload) -> Port<Finished> {
        let mut answer = store.finish(upload).await?;
        if let Finished::Done(blob) = &mut answer {
            blob.location = upload.sealed.clone();
        }
        Ok(answer)
    }
}

#[test]
fn u3_and_m17_a_copy_that_is_answered_but_not_kept() {
    let clauses = [
        "u3_a_blob_that_is_known_stays_where_it_is",
        "u3_two_uploads_of_one_blob_at_once_agree_where_it_is",
        "m17_an_empty_store_has_the_empty_layer",
    ];
    caught(clauses, &AnswersTheNewestCopy);
}

/// Looks an upload up by its id alone.
#[derive(Clone, Default)]
struct SharesUploads(Arc<Mutex<BTreeMap<UploadId, RepositoryName>>>);

#[async_trait]
impl Fault for SharesUploads {
    async fn begin(&self, store: &MemoryStore, upload: &NewUpload) -> Port<Begun> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(upload.id, upload.repository.clone());
        store.begin(upload).await
    }

    async fn load(
        &self,
        store: &MemoryStore,
        repository: &RepositoryName,
        id: &UploadId,
        now: Millis,
    ) -> Port<Option<Upload>> {
        let home = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned();
        store.load(home.as_ref().unwrap_or(repository), id, now).await
    }
}

#[test]
fn u5_an_upload_that_is_everybodys() {
    caught(["u5_an_upload_is_unknown_from_another_repository"], &SharesUploads::default());
}

#[derive(Clone)]
struct NeverExpires;

#[async_trait]
impl Fault for NeverExpires {
    async fn load(
        &self,
        store: &MemoryStore,
        repository: &RepositoryName,
        id: &UploadId,
        _: Millis,
    ) -> Port<Option<Upload>> {
        store.load(repository, id, 0).await
    }
}

#[test]
fn u5_an_upload_that_never_expires() {
    caught(["u5_an_expired_upload_is_unknown"], &NeverExpires);
}

#[derive(Clone)]
struct SortsParts;

#[async_trait]
impl Fault for SortsParts {
    async fn load(
        &self,
        store: &MemoryStore,
        repository: &RepositoryName,
        id: &UploadId,
        now: Millis,
    ) -> Port<Option<Upload>> {
        let mut upload = store.load(repository, id, now).await?;
        if let Some(upload) = &mut upload {
            upload.parts.sort_by(|a, b| a.location.cmp(&b.location));
        }
        Ok(upload)
    }
}

#[test]
fn u6_parts_in_the_order_of_their_keys() {
    caught(["u6_parts_are_in_order_and_the_hash_state_is_the_last"], &SortsParts);
}

#[derive(Clone)]
struct SweepsWithoutLimit;

#[async_trait]
impl Fault for SweepsWithoutLimit {
    async fn sweep_uploads(&self, store: &MemoryStore, _: u32, now: Millis) -> Port<Swept> {
        store.sweep_uploads(u32::MAX, now).await
    }

    async fn trash(&self, store: &MemoryStore, _: u32, now: Millis) -> Port<Vec<Location>> {
        store.trash(u32::MAX, now).await
    }
}

#[test]
fn c1_and_c2_steps_without_a_limit() {
    caught(["c1_a_sweep_takes_no_more_than_it_is_told", "c2_trash_is_listed_up_to_a_limit"], &SweepsWithoutLimit);
}

#[derive(Clone)]
struct SweepsEverything;

#[async_trait]
impl Fault for SweepsEverything {
    async fn sweep_uploads(&self, store: &MemoryStore, limit: u32, _: Millis) -> Port<Swept> {
        store.sweep_uploads(limit, NEVER).await
    }
}

#[test]
fn c1_uploads_that_are_swept_too_early() {
    caught(["c1_expired_uploads_are_swept_with_their_parts"], &SweepsEverything);
}

#[derive(Clone)]
struct FinishesInClosedRepositories;

#[async_trait]
impl Fault for FinishesInClosedRepositories {
    async fn finish(&self, store: &MemoryStore, upload: &FinishUpload) -> Port<Finished> {
        let row = store.find(&upload.repository).await?;
        if row.is_none_or(|row| row.state == RepositoryState::Open) {
            return store.finish(upload).await;
        }
        store.set_state(&upload.repository, RepositoryState::Open).await?;
        let answer = store.finish(upload).await;
        store.set_state(&upload.repository, RepositoryState::ReadOnly).await?;
        answer
    }
}

#[test]
fn u7_a_blob_that_is_made_where_nothing_may_be_written() {
    caught(["u7_a_repository_that_was_closed_takes_no_parts_and_makes_no_blobs"], &FinishesInClosedRepositories);
}

#[derive(Clone)]
struct CancelsWithoutComparing;

#[async_trait]
impl Fault for CancelsWithoutComparing {
    async fn cancel(&self, store: &MemoryStore, upload: &CancelUpload) -> Port<Cancelled> {
        store.cancel(&CancelUpload { from: None, ..upload.clone() }).await
    }
}

#[test]
fn u8_an_upload_that_is_dropped_wherever_it_ends() {
    caught(["u8_an_upload_that_has_moved_on_is_not_dropped"], &CancelsWithoutComparing);
}

#[derive(Clone)]
struct ForgetsAllTrash;

#[async_trait]
impl Fault for ForgetsAllTrash {
    async fn trash_emptied(&self, store: &MemoryStore, _: &[Location]) -> Port<()> {
        let all = store.trash(u32::MAX, NEVER).await?;
        store.trash_emptied(&all).await
    }
}

#[test]
fn c3_trash_that_is_forgotten_before_it_is_deleted() {
    caught(["c3_what_was_deleted_is_forgotten_and_nothing_else"], &ForgetsAllTrash);
}

#[derive(Clone)]
struct PostponesNothing;

#[async_trait]
impl Fault for PostponesNothing {
    async fn postpone_trash(&self, _: &MemoryStore, _: &[Location], _: Millis) -> Port<()> {
        Ok(())
    }
}

#[test]
fn c9_trash_that_comes_back_at_once() {
    caught(["c9_what_cannot_be_deleted_now_is_postponed"], &PostponesNothing);
}

#[derive(Clone)]
struct DiscardsWhatIsBeingWritten;

#[async_trait]
impl Fault for DiscardsWhatIsBeingWritten {
    async fn discard_unnamed(&self, store: &MemoryStore, seen: &[Stored], now: Millis) -> Port<u64> {
        let nobody = UploadId::from_bits(0);
        let seen: Vec<Stored> = seen.iter().map(|stored| Stored { upload: nobody, ..stored.clone() }).collect();
        store.discard_unnamed(&seen, now).await
    }
}

#[test]
fn c4_bytes_that_an_upload_still_writes() {
    caught(["c4_bytes_that_nobody_names_are_discarded"], &DiscardsWhatIsBeingWritten);
}
