use async_trait::async_trait;
use manifest_core::facts::{Blob, Location, PushAsk, PushFacts, RepositoryState};
use manifest_core::plan::{Applied, Plan};
use manifest_core::ports::{
    Begun, Blobs, CancelUpload, Cancelled, Collection, FetchAsk, Fetched, FinishUpload, Finished, HistoryCursor,
    HistoryRow, Listings, Manifests, MountAsk, Mounted, NewUpload, Page, PageAsk, Part, PublishPart, Published,
    Referrer, ReferrersAsk, Removal, Repositories, RepositoryRow, Stored, Swept, TagRow, Totals, Upload, UploadId,
    Uploads,
};
use manifest_core::{Millis, Port, ReadScope};
use manifest_memory::MemoryStore;
use oci_types::{Digest, RepositoryName, TagName};

/// The memory adapter with a fault.
pub(crate) struct Faulty<F> {
    store: MemoryStore,
    fault: F,
}

impl<F> Faulty<F> {
    pub(crate) fn new(fault: F) -> Self {
        let store = MemoryStore::new();
        Self { store, fault }
    }
}

/// What an adapter does wrong: the methods that are not overridden do what the memory adapter does.
#[async_trait]
pub(crate) trait Fault: Send + Sync + 'static {
    async fn fetch(&self, store: &MemoryStore, ask: &FetchAsk) -> Port<Fetched> {
        Manifests::fetch(store, ask).await
    }

    async fn push_facts(&self, store: &MemoryStore, ask: &PushAsk) -> Port<PushFacts> {
        Manifests::push_facts(store, ask).await
    }

    async fn apply(&self, store: &MemoryStore, plan: &Plan) -> Port<Applied> {
        Manifests::apply(store, plan).await
    }

    async fn referrers(&self, store: &MemoryStore, ask: &ReferrersAsk) -> Port<Page<Referrer>> {
        Manifests::referrers(store, ask).await
    }

    async fn tag_names(
        &self,
        store: &MemoryStore,
        repository: &RepositoryName,
        page: &PageAsk<TagName>,
        now: Millis,
    ) -> Port<Option<Page<TagName>>> {
        Listings::tag_names(store, repository, page, now).await
    }

    async fn tags(
        &self,
        store: &MemoryStore,
        repository: &RepositoryName,
        page: &PageAsk<TagName>,
        now: Millis,
    ) -> Port<Option<Page<TagRow>>> {
        Listings::tags(store, repository, page, now).await
    }

    async fn history(
        &self,
        store: &MemoryStore,
        repository: &RepositoryName,
        name: Option<TagName>,
        page: &PageAsk<HistoryCursor>,
    ) -> Port<Option<Page<HistoryRow>>> {
        Listings::history(store, repository, name, page).await
    }

    async fn repositories(
        &self,
        store: &MemoryStore,
        scope: &ReadScope,
        page: &PageAsk<RepositoryName>,
    ) -> Port<Page<RepositoryName>> {
        Listings::repositories(store, scope, page).await
    }

    async fn totals(&self, store: &MemoryStore) -> Port<Totals> {
        Listings::totals(store).await
    }

    async fn find_repository(&self, store: &MemoryStore, name: &RepositoryName) -> Port<Option<RepositoryRow>> {
        Repositories::find(store, name).await
    }

    async fn set_state(&self, store: &MemoryStore, name: &RepositoryName, state: RepositoryState) -> Port<bool> {
        Repositories::set_state(store, name, state).await
    }

    async fn find_blob(
        &self,
        store: &MemoryStore,
        repository: &RepositoryName,
        digest: &Digest,
        usable_after: Millis,
    ) -> Port<Option<Blob>> {
        Blobs::find(store, repository, digest, usable_after).await
    }

    async fn mount(&self, store: &MemoryStore, ask: &MountAsk) -> Port<Mounted> {
        Blobs::mount(store, ask).await
    }

    async fn remove(
        &self,
        store: &MemoryStore,
        repository: &RepositoryName,
        digest: &Digest,
        now: Millis,
    ) -> Port<Removal> {
        Blobs::remove(store, repository, digest, now).await
    }

    async fn begin(&self, store: &MemoryStore, upload: &NewUpload) -> Port<Begun> {
        Uploads::begin(store, upload).await
    }

    async fn load(
        &self,
        store: &MemoryStore,
        repository: &RepositoryName,
        id: &UploadId,
        now: Millis,
    ) -> Port<Option<Upload>> {
        Uploads::load(store, repository, id, now).await
    }

    async fn publish(&self, store: &MemoryStore, part: &PublishPart) -> Port<Published> {
        Uploads::publish(store, part).await
    }

    async fn finish(&self, store: &MemoryStore, upload: &FinishUpload) -> Port<Finished> {
        Uploads::finish(store, upload).await
    }

    async fn cancel(&self, store: &MemoryStore, upload: &CancelUpload) -> Port<Cancelled> {
        Uploads::cancel(store, upload).await
    }

    async fn sweep_uploads(&self, store: &MemoryStore, limit: u32, now: Millis) -> Port<Swept> {
        Collection::sweep_uploads(store, limit, now).await
    }

    async fn trash(&self, store: &MemoryStore, limit: u32, now: Millis) -> Port<Vec<Location>> {
        Collection::trash(store, limit, now).await
    }

    async fn trash_emptied(&self, store: &MemoryStore, locations: &[Location]) -> Port<()> {
        Collection::trash_emptied(store, locations).await
    }

    async fn postpone_trash(&self, store: &MemoryStore, locations: &[Location], not_before: Millis) -> Port<()> {
        Collection::postpone_trash(store, locations, not_before).await
    }

    async fn discard_unnamed(&self, store: &MemoryStore, seen: &[Stored], now: Millis) -> Port<u64> {
        Collection::discard_unnamed(store, seen, now).await
    }
}

