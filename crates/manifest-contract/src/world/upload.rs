use super::fixture::Rows;
use super::names::{digest, location, must};
use super::repo::Repo;
use bytes::Bytes;
use manifest_core::Millis;
use manifest_core::facts::{Blob, Location, Visibility};
use manifest_core::ports::{
    Begun, CancelUpload, Cancelled, FinishUpload, Finished, NewUpload, Part, PublishPart, Published, Stored, Upload,
    UploadId,
};
use oci_types::{Algorithm, Digest, Hasher, RepositoryName};
use std::collections::BTreeSet;
use std::sync::Arc;

/// When everything in the trash may be deleted, whatever grace a store gives it.
pub(crate) const LATER: Millis = 1_000_000_000_000_000;

/// An upload with a symbolic name: its id is made of the name, and its locations hold the id.
///
/// Calls happen at time 1 and let the upload rest until 1,000, unless they say otherwise.
#[derive(Clone)]
pub(crate) struct AnUpload {
    rows: Rows,
    repository: RepositoryName,
    pub(crate) id: UploadId,
}

impl AnUpload {
    pub(crate) fn new(repo: &Repo, name: &str) -> Self {
        let hash = Digest::of(Algorithm::Sha256, name.as_bytes());
        let bits = hash.hash().iter().take(16).fold(0, |bits, byte| bits << 8 | u128::from(*byte));
        Self { rows: repo.rows.clone(), repository: repo.name.clone(), id: UploadId::from_bits(bits) }
    }

    pub(crate) fn opening(&self) -> NewUpload {
        NewUpload {
            repository: self.repository.clone(),
            id: self.id,
            hash_state: Hasher::new(Algorithm::Sha256).to_state().into(),
            create_repository: Some(Visibility::Private),
            now: 1,
            expires: 1_000,
            actor: None,
        }
    }

    pub(crate) async fn begin(&self, opening: NewUpload) -> Begun {
        must(self.rows.uploads.begin(&opening).await)
    }

    /// The upload, opened.
    pub(crate) async fn begun(self) -> Self {
        assert_eq!(self.begin(self.opening()).await, Begun::Done);
        self
    }

    /// The same upload as seen from another repository.
    pub(crate) fn seen_from(&self, other: &Repo) -> Self {
        Self { repository: other.name.clone(), ..self.clone() }
    }

    pub(crate) async fn load(&self, now: Millis) -> Option<Upload> {
        must(self.rows.uploads.load(&self.repository, &self.id, now).await)
    }

    /// A part of so many bytes, which the store is said to hold.
    pub(crate) fn part(&self, name: &str, size: u64) -> Part {
        let location = location(format!("parts/{}/{name}", self.id));
        Part { location, size }
    }

    /// A sealed copy, which the store is said to hold.
    pub(crate) fn sealed(&self, name: &str) -> Location {
        location(format!("sealed/{}/{name}", self.id))
    }

    pub(crate) fn appending(&self, from: u64, part: Part) -> PublishPart {
        PublishPart {
            repository: self.repository.clone(),
            id: self.id,
            from,
            hash_state: state_behind(&part),
            part,
            now: 1,
            expires: 1_000,
        }
    }

    pub(crate) async fn publish(&self, from: u64, part: Part) -> Published {
        self.append(self.appending(from, part)).await
    }

    pub(crate) async fn append(&self, part: PublishPart) -> Published {
        must(self.rows.uploads.publish(&part).await)
    }

    /// Makes a blob with that content of a sealed copy with that name; access lasts until 1,000.
    pub(crate) fn finishing(&self, from: u64, content: &str, sealed: &str) -> FinishUpload {
        FinishUpload {
            repository: self.repository.clone(),
            id: self.id,
            from,
            sealed: self.sealed(sealed),
            digest: digest(content),
            size: content.len() as u64,
            lease_until: 1_000,
            now: 1,
        }
    }

    pub(crate) async fn finish(&self, finish: FinishUpload) -> Finished {
        must(self.rows.uploads.finish(&finish).await)
    }

    /// The whole of an opened upload: one part with the content, made a blob.
    pub(crate) async fn makes(&self, content: &str, lease_until: Millis) -> Blob {
        let finish = FinishUpload { lease_until, ..self.finishing(0, content, "whole") };
        match self.finish(finish).await {
            Finished::Done(blob) => blob,
            refusal @ (Finished::AlreadyDone(_)
            | Finished::WrongOffset(_)
            | Finished::Unknown
            | Finished::RepositoryGone
            | Finished::ReadOnly) => panic!("a fresh upload did not become a blob: {refusal:?}"),
        }
    }

    /// Drops the upload wherever it ends. Whether there was one.
    pub(crate) async fn cancel(&self, unpublished: &[Part]) -> bool {
        self.cancel_at(None, unpublished).await == Cancelled::Done
    }

    pub(crate) async fn cancel_at(&self, from: Option<u64>, unpublished: &[Part]) -> Cancelled {
        let (repository, unpublished) = (self.repository.clone(), unpublished.to_vec());
        must(self.rows.uploads.cancel(&CancelUpload { repository, id: self.id, from, unpublished, now: 1 }).await)
    }
}

impl super::Fixture {
    /// What is in the trash, sooner or later; each location once.
    pub(crate) async fn trash(&self) -> BTreeSet<Location> {
        trash(&self.rows).await
    }
}

/// Something that a store says it holds.
pub(crate) fn stored(location: Location, upload: UploadId) -> Stored {
    Stored { location, upload, size: 1, modified: 0 }
}

async fn trash(rows: &Rows) -> BTreeSet<Location> {
    let collection = Arc::clone(&rows.collection);
    let listed = must(collection.trash(10_000, LATER).await);
    let distinct: BTreeSet<Location> = listed.iter().cloned().collect();
    assert_eq!(distinct.len(), listed.len(), "a location is in the trash twice: {listed:?}");
    distinct
}

/// A state that is not like that behind any other part.
fn state_behind(part: &Part) -> Bytes {
    let mut hasher = Hasher::new(Algorithm::Sha256);
    hasher.update(part.location.key.as_bytes());
    hasher.to_state().into()
}
