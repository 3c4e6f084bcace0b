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
/// - **L4.** `history` MUST list closed and open intervals, newest start first, then by name; of one name if one is given; only open ones
///   of alive tags if asked for, only those that start or end after `since` if that is given.
/// - **L5.** `tags` MUST keep the order that is asked for, and a filter MUST NOT shorten a page that has more to give.
/// - **L6.** `manifests` MUST list exactly the rows in the state that is asked for, in byte order of their digests.
/// - **L7.** `tags` MUST show the platforms of a tag as [`shown_platforms`] has them: of the manifest's own, and of its first
///   [`MAX_PLATFORM_ENTRIES`] entries, in their order. An entry's platform is that of the link, or where it says none that of the undeleted
///   manifest which it names.
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
    async fn tags(&self, ask: &TagsAsk) -> Port<Option<Page<TagRow>>>;

    /// What tags pointed at, and when.
    async fn history(&self, ask: &HistoryAsk) -> Port<Option<Page<HistoryRow>>>;

    /// Manifests by what holds them.
    async fn manifests(&self, ask: &ManifestsAsk) -> Port<Option<Page<ManifestRow>>>;

    /// Repositories that the scope holds.
    async fn repositories(&self, scope: &ReadScope, page: &PageAsk<RepositoryName>) -> Port<Page<RepositoryName>>;

    /// How much the store holds, for people: exact counts, not on a hot path.
    async fn totals(&self) -> Port<Totals>;
}

/// Which tags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagsAsk {
    /// Where.
    pub repository: RepositoryName,
    /// Only names that contain this text, byte for byte.
    pub contains: Option<String>,
    /// In which order.
    pub order: TagOrder,
    /// Only what follows this tag in that order.
    pub after: Option<TagCursor>,
    /// At most so many.
    pub limit: u32,
    /// When.
    pub now: Millis,
}

/// In which order tags are listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TagOrder {
    /// By name, in byte order.
    #[default]
    Name,
    /// The newest start first, then by name.
    Newest,
}

/// Behind which tag a page starts. A page by name looks at the name alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagCursor {
    /// The tag's start.
    pub start: Millis,
    /// The tag.
    pub name: TagName,
}

/// Which intervals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryAsk {
    /// Where.
    pub repository: RepositoryName,
    /// Only of this tag.
    pub name: Option<TagName>,
    /// Only intervals that are open: the rows of alive tags.
    pub active_only: bool,
    /// Only intervals that start or end after this time (quay-semantics, section 5.1).
    pub since: Option<Millis>,
    /// Only what follows this interval.
    pub after: Option<HistoryCursor>,
    /// At most so many.
    pub limit: u32,
    /// When.
    pub now: Millis,
}

/// Which manifests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestsAsk {
    /// Where.
    pub repository: RepositoryName,
    /// By what they are held.
    pub state: ManifestState,
    /// Only digests after this one.
    pub after: Option<Digest>,
    /// At most so many.
    pub limit: u32,
    /// When.
    pub now: Millis,
}

/// By what a manifest is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ManifestState {
    /// A tag that is alive points at it.
    Tagged,
    /// No alive tag points at it and it is undeleted: a pin, a history, a parent or a subject may keep it, or nothing.
    Untagged,
    /// It was deleted, and can be restored until it is collected.
    Deleted,
}

/// A manifest as a listing shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestRow {
    /// Its digest.
    pub digest: Digest,
    /// The type it was pushed with.
    pub media_type: MediaType,
    /// Its own size in bytes.
    pub size: u64,
    /// The sum of its layers, for images.
    pub layers_size: Option<u64>,
    /// What it runs on, for images.
    pub platform: Option<Platform>,
    /// When it was built, for images.
    pub image_created: Option<Millis>,
    /// Its computed artifact type.
    pub artifact_type: Option<String>,
    /// What it is about.
    pub subject: Option<Digest>,
    /// When it was pushed first.
    pub created: Millis,
    /// Who pushed it first.
    pub actor: Option<Actor>,
    /// Until when it is pinned; 0 for never pinned.
    pub pinned_until: Millis,
    /// When it was deleted, if it was.
    pub deleted: Option<Millis>,
    /// How many alive tags point at it.
    pub tags: u64,
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
    /// What it runs on: one for an image, those of its entries for an index, see [`shown_platforms`].
    pub platforms: Vec<Platform>,
    /// When it was built, for images.
    pub image_created: Option<Millis>,
}

/// How many entries of an index are looked at for the platforms of a tag, so that a page of indexes of thousands of entries stays a page.
pub const MAX_PLATFORM_ENTRIES: u32 = 100;

/// The platforms of a tag, out of those that its manifest and its entries name: each once, in their order.
///
/// `unknown/unknown` is left out: it is what `BuildKit` says of attestations, which run nowhere. Platforms that read the same
/// (`os/architecture/variant`) count as one, and the first is kept.
///
/// ```
/// # use manifest_core::ports::shown_platforms;
/// # use oci_types::Platform;
/// let [arm, unknown] = [Platform::new("linux", "arm64"), Platform::new("unknown", "unknown")];
/// assert_eq!(shown_platforms([arm.clone(), unknown, arm.clone()]), [arm]);
/// ```
#[must_use]
pub fn shown_platforms(named: impl IntoIterator<Item = Platform>) -> Vec<Platform> {
    let mut shown: Vec<Platform> = Vec::new();
    for platform in named {
        let name = (&platform.os, &platform.architecture, &platform.variant);
        let known = platform.os != "unknown" || platform.architecture != "unknown";
        if known && shown.iter().all(|other| (&other.os, &other.architecture, &other.variant) != name) {
            shown.push(platform);
        }
    }
    shown
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
