use crate::access::{Actor, ReadScope};
use crate::error::Port;
use crate::facts::TagState;
use crate::time::Millis;
use async_trait::async_trait;
use oci_types::{Digest, MediaType, Platform, RepositoryName, TagName};

/// Pages. Each is one statement over an index, in byte order of its key, and costs the same wherever it starts.
///
/// # What every adapter promises
///
/// - **L1.** A page MUST hold the `limit` items that follow `after` in byte order of their keys, or all that are left; `more`
///   MUST say whether others follow. `after` need not exist. A limit of 0 is an empty page without more.
/// - **L2.** `tag_names` and `tags` MUST list exactly the tags that are alive at `now`, and answer `None` iff there is no such
///   repository.
/// - **L3.** `repositories` MUST list exactly the repositories in the scope that are not being deleted.
/// - **L4.** `history` MUST list closed and open intervals, newest start first, then by name; of one name if one is given.
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait Listings: Send + Sync {
    /// The names of alive tags, for the OCI tag list.
    async fn tag_names(
        &self,
        repository: &RepositoryName,
        page: &PageAsk<TagName>,
        now: Millis,
    ) -> Port<Option<Page<TagName>>>;

    /// Alive tags with what they point at.
    async fn tags(
        &self,
        repository: &RepositoryName,
        page: &PageAsk<TagName>,
        now: Millis,
    ) -> Port<Option<Page<TagRow>>>;

    /// What tags pointed at, and when.
    async fn history(
        &self,
        repository: &RepositoryName,
        name: Option<TagName>,
        page: &PageAsk<HistoryCursor>,
    ) -> Port<Option<Page<HistoryRow>>>;

    /// Repositories that the scope holds.
    async fn repositories(&self, scope: &ReadScope, page: &PageAsk<RepositoryName>) -> Port<Page<RepositoryName>>;

    /// How much the store holds, for people: exact counts, not on a hot path.
    async fn totals(&self) -> Port<Totals>;
}

/// Which page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageAsk<K> {
    /// Only what follows this key; from the start if none.
    pub after: Option<K>,
    /// At most so many items.
    pub limit: u32,
}

impl<K> PageAsk<K> {
    /// The first page of so many items.
    #[must_use]
    pub fn first(limit: u32) -> Self {
        Self { after: None, limit }
    }
}

/// A page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// In order.
    pub items: Vec<T>,
    /// Whether others follow the last item.
    pub more: bool,
}

/// A tag with what it points at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagRow {
    /// The tag.
    pub name: TagName,
    /// Where it points.
    pub state: TagState,
    /// The manifest's type.
    pub media_type: MediaType,
    /// The manifest's own size in bytes.
    pub manifest_size: u64,
    /// The sum of its layers, for images.
    pub layers_size: Option<u64>,
    /// What it runs on, for images.
    pub platform: Option<Platform>,
    /// When it was built, for images.
    pub image_created: Option<Millis>,
}

/// Behind which row of a history a page starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryCursor {
    /// The row's start.
    pub start: Millis,
    /// The row's tag.
    pub name: TagName,
}

/// One interval of a tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryRow {
    /// The tag.
    pub name: TagName,
    /// What it pointed at.
    pub target: Digest,
    /// From when.
    pub start: Millis,
    /// Until when; [`NEVER`](crate::NEVER) for an open interval that does not expire.
    pub end: Millis,
    /// Whether this is the tag's present interval.
    pub current: bool,
    /// Whether it restored an earlier target.
    pub reversion: bool,
    /// What the name pointed at before, if it did.
    pub previous: Option<Digest>,
    /// Who made it.
    pub actor: Option<Actor>,
}

/// How much a store holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Not being deleted.
    pub repositories: u64,
    /// Undeleted.
    pub manifests: u64,
    /// Rows, expired ones included.
    pub tags: u64,
    /// Distinct.
    pub blobs: u64,
    /// Sum of the distinct blobs' sizes.
    pub blob_bytes: u64,
}
