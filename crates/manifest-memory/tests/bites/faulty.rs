use async_trait::async_trait;
use manifest_core::facts::{Blob, Location, PushAsk, PushFacts, RepositoryState, Visibility};
use manifest_core::plan::{Applied, LabelRow, Plan};
use manifest_core::ports::{
    Begun, Blobs, CancelUpload, Cancelled, Collection, Doomed, FetchAsk, Fetched, FinishUpload, Finished, HistoryAsk,
    HistoryRow, ImageTag, ImageTagsAsk, LegacyImages, Listings, ManifestRow, Manifests, ManifestsAsk, MountAsk,
    Mounted, NewUpload, Page, PageAsk, Part, PublishPart, Published, Reclaim, Record, Records, Referrer, ReferrersAsk,
    Removal, Repositories, RepositoryRow, Stored, StoredImage, Support, SupportAsk, SweepAsk, SweepCursor, SweepDone,
    Swept, Table, TagRow, TagsAsk, Totals, Upload, UploadId, Uploads,
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

/// Ports whose calls may go wrong: under which name a fault overrides a call, and the call.
macro_rules! faults {
    ($($port:ident { $($fault:ident = $call:ident($($arg:ident: $type:ty),*) -> $answer:ty;)* })*) => {
        /// What an adapter does wrong: the methods that are not overridden do what the memory adapter does.
        #[async_trait]
        pub(crate) trait Fault: Send + Sync + 'static {
            $($(async fn $fault(&self, store: &MemoryStore, $($arg: $type),*) -> Port<$answer> {
                $port::$call(store, $($arg),*).await
            })*)*
        }

        $(#[async_trait]
        impl<F: Fault> $port for Faulty<F> {
            $(async fn $call(&self, $($arg: $type),*) -> Port<$answer> {
                self.fault.$fault(&self.store, $($arg),*).await
            })*
        })*
    };
}

faults! {
    Manifests {
        fetch = fetch(ask: &FetchAsk) -> Fetched;
        push_facts = push_facts(ask: &PushAsk) -> PushFacts;
        apply = apply(plan: &Plan) -> Applied;
        referrers = referrers(ask: &ReferrersAsk) -> Page<Referrer>;
        labels = labels(repository: &RepositoryName, digest: &Digest, prefix: &str) -> Option<Vec<LabelRow>>;
        support = support(ask: &SupportAsk) -> Option<Support>;
    }
    Listings {
        tag_names = tag_names(repository: &RepositoryName, page: &PageAsk<TagName>, now: Millis) -> Option<Page<TagName>>;
        tags = tags(ask: &TagsAsk) -> Option<Page<TagRow>>;
        history = history(ask: &HistoryAsk) -> Option<Page<HistoryRow>>;
        manifests = manifests(ask: &ManifestsAsk) -> Option<Page<ManifestRow>>;
        repositories = repositories(scope: &ReadScope, page: &PageAsk<RepositoryName>) -> Page<RepositoryName>;
        totals = totals() -> Totals;
    }
    Repositories {
        find_repository = find(name: &RepositoryName) -> Option<RepositoryRow>;
        create_repository = create(name: &RepositoryName, visibility: Visibility, now: Millis) -> bool;
        delete_repository = delete(name: &RepositoryName, now: Millis) -> bool;
        set_state = set_state(name: &RepositoryName, state: RepositoryState) -> bool;
    }
    Blobs {
        find_blob = find(repository: &RepositoryName, digest: &Digest, usable_after: Millis) -> Option<Blob>;
        mount = mount(ask: &MountAsk) -> Mounted;
        remove = remove(repository: &RepositoryName, digest: &Digest, now: Millis) -> Removal;
    }
    Uploads {
        begin = begin(upload: &NewUpload) -> Begun;
        load = load(repository: &RepositoryName, id: &UploadId, now: Millis) -> Option<Upload>;
        publish = publish(part: &PublishPart) -> Published;
        finish = finish(upload: &FinishUpload) -> Finished;
        cancel = cancel(upload: &CancelUpload) -> Cancelled;
        discard = discard(parts: &[Part], now: Millis) -> ();
    }
    Collection {
        sweep_uploads = sweep_uploads(limit: u32, now: Millis) -> Swept;
        sweep = sweep(ask: &SweepAsk) -> SweepDone;
        doomed = doomed(ask: &SweepAsk) -> (Vec<Doomed>, Option<SweepCursor>);
        freed_by = freed_by(repository: &RepositoryName, digests: &[Digest], now: Millis) -> Reclaim;
        reclaimable = reclaimable(now: Millis, window: i64, grace: i64) -> Reclaim;
        trash = trash(limit: u32, now: Millis) -> Vec<Location>;
        trash_emptied = trash_emptied(locations: &[Location]) -> ();
        postpone_trash = postpone_trash(locations: &[Location], not_before: Millis) -> ();
        discard_unnamed = discard_unnamed(seen: &[Stored], now: Millis) -> u64;
    }
    LegacyImages {
        image = image(repository: &RepositoryName, id: &str, now: Millis) -> Option<StoredImage>;
        ancestry = ancestry(repository: &RepositoryName, id: &str, now: Millis) -> Vec<String>;
        image_tags = image_tags(ask: &ImageTagsAsk) -> Option<Page<ImageTag>>;
    }
    Records {
        page_of_records = page(table: Table, after: Option<String>, limit: u32) -> Page<Record>;
    }
}
