//! What a write asks about the world ([`PushAsk`]) and what it is told ([`PushFacts`]): one port call, one round trip.

use crate::access::Actor;
use crate::plan::LabelRow;
use crate::time::Millis;
use oci_types::{Digest, MediaType, Platform, RepositoryName, TagName};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Everything that the decision about a write will need to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushAsk {
    /// Where.
    pub repository: RepositoryName,
    /// When.
    pub now: Millis,
    /// The manifest that is written, moved to, or deleted; none where only tags matter.
    pub digest: Option<Digest>,
    /// Blobs to look up in the repository. An index entry of unknown kind is in `blobs` and in `children`.
    pub blobs: BTreeSet<Digest>,
    /// Manifests to look up in the repository.
    pub children: BTreeSet<Digest>,
    /// Tags whose present state matters.
    pub tags: BTreeSet<TagName>,
    /// A manifest whose alive tags matter.
    pub tags_of: Option<Digest>,
    /// Whether the stored labels of `digest` matter.
    pub labels: bool,
    /// Whether `existing.visible` is needed. It may walk ancestors, so only deletes ask for it.
    pub visibility: bool,
}

/// The answer to a [`PushAsk`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushFacts {
    /// What the repository is. If it is absent, all else is empty.
    pub repository: RepositoryState,
    /// The row of `ask.digest`, if there is one, deleted or not.
    pub existing: Option<Existing>,
    /// Those of `ask.blobs` that the repository grants access to at `ask.now`.
    pub blobs: BTreeMap<Digest, Blob>,
    /// Those of `ask.children` that have an undeleted row in the repository.
    pub children: BTreeMap<Digest, Child>,
    /// Those of `ask.tags` that have a row, alive or expired.
    pub tags: BTreeMap<TagName, TagState>,
    /// The tags that are alive at `ask.now` and point at `ask.tags_of`.
    pub tags_of: BTreeMap<TagName, TagState>,
    /// The labels of `ask.digest`, in the order in which they were stored.
    pub labels: Vec<LabelRow>,
}

impl PushFacts {
    /// That a repository is so, and nothing of what was asked about is in it.
    #[must_use]
    pub fn nothing_in(repository: RepositoryState) -> Self {
        Self {
            repository,
            existing: None,
            blobs: BTreeMap::new(),
            children: BTreeMap::new(),
            tags: BTreeMap::new(),
            tags_of: BTreeMap::new(),
            labels: Vec::new(),
        }
    }
}

/// What a repository is to a writer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RepositoryState {
    /// There is none of that name (or it is being deleted, which is the same to everyone but the deleter).
    Absent,
    /// It takes writes.
    Open,
    /// It answers writes with 403.
    ReadOnly,
}

/// Whether everybody may read a repository. What that means is the `Authorizer`'s business; listings filter by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Visibility {
    /// In every [`ReadScope`](crate::ReadScope) that admits public repositories.
    Public,
    /// Only in scopes that name it.
    #[default]
    Private,
}

/// A manifest row that is already there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Existing {
    /// The type it was pushed with.
    pub media_type: MediaType,
    /// What its labels make of tags that point at it.
    pub acting: Acting,
    /// Whether it was deleted and waits to be collected or revived.
    pub deleted: bool,
    /// Whether it is visible (semantics 4). Meaningful only where the ask wanted it; else `true` for what is
    /// not deleted.
    pub visible: bool,
}

/// What the acting labels of a manifest do to a tag that is pointed at it. Stored with the row at push.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Acting {
    /// How long such a tag lives, in milliseconds.
    pub expires_after: Option<i64>,
    /// Whether such a tag is immutable.
    pub immutable: bool,
}

/// The name of a blob store, as configuration gives it. 1 to 64 bytes of `[a-z0-9-]`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StoreName(Box<str>);

/// Why a text is no [`StoreName`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("store name `{0}` is not 1 to 64 of a-z, 0-9 and `-`")]
pub struct ParseStoreNameError(pub String);

impl StoreName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for StoreName {
    type Err = ParseStoreNameError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let fits = (1..=64).contains(&name.len())
            && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if fits { Ok(Self(name.into())) } else { Err(ParseStoreNameError(name.to_owned())) }
    }
}

impl fmt::Display for StoreName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where bytes are: a store and a key in it. The key is opaque to everyone but the store, and never used twice.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Location {
    /// Which store.
    pub store: StoreName,
    /// Which bytes in it.
    pub key: String,
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.store, self.key)
    }
}

/// A blob as a repository has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob {
    /// In bytes.
    pub size: u64,
    /// Where they are.
    pub location: Location,
}

/// A manifest that an index names, as the repository has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Child {
    /// The type it was pushed with.
    pub media_type: MediaType,
    /// In bytes.
    pub size: u64,
    /// What it runs on, for images.
    pub platform: Option<Platform>,
    /// The labels that came from the manifest itself (not those added through the API), the last of a key. All of them, not only
    /// those that act: what a push answers is every pair on which the children of an index agree (quay-semantics, section 3.1, step 10).
    pub labels: BTreeMap<String, String>,
}

/// The newest interval of a tag's name. Alive at `now` iff `expires > now`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagState {
    /// The manifest it points at.
    pub target: Digest,
    /// Since when.
    pub start: Millis,
    /// Until when; [`NEVER`](crate::NEVER) for tags that do not expire.
    pub expires: Millis,
    /// Whether it may be moved or deleted.
    pub immutable: bool,
    /// Who pointed it there.
    pub actor: Option<Actor>,
}

impl TagState {
    /// Whether the tag exists at that time (which is not before its start).
    #[must_use]
    pub fn alive(&self, now: Millis) -> bool {
        self.expires > now
    }
}
