//! The strict profile: ports around ports, so that both adapters behave in the few respects in which Quay's older rules are
//! meant. Rules and stores stay what they are.

use async_trait::async_trait;
use manifest_core::facts::{Blob, PushAsk, PushFacts};
use manifest_core::oci_types::{Digest, RepositoryName};
use manifest_core::plan::{Applied, LabelRow, Pin, Plan};
use manifest_core::ports::{
    Blobs, FetchAsk, Fetched, Manifests, MountAsk, Mounted, Page, Referrer, ReferrersAsk, Removal, Support, SupportAsk,
};
use manifest_core::{Millis, NEVER, Port};
use std::collections::BTreeSet;
use std::sync::Arc;

/// A time before every lease: asked as of then, an access row grants until it is collected.
const BEFORE_ALL: Millis = i64::MIN;

/// Manifests of which an access row grants until it is collected, and a pin is left out where a tag that ends no earlier is there.
pub(super) struct StrictManifests {
    pub(super) inner: Arc<dyn Manifests>,
    /// Whether a push by digest pins at all.
    pub(super) pins: bool,
}

/// Blobs to which an access row grants access until it is collected.
pub(super) struct StrictBlobs(pub(super) Arc<dyn Blobs>);

impl StrictManifests {
    /// Whether something keeps the manifest that long already.
    async fn is_kept(&self, plan: &Plan, pin: Pin) -> Port<bool> {
        let ask = PushAsk { tags_of: Some(pin.digest), ..ask_nothing(&plan.repository, plan.now) };
        let facts = self.inner.push_facts(&ask).await?;
        Ok(facts.tags_of.values().any(|tag| tag.expires >= pin.until))
    }
}

#[async_trait]
impl Manifests for StrictManifests {
    async fn fetch(&self, ask: &FetchAsk) -> Port<Fetched> {
        self.inner.fetch(ask).await
    }

    async fn push_facts(&self, ask: &PushAsk) -> Port<PushFacts> {
        let facts = self.inner.push_facts(ask).await?;
        if ask.blobs.is_empty() {
            return Ok(facts);
        }
        let ask = PushAsk { blobs: ask.blobs.clone(), ..ask_nothing(&ask.repository, BEFORE_ALL) };
        let blobs = self.inner.push_facts(&ask).await?.blobs;
        Ok(PushFacts { blobs, ..facts })
    }

    async fn apply(&self, plan: &Plan) -> Port<Applied> {
        match plan.pin {
            Some(pin) if !self.pins || self.is_kept(plan, pin).await? => {
                self.inner.apply(&Plan { pin: None, ..plan.clone() }).await
            }
            Some(_) | None => self.inner.apply(plan).await,
        }
    }

    async fn referrers(&self, ask: &ReferrersAsk) -> Port<Page<Referrer>> {
        self.inner.referrers(ask).await
    }

    async fn labels(&self, repository: &RepositoryName, digest: &Digest, prefix: &str) -> Port<Option<Vec<LabelRow>>> {
        self.inner.labels(repository, digest, prefix).await
    }

    async fn support(&self, ask: &SupportAsk) -> Port<Option<Support>> {
        self.inner.support(ask).await
    }
}

#[async_trait]
impl Blobs for StrictBlobs {
    async fn find(&self, repository: &RepositoryName, digest: &Digest, usable_after: Millis) -> Port<Option<Blob>> {
        // No lease is later than that, so only a manifest grants then; who asks for it is not about leases.
        let usable_after = if usable_after == NEVER { NEVER } else { BEFORE_ALL };
        self.0.find(repository, digest, usable_after).await
    }

    async fn mount(&self, ask: &MountAsk) -> Port<Mounted> {
        self.0.mount(&MountAsk { now: BEFORE_ALL, ..ask.clone() }).await
    }

    async fn remove(&self, repository: &RepositoryName, digest: &Digest, now: Millis) -> Port<Removal> {
        self.0.remove(repository, digest, now).await
    }
}

fn ask_nothing(repository: &RepositoryName, now: Millis) -> PushAsk {
    PushAsk {
        repository: repository.clone(),
        now,
        digest: None,
        blobs: BTreeSet::new(),
        children: BTreeSet::new(),
        tags: BTreeSet::new(),
        tags_of: None,
        labels: false,
        visibility: false,
        legacy_images: BTreeSet::new(),
    }
}
