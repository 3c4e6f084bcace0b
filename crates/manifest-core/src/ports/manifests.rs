use super::Page;
use crate::error::Port;
use crate::facts::{PushAsk, PushFacts, TagState};
use crate::plan::{Applied, LabelRow, Plan};
use crate::time::Millis;
use async_trait::async_trait;
use bytes::Bytes;
use oci_types::{Digest, MediaType, Reference, RepositoryName, TagName};
use std::collections::BTreeMap;

/// Manifests and tags: facts, writes, and the reads that follow a reference.
///
/// # What every adapter promises
///
/// - **M1.** `apply` MUST be atomic and durable: after [`Applied::Done`] all of the plan is there for every later call
///   and survives a crash; after any other answer nothing of it is.
/// - **M2.** `apply` MUST check every condition by the write itself, against the state in which it writes: required
///   blobs have an access row, required children are undeleted, guards hold, immutable tags stay. For a manifest that
///   already exists, too: by its stored links.
/// - **M3.** Of any number of concurrent `apply` calls that create one manifest, exactly one MUST answer
///   `created: true`; the others succeed with `created: false` and do their tags and pins all the same.
/// - **M4.** The intervals of one tag name (its row and its history) MUST never overlap or invert, whatever `now` the
///   plans carry: a move starts at `max(now, old start + 1)` and closes the old interval at
///   `min(old expires, new start)`; an end closes it at `max(now, start)` (or at its expiry, if that came first); a tag
///   that comes back starts at `max(now, last start + 1, last end)`.
/// - **M5.** Every closed interval MUST be in the tag's history, with its actor, what it pointed at, and whether it was
///   a reversion; intervals of zero length are kept too.
/// - **M6.** A move to another manifest, or an end, of an alive tag MUST pin the manifest it leaves behind until
///   `plan.displaced_until` in the same write; a tag that had expired pins nothing. The greatest pin wins.
/// - **M7.** `plan.delete` MUST end all alive tags of the manifest, clear its pin and set it deleted; it MUST answer
///   [`Applied::Immutable`] if one of those tags is immutable and [`Applied::ListedBy`] if a visible manifest has it as
///   a child, naming all such parents. It comes after the plan's manifest, tags, pins and labels: what is alive, immutable and
///   visible is judged by the state that they make.
/// - **M8.** Creating or keeping a deleted manifest MUST revive it, if its required links hold.
/// - **M9.** `fetch` by digest with [`Liveness::Visible`] MUST find a manifest iff it is undeleted and it, or an
///   ancestor (child → parent, referrer → subject, any depth, through rows that are not dead now: not deleted, or deleted later), has
///   a tag that is alive, a history interval that ends after now, a pin or a deletion that is later than now. A cycle ends. After
///   1,000 ancestors the answer is visible.
/// - **M10.** `fetch` by tag MUST find the manifest of an alive tag, say [`Fetched::TagExpired`] for a name whose newest
///   interval is over, and [`Fetched::Unknown`] for a name that has none.
/// - **M11.** `fetch` MUST leave the bytes out iff `have` is the digest found.
/// - **M12.** `referrers` MUST list the undeleted, visible manifests of the repository whose subject is the digest, in
///   byte order of their digests, filtered by any of the types if there are some, whether or not the subject or even the
///   repository exists.
/// - **M13.** `apply` of a plan that creates the repository MUST create it at most once among concurrent writers.
/// - **M14.** A child counts and is linked by digest; a child that is deleted is missing to new links.
/// - **M15.** A stored value that does not parse MUST be answered with `PortErrorKind::Corrupt`, naming table and column.
/// - **M16.** `push_facts` MUST answer about one state of the store, not about several.
/// - **M17.** A manifest with `empty_layer` set MUST give its repository an access row for the shared empty layer, at
///   [`empty_layer::location`](crate::empty_layer::location); that blob MUST exist in an empty store.
/// - **M18.** `TagChange::Amend` MUST change only the interval that the plan saw, and MUST leave the history alone.
/// - **M19.** `plan.labels` MUST add and remove exactly those labels and set what the manifest does to tags, in the same write.
/// - **M20.** `plan.purge` MUST leave nothing of a manifest: no row, link, label, tag or history; it MUST refuse what a visible manifest that
///   is not purged with it lists ([`Applied::ListedBy`]) and what an alive immutable tag holds ([`Applied::Immutable`]). It comes after all
///   else: both are judged by the state that the rest of the plan makes. So a tag that the plan ends makes nothing visible, and one that it
///   points does. What is purged makes nothing visible any more, whatever tag or pin it has.
/// - **M21.** `fetch` with `at` MUST follow the interval with `start ≤ at < end`, whether it is the tag's row or its history, and say
///   [`Fetched::Unknown`] where there was none.
/// - **M22.** `support` MUST name every tag, pin and deletion on the manifest and its ancestors by which it is kept at `now` or retained at
///   `now − window`.
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait Manifests: Send + Sync {
    /// Follows a reference. Budget: one statement.
    async fn fetch(&self, ask: &FetchAsk) -> Port<Fetched>;

    /// Looks up what a write needs to know. Budget: one round trip.
    async fn push_facts(&self, ask: &PushAsk) -> Port<PushFacts>;

    /// Executes a plan. Budget: see architecture, "Budgets"; equal for 1 and 1,000 layers.
    async fn apply(&self, plan: &Plan) -> Port<Applied>;

    /// A page of the manifests about a digest. Budget: one statement.
    async fn referrers(&self, ask: &ReferrersAsk) -> Port<Page<Referrer>>;

    /// The labels of a manifest whose keys start with a prefix, ignoring ASCII case, in the order in which they were stored; `None` if
    /// there is no undeleted row.
    async fn labels(&self, repository: &RepositoryName, digest: &Digest, prefix: &str) -> Port<Option<Vec<LabelRow>>>;

    /// Why a manifest is kept, or is not.
    async fn support(&self, ask: &SupportAsk) -> Port<Option<Support>>;
}

