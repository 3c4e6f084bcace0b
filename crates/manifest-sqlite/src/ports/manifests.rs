use crate::ops::apply::{self, Prepared};
use crate::ops::{fetch, labels, push_facts, referrers, support};
use crate::store::SqliteStore;
use async_trait::async_trait;
use manifest_core::error::Port;
use manifest_core::facts::{PushAsk, PushFacts};
use manifest_core::labels::MAX_COUNT;
use manifest_core::plan::{Applied, LabelRow, Plan};
use manifest_core::ports::{FetchAsk, Fetched, Manifests, Page, Referrer, ReferrersAsk, Support, SupportAsk};
use oci_types::{Digest, RepositoryName};

#[async_trait]
impl Manifests for SqliteStore {
    async fn fetch(&self, ask: &FetchAsk) -> Port<Fetched> {
        let (lookups, state) = self.lookups();
        if let Some(fetched) = state.and_then(|state| lookups.manifest(state, ask)) {
            return Ok(fetched);
        }
        let (fetched, until) = self.read(|connection| fetch::fetch(connection, ask))?;
        if let Some(state) = state {
            lookups.keep_manifest(state, ask, &fetched, until);
        }
        Ok(fetched)
    }

    async fn push_facts(&self, ask: &PushAsk) -> Port<PushFacts> {
        // Nobody knows how many tags a manifest has.
        let unknown = if ask.labels || ask.tags_of.is_some() { MAX_COUNT } else { 0 };
        let rows = ask.blobs.len() + ask.children.len() + ask.tags.len() + unknown;
        let ask = ask.clone();
        self.read_page(rows, move |connection| push_facts::push_facts(connection, &ask)).await
    }

    async fn apply(&self, plan: &Plan) -> Port<Applied> {
        let (prepared, known) = (Prepared::new(plan), self.known_images());
        let (applied, seen) = self.write(move |connection| apply::apply(connection, &prepared, &known)).await?;
        if let (Some(seen), Some(change)) = (seen, &plan.manifest) {
            self.known_images().learn(seen, apply::images::of(change));
        }
        Ok(applied)
    }

    async fn referrers(&self, ask: &ReferrersAsk) -> Port<Page<Referrer>> {
        // However short the page, it may pass over many referrers that nothing keeps, and walk up from each.
        let ask = ask.clone();
        self.read_long(move |connection| referrers::referrers(connection, &ask)).await
    }

    async fn labels(&self, repository: &RepositoryName, digest: &Digest, prefix: &str) -> Port<Option<Vec<LabelRow>>> {
        let (repository, digest, prefix) = (repository.clone(), *digest, prefix.to_owned());
        self.read_page(MAX_COUNT, move |connection| labels::labels(connection, &repository, &digest, &prefix)).await
    }

    async fn support(&self, ask: &SupportAsk) -> Port<Option<Support>> {
        let ask = ask.clone();
        self.read_page(usize::MAX, move |connection| support::support(connection, &ask)).await
    }
}
