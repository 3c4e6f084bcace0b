use crate::ops::{history, manifests, repositories, tags, totals};
use crate::store::SqliteStore;
use async_trait::async_trait;
use manifest_core::access::ReadScope;
use manifest_core::error::Port;
use manifest_core::ports::{
    HistoryAsk, HistoryRow, Listings, ManifestRow, ManifestsAsk, Page, PageAsk, TagRow, TagsAsk, Totals,
};
use manifest_core::time::Millis;
use oci_types::{RepositoryName, TagName};

#[async_trait]
impl Listings for SqliteStore {
    async fn tag_names(
        &self,
        repository: &RepositoryName,
        page: &PageAsk<TagName>,
        now: Millis,
    ) -> Port<Option<Page<TagName>>> {
        let (repository, page, limit) = (repository.clone(), page.clone(), page.limit as usize);
        let read = move |connection: &mut _| tags::names(connection, &repository, &page, now);
        self.read_page(limit, read).await
    }

    async fn tags(&self, ask: &TagsAsk) -> Port<Option<Page<TagRow>>> {
        let (ask, rows) = (ask.clone(), ask.limit as usize);
        // A filter may pass over any number of names.
        let rows = if ask.contains.is_some() { usize::MAX } else { rows };
        self.read_page(rows, move |connection| tags::tags(connection, &ask)).await
    }

    async fn history(&self, ask: &HistoryAsk) -> Port<Option<Page<HistoryRow>>> {
        let (ask, rows) = (ask.clone(), ask.limit as usize);
        let rows = if ask.since.is_some() || ask.active_only { usize::MAX } else { rows };
        self.read_page(rows, move |connection| history::history(connection, &ask)).await
    }

    async fn manifests(&self, ask: &ManifestsAsk) -> Port<Option<Page<ManifestRow>>> {
        let ask = ask.clone();
        // Those in another state are passed over.
        self.read_page(usize::MAX, move |connection| manifests::manifests(connection, &ask)).await
    }

    async fn repositories(&self, scope: &ReadScope, page: &PageAsk<RepositoryName>) -> Port<Page<RepositoryName>> {
        let (scope, page, limit) = (scope.clone(), page.clone(), page.limit as usize);
        let read = move |connection: &mut _| repositories::page(connection, &scope, &page);
        self.read_page(limit, read).await
    }

    async fn totals(&self) -> Port<Totals> {
        self.read_page(usize::MAX, totals::totals).await
    }
}