#[async_trait]
impl<F: Fault> Manifests for Faulty<F> {
    async fn fetch(&self, ask: &FetchAsk) -> Port<Fetched> {
        self.fault.fetch(&self.store, ask).await
    }

    async fn push_facts(&self, ask: &PushAsk) -> Port<PushFacts> {
        self.fault.push_facts(&self.store, ask).await
    }

    async fn apply(&self, plan: &Plan) -> Port<Applied> {
        self.fault.apply(&self.store, plan).await
    }

    async fn referrers(&self, ask: &ReferrersAsk) -> Port<Page<Referrer>> {
        self.fault.referrers(&self.store, ask).await
    }
}

#[async_trait]
impl<F: Fault> Listings for Faulty<F> {
    async fn tag_names(
        &self,
        repository: &RepositoryName,
        page: &PageAsk<TagName>,
        now: Millis,
    ) -> Port<Option<Page<TagName>>> {
        self.fault.tag_names(&self.store, repository, page, now).await
    }

    async fn tags(
        &self,
        repository: &RepositoryName,
        page: &PageAsk<TagName>,
        now: Millis,
    ) -> Port<Option<Page<TagRow>>> {
        self.fault.tags(&self.store, repository, page, now).await
    }

    async fn history(
        &self,
        repository: &RepositoryName,
        name: Option<TagName>,
        page: &PageAsk<HistoryCursor>,
    ) -> Port<Option<Page<HistoryRow>>> {
        self.fault.history(&self.store, repository, name, page).await
    }

    async fn repositories(&self, scope: &ReadScope, page: &PageAsk<RepositoryName>) -> Port<Page<RepositoryName>> {
        self.fault.repositories(&self.store, scope, page).await
    }

    async fn totals(&self) -> Port<Totals> {
        self.fault.totals(&self.store).await
    }
}

#[async_trait]
impl<F: Fault> Repositories for Faulty<F> {
    async fn find(&self, name: &RepositoryName) -> Port<Option<RepositoryRow>> {
        self.fault.find_repository(&self.store, name).await
    }

    async fn set_state(&self, name: &RepositoryName, state: RepositoryState) -> Port<bool> {
        self.fault.set_state(&self.store, name, state).await
    }
}

#[async_trait]
impl<F: Fault> Blobs for Faulty<F> {
    async fn find(&self, repository: &RepositoryName, digest: &Digest, usable_after: Millis) -> Port<Option<Blob>> {
        self.fault.find_blob(&self.store, repository, digest, usable_after).await
    }

    async fn mount(&self, ask: &MountAsk) -> Port<Mounted> {
        self.fault.mount(&self.store, ask).await
    }

    async fn remove(&self, repository: &RepositoryName, digest: &Digest, now: Millis) -> Port<Removal> {
        self.fault.remove(&self.store, repository, digest, now).await
    }
}

#[async_trait]
impl<F: Fault> Uploads for Faulty<F> {
    async fn begin(&self, upload: &NewUpload) -> Port<Begun> {
        self.fault.begin(&self.store, upload).await
    }

    async fn load(&self, repository: &RepositoryName, id: &UploadId, now: Millis) -> Port<Option<Upload>> {
        self.fault.load(&self.store, repository, id, now).await
    }

    async fn publish(&self, part: &PublishPart) -> Port<Published> {
        self.fault.publish(&self.store, part).await
    }

    async fn finish(&self, upload: &FinishUpload) -> Port<Finished> {
        self.fault.finish(&self.store, upload).await
    }

    async fn cancel(&self, upload: &CancelUpload) -> Port<Cancelled> {
        self.fault.cancel(&self.store, upload).await
    }

    async fn discard(&self, parts: &[Part], now: Millis) -> Port<()> {
        Uploads::discard(&self.store, parts, now).await
    }
}

#[async_trait]
impl<F: Fault> Collection for Faulty<F> {
    async fn sweep_uploads(&self, limit: u32, now: Millis) -> Port<Swept> {
        self.fault.sweep_uploads(&self.store, limit, now).await
    }

    async fn trash(&self, limit: u32, now: Millis) -> Port<Vec<Location>> {
        self.fault.trash(&self.store, limit, now).await
    }

    async fn trash_emptied(&self, locations: &[Location]) -> Port<()> {
        self.fault.trash_emptied(&self.store, locations).await
    }

    async fn postpone_trash(&self, locations: &[Location], not_before: Millis) -> Port<()> {
        self.fault.postpone_trash(&self.store, locations, not_before).await
    }

    async fn discard_unnamed(&self, seen: &[Stored], now: Millis) -> Port<u64> {
        self.fault.discard_unnamed(&self.store, seen, now).await
    }
}
