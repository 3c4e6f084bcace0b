//! The use cases: ask → facts → plan → apply for writes, one port call for reads. The only async code that decides
//! anything; each file is one family of use cases with the errors that a caller can act on.

mod across;
mod amend;
mod authorize;
mod blobs;
mod collector;
mod confirm;
mod convert;
mod delete;
mod fetch;
mod fsck;
mod labels;
mod legacy;
mod listings;
mod lookup;
mod purge;
mod push;
mod repositories;
mod tags;
#[cfg(test)]
mod testing;
mod uploads;
mod why;
mod workers;

pub use across::{FindImageError, MAX_REPOSITORIES_ASKED, PlacedImage};
pub use amend::AmendError;
pub use blobs::BlobError;
pub use collector::{Collector, CollectorOptions, CollectorStep, Preview, PreviewStep, Stage};
pub use confirm::{PLAN_LIFE, PlannedPushError, StalePlan};
pub use convert::{Schema1Form, Schema1Wish, schema1_wish};
pub use delete::DeleteError;
pub use fetch::{FetchError, Manifest};
pub use fsck::{Finding, FsckCounts, FsckOptions, FsckPhase, FsckProgress, FsckReport, OnProgress, Problem};
pub use labels::{LabelAdded, LabelsError, NewLabel};
pub use legacy::{LegacyImageError, MAX_MANIFESTS_READ, MAX_TAGS_AT_ONCE};
pub use listings::{HistoryQuery, ListError, TagQuery};
pub use lookup::{Lookup, ManifestAtError, RequireError};
pub use purge::{PlannedPurge, Purge, PurgeError};
pub use push::{Explained, Push, PushError, Pushed};
pub use repositories::RepositoryError;
pub use tags::{Retagged, TagError};
pub use uploads::UploadError;
pub use why::{Chain, Hold, Weighed, Why, weigh};
pub use workers::{Work, Workers};

use crate::policy::Policy;
use crate::ports::Ports;
use std::sync::Arc;

/// How often a write goes back to facts when the world changed between facts and apply, before it gives up.
const ATTEMPTS: usize = 5;

/// A registry: the use cases over some ports under some policy. Cheap to clone.
#[derive(Clone)]
pub struct Registry {
    ports: Arc<Ports>,
    policy: Arc<Policy>,
    schema1: Arc<convert::Schema1Forms>,
    workers: Option<Arc<dyn Workers>>,
}

impl Registry {
    /// The use cases over these ports under this policy.
    #[must_use]
    pub fn new(ports: Ports, policy: Policy) -> Self {
        let schema1 = Arc::new(convert::Schema1Forms::new(None));
        Self { ports: Arc::new(ports), policy: Arc::new(policy), schema1, workers: None }
    }

    /// The operator's choices.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The adapters behind the use cases, for those who need a port itself (start-up messages, readiness).
    #[must_use]
    pub fn ports(&self) -> &Ports {
        &self.ports
    }

    fn page_limit(&self, wish: Option<u32>) -> u32 {
        wish.map_or(self.policy.max_page, |limit| limit.min(self.policy.max_page))
    }
}
