use crate::ops::apply::{self, Prepared};
use crate::ops::{fetch, push_facts, referrers};
use crate::store::SqliteStore;
use async_trait::async_trait;
use manifest_core::error::Port;
use manifest_core::facts::{PushAsk, PushFacts};
use manifest_core::plan::{Applied, Plan};
use manifest_core::ports::{FetchAsk, Fetched, Manifests, Page, Referrer, ReferrersAsk};

#[async_trait]
impl Manifests for SqliteStore {
    async fn fetch(&self, ask: &FetchAsk) -> Port<Fetched> {
        self.read(|connection| fetch::fetch(connection, ask))
    }

    async fn push_facts(&self, ask: &PushAsk) -> Port<PushFacts> {
        let rows = ask.blobs.len() + ask.children.len() + ask.tags.len();
        let ask = ask.clone();
        self.read_page(rows, move |connection| push_facts::push_facts(connection, &ask)).await
    }

    async fn apply(&self, plan: &Plan) -> Port<Applied> {
        let prepared = Prepared::new(plan);
        self.write(move |connection| apply::apply(connection, &prepared)).await
    }

    async fn referrers(&self, ask: &ReferrersAsk) -> Port<Page<Referrer>> {
        // However short the page, it may pass over many referrers that nothing keeps, and walk up from each.
        let ask = ask.clone();
        self.read_long(move |connection| referrers::referrers(connection, &ask)).await
    }
}
