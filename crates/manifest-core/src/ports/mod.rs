//! The ports: what the core needs from the world, one trait a file.
//!
//! Each promise of a port has a number, and is a clause of that name in the `manifest-contract` crate; whoever writes
//! an adapter runs that suite. All ports share these:
//!
//! - Sets travel as one value; no method is called in a loop over a manifest's parts.
//! - Refusals are values of the answer; an `Err` is what nobody asked about, and left nothing behind unless
//!   [`PortError::outcome_unknown`](crate::PortError::outcome_unknown).
//! - Time and new ids are arguments.
//! - Dropping a call's future is safe: the write happens whole or not at all, and no connection stays in a transaction.

mod blob_store;
mod blobs;
mod collection;
mod listings;
mod manifests;
mod records;
mod repositories;
mod uploads;

pub use blob_store::{BlobStore, BodyError, BodyStream, ByteStream, Capacity, Part, Stored, WriteError};
pub use blobs::{Blobs, MountAsk, MountSource, Mounted, Removal};
pub use collection::{Collection, Doomed, Reclaim, SweepAsk, SweepCursor, SweepDone, SweepKind, Swept};
pub use listings::{
    HistoryAsk, HistoryCursor, HistoryRow, Listings, MAX_PLATFORM_ENTRIES, ManifestRow, ManifestState, ManifestsAsk,
    Page, PageAsk, TagCursor, TagOrder, TagRow, TagsAsk, Totals, shown_platforms,
};
pub use manifests::{
    FetchAsk, Fetched, Found, Liveness, Manifests, Referrer, ReferrersAsk, Support, SupportAsk, SupportLink,
    SupportNode,
};
pub use records::{Record, Records, Table};
pub use repositories::{Repositories, RepositoryRow};
pub use uploads::{
    Begun, CancelUpload, Cancelled, FinishUpload, Finished, NewUpload, ParseUploadIdError, PublishPart, Published,
    Upload, UploadId, Uploads,
};

#[cfg(any(test, feature = "mock"))]
pub use {
    blob_store::MockBlobStore, blobs::MockBlobs, collection::MockCollection, listings::MockListings,
    manifests::MockManifests, records::MockRecords, repositories::MockRepositories, uploads::MockUploads,
};

use crate::access::Authorizer;
use std::sync::Arc;

/// Every port that the use cases need, as trait objects, so that an embedder can replace any of them.
#[derive(Clone)]
pub struct Ports {
    /// Manifests and tags.
    pub manifests: Arc<dyn Manifests>,
    /// Pages.
    pub listings: Arc<dyn Listings>,
    /// Repositories.
    pub repositories: Arc<dyn Repositories>,
    /// Which repository may read which blob.
    pub blobs: Arc<dyn Blobs>,
    /// Uploads under way.
    pub uploads: Arc<dyn Uploads>,
    /// What sweepers need.
    pub collection: Arc<dyn Collection>,
    /// Every row, for checks and copies.
    pub records: Arc<dyn Records>,
    /// The bytes of blobs.
    pub bytes: Arc<dyn BlobStore>,
    /// Who may do what.
    pub access: Arc<dyn Authorizer>,
}