/// What to follow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchAsk {
    /// Where.
    pub repository: RepositoryName,
    /// A tag or a digest.
    pub reference: Reference,
    /// When.
    pub now: Millis,
    /// Which manifests count as there, when asked by digest.
    pub liveness: Liveness,
    /// The caller holds the bytes of this manifest and does not want them again.
    pub have: Option<Digest>,
    /// Follow the tag as it was at this time, not after `now`: to the interval with `start ≤ at < end`. The manifest must still be
    /// there undeleted. Ignored for a digest.
    pub at: Option<Millis>,
}

/// Which manifests a lookup by digest finds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Liveness {
    /// Undeleted and kept by itself or an ancestor: what the registry serves.
    #[default]
    Visible,
    /// Every row that is not deleted, kept or not.
    Undeleted,
    /// Every row: what an operator may see before it is collected.
    Any,
}

/// Where a reference led.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "the large variant is nearly every answer; a box would cost the hot path"
)]
pub enum Fetched {
    /// There is no such repository.
    RepositoryUnknown,
    /// There is no such tag or manifest in it.
    Unknown,
    /// The tag was there and has expired.
    TagExpired,
    /// To this manifest.
    Found(Found),
}

/// A manifest that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its digest.
    pub digest: Digest,
    /// The type it was pushed with.
    pub media_type: MediaType,
    /// How many bytes it has.
    pub size: u64,
    /// The bytes, unless `have` was this digest.
    pub bytes: Option<Bytes>,
    /// The tag that led here, for a fetch by tag.
    pub tag: Option<TagState>,
}

/// What keeps a manifest?
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SupportAsk {
    /// Where.
    pub repository: RepositoryName,
    /// Which.
    pub digest: Digest,
    /// When.
    pub now: Millis,
    /// The history window: a manifest is *retained* if it is kept at `now − window`.
    pub window: i64,
}

/// What keeps a manifest, as a graph: the manifest first, then its ancestors in breadth-first order, at most 1,000.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Support {
    /// The manifest and its ancestors.
    pub nodes: Vec<SupportNode>,
    /// Whether there are more ancestors than are listed.
    pub more: bool,
}

/// One manifest in a [`Support`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SupportNode {
    /// Which.
    pub digest: Digest,
    /// Through which link it was reached: from the node at that index, as its parent (an index) or its subject.
    pub via: Option<(usize, SupportLink)>,
    /// When it was deleted, if it was.
    pub deleted: Option<Millis>,
    /// Until when it is pinned; 0 for never pinned.
    pub pinned_until: Millis,
    /// Its tags that are alive or that ended after `now − window`, with the end; at most 100, the latest ends first.
    pub tags: Vec<(TagName, Millis)>,
}

/// How one manifest keeps another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SupportLink {
    /// It lists it.
    Parent,
    /// It is what the other is about.
    Subject,
}

/// Which manifests about a digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReferrersAsk {
    /// Where.
    pub repository: RepositoryName,
    /// About what.
    pub subject: Digest,
    /// Only of one of these types; all if empty.
    pub artifact_types: Vec<String>,
    /// Only digests after this one.
    pub after: Option<Digest>,
    /// At most so many.
    pub limit: u32,
    /// Stop after the row that makes annotations and types this many bytes.
    pub max_bytes: usize,
    /// When.
    pub now: Millis,
}

/// One manifest about another, as a referrers list shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Referrer {
    /// Its digest.
    pub digest: Digest,
    /// The type it was pushed with.
    pub media_type: MediaType,
    /// In bytes.
    pub size: u64,
    /// Its computed artifact type.
    pub artifact_type: Option<String>,
    /// Its own annotations.
    pub annotations: BTreeMap<String, String>,
}
