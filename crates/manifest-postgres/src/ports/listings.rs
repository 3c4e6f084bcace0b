use crate::ops::{history, manifests, repositories, tags, totals};
use crate::store::PostgresStore;
use async_trait::async_trait;
use manifest_core::access::ReadScope;
use manifest_core::error::Port;
use manifest_core::ports::{
    HistoryAsk, HistoryRow, Listings, ManifestRow, ManifestsAsk, Page, PageAsk, TagRow, TagsAsk, Totals,
};
use manifest_core::time::Millis;
use oci_types::{RepositoryName, TagName};

#[async_trait]
impl Listings for PostgresStore {
    async fn tag_names(
        &self,
        repository: &RepositoryName,
        page: &PageAsk<TagName>,
        now: Millis,
    ) -> Port<Option<Page<TagName>>> {
        tags::names(self, repository, page, now).await
    }

    async fn tags(&self, ask: &TagsAsk) -> Port<Option<Page<TagRow>>> {
        tags::tags(self, ask).await
    }

    async fn history(&self, ask: &HistoryAsk) -> Port<Option<Page<HistoryRow>>> {
        history::history(self, ask).await
    }

    async fn manifests(&self, ask: &ManifestsAsk) -> Port<Option<Page<ManifestRow>>> {
        manifests::manifests(self, ask).await
    }

    async fn repositories(&self, scope: &ReadScope, page: &PageAsk<RepositoryName>) -> Port<Page<RepositoryName>> {
        repositories::page(self, scope, page).await
    }

    async fn totals(&self) -> Port<Totals> {
        totals::totals(self).await
    }
}
