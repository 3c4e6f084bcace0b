use crate::ops::{apply, fetch, labels, push_facts, referrers, support};
use crate::store::PostgresStore;
use async_trait::async_trait;
use manifest_core::error::Port;
use manifest_core::facts::{PushAsk, PushFacts};
use manifest_core::plan::{Applied, LabelRow, Plan};
use manifest_core::ports::{FetchAsk, Fetched, Manifests, Page, Referrer, ReferrersAsk, Support, SupportAsk};
use oci_types::{Digest, RepositoryName};

#[async_trait]
impl Manifests for PostgresStore {
    async fn fetch(&self, ask: &FetchAsk) -> Port<Fetched> {
        fetch::fetch(self, ask).await
    }

    async fn push_facts(&self, ask: &PushAsk) -> Port<PushFacts> {
        push_facts::push_facts(self, ask).await
    }

    async fn apply(&self, plan: &Plan) -> Port<Applied> {
        apply::apply(self, plan).await
    }

    async fn referrers(&self, ask: &ReferrersAsk) -> Port<Page<Referrer>> {
        referrers::referrers(self, ask).await
    }

    async fn labels(&self, repository: &RepositoryName, digest: &Digest, prefix: &str) -> Port<Option<Vec<LabelRow>>> {
        labels::labels(self, repository, digest, prefix).await
    }

    async fn support(&self, ask: &SupportAsk) -> Port<Option<Support>> {
        support::support(self, ask).await
    }
}
