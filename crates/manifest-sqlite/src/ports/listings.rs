use crate::ops::{history, repositories, tags, totals};
use crate::store::SqliteStore;
use async_trait::async_trait;
use manifest_core::access::ReadScope;
use manifest_core::error::Port;
use manifest_core::ports::{HistoryCursor, HistoryRow, Listings, Page, PageAsk, TagRow, Totals};
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

    async fn tags(
        &self,
        repository: &RepositoryName,
        page: &PageAsk<TagName>,
        now: Millis,
    ) -> Port<Option<Page<TagRow>>> {
        let (repository, page, limit) = (repository.clone(), page.clone(), page.limit as usize);
        let read = move |connection: &mut _| tags::tags(connection, &repository, &page, now);
        self.read_page(limit, read).await
    }

    async fn history(
        &self,
        repository: &RepositoryName,
        name: Option<TagName>,
        page: &PageAsk<HistoryCursor>,
    ) -> Port<Option<Page<HistoryRow>>> {
        let (repository, page, limit) = (repository.clone(), page.clone(), page.limit as usize);
        let read = move |connection: &mut _| history::history(connection, &repository, name.as_ref(), &page);
        self.read_page(limit, read).await
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
