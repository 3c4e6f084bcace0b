use crate::access::Actor;
use crate::document::Need;
use crate::facts::{Acting, Visibility};
use crate::legacy::LegacyImage;
use crate::time::Millis;
use bytes::Bytes;
use oci_types::{Digest, MediaType, Platform, RepositoryName, TagName};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A write, decided: what an adapter applies whole or not at all.
///
/// It can be printed, compared, and applied again after an error that left nothing behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Where.
    pub repository: RepositoryName,
    /// Create the repository with this visibility if it is absent; `None`: an absent one is refused.
    pub create_repository: Option<Visibility>,
    /// The time of the write.
    pub now: Millis,
    /// Who writes; recorded on the rows that are written.
    pub actor: Option<Actor>,
    /// The manifest that is stored or must be there.
    pub manifest: Option<ManifestChange>,
    /// What happens to tags, sorted by name, each name once.
    pub tags: Vec<TagChange>,
    /// Keep this manifest without a tag until then (the later of this and what is stored wins).
    pub pin: Option<Pin>,
    /// Until when a manifest that loses a tag through this plan is pinned; `None`: it is not.
    pub displaced_until: Option<Millis>,
    /// After the manifest, the tags, the pins and the labels, mark this manifest deleted, ending its tags and its pin. Refused by the state
    /// that those make, if a visible manifest lists it or an alive immutable tag holds it.
    pub delete: Option<Digest>,
    /// Change the labels of this manifest, which must be there undeleted.
    pub labels: Option<LabelsChange>,
    /// After all else, remove these manifests for good, deleted or not: rows, links, labels and the history that points at them.
    /// Refused, by the state that all else makes, is what a visible manifest that is not purged with it lists, and what an alive immutable
    /// tag holds. Access rows that only they linked and whose lease is over go as well. Purging what is not there is no error.
    pub purge: BTreeSet<Digest>,
}

/// What happens to the labels of a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelsChange {
    /// Whose labels.
    pub manifest: Digest,
    /// Labels that are added. Their sum with what is there stays within the limits of [`labels`](crate::labels): the plan saw to it.
    pub add: Vec<Label>,
    /// A label that is removed; one that is not there any more is [`Applied::LabelGone`].
    pub remove: Option<LabelId>,
    /// What the manifest does to tags that are pointed at it from now on.
    pub acting: Acting,
}

/// The id of a stored label, given by the adapter, unique in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LabelId(pub u64);

/// A label as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelRow {
    /// Under which id.
    pub id: LabelId,
    /// The label.
    pub label: Label,
}

/// Keep a manifest until a time although no tag points at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pin {
    /// Which.
    pub digest: Digest,
    /// Until when.
    pub until: Millis,
}

/// What a plan does about its manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ManifestChange {
    /// Store it with its links and labels. If another writer was first, only the links are checked (and it is
    /// revived if it was deleted).
    Create(Arc<NewManifest>),
    /// It was there when facts were taken: it must still be, with every required blob and child. A deleted one is
    /// revived.
    Keep(Digest),
}

impl ManifestChange {
    /// The manifest's digest.
    #[must_use]
    pub fn digest(&self) -> Digest {
        match self {
            Self::Create(new) => new.digest,
            Self::Keep(digest) => *digest,
        }
    }
}

/// A manifest row with all that hangs on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewManifest {
    /// Under which it is stored; for signed schema 1 that of the payload.
    pub digest: Digest,
    /// The type it was pushed with.
    pub media_type: MediaType,
    /// The exact bytes pushed.
    pub bytes: Bytes,
    /// The manifest that this one is about.
    pub subject: Option<Digest>,
    /// As the referrers list shows and filters it: computed, see [`Document::artifact_type`](crate::document::Document).
    pub artifact_type: Option<String>,
    /// The manifest's own annotations, where it has a subject: the referrers list shows them.
    pub annotations: BTreeMap<String, String>,
    /// What the image runs on, from its config.
    pub platform: Option<Platform>,
    /// When the image was built, from its config.
    pub image_created: Option<Millis>,
    /// The sum of the layers' sizes.
    pub layers_size: Option<u64>,
    /// What its labels make of tags that point at it.
    pub acting: Acting,
    /// Labels to store.
    pub labels: Vec<Label>,
    /// Blobs it names. Required ones must have an access row when the plan is applied.
    pub blobs: BTreeMap<Digest, Need>,
    /// Manifests it names, in its order; a digest may occur more than once. Required ones must be undeleted.
    pub children: Vec<ChildLink>,
    /// Whether the shared [`empty_layer`](crate::empty_layer) is among the blobs: applying gives the repository its
    /// access row if it has none.
    pub empty_layer: bool,
    /// The legacy images that it consists of, base first, each id once; a parent comes before its children or is stored already. Those
    /// whose id the repository has are left as they are, and must have the same blob, parent and aggregate size: all else of an image
    /// may differ from manifest to manifest, as the metadata of a base do between the image that ends with it and those built on it.
    pub legacy_images: Vec<LegacyImage>,
    /// The id of the legacy image that it stands for: the last of those; of an index that of the child that schema 1 is made of.
    pub legacy_image: Option<String>,
}

/// One entry of an index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChildLink {
    /// The child.
    pub digest: Digest,
    /// Whether it must be there.
    pub need: Need,
    /// As the index says it.
    pub platform: Option<Platform>,
}

/// A label of a manifest.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Label {
    /// 1 to 255 bytes.
    pub key: String,
    /// At most 64 KiB.
    pub value: String,
    /// Whether the value is a JSON object or list (`application/json`), else `text/plain`.
    pub json: bool,
    /// Where it came from.
    pub source: LabelSource,
}

/// Where a label came from, which decides whether it can be removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LabelSource {
    /// From the manifest or its config; immutable.
    Manifest,
    /// Added through the API; mutable.
    Api,
    /// Added by the registry itself; immutable.
    Internal,
}

/// What happens to one tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TagChange {
    /// Point it at a manifest, closing the interval it is in.
    Point {
        /// Which tag.
        name: TagName,
        /// The manifest, which exists undeleted once `plan.manifest` is done.
        to: Digest,
        /// When the tag ends; [`NEVER`](crate::NEVER) for ever.
        expires: Millis,
        /// Whether it may be moved again.
        immutable: bool,
        /// Whether this restores what the tag pointed at before.
        reversion: bool,
        /// On what condition.
        guard: Guard,
    },
    /// Change the end or the immutability of the interval it is in. The interval stays the same one, so nothing goes to the
    /// history. It must be the one that the plan saw: if the row's start or immutability is another one, or the tag is not alive,
    /// the answer is [`Applied::GuardFailed`].
    Amend {
        /// Which tag.
        name: TagName,
        /// The start of the interval, as the plan saw it.
        start: Millis,
        /// Whether it was immutable, as the plan saw it.
        was_immutable: bool,
        /// When the tag ends from now on.
        expires: Millis,
        /// Whether it may be moved from now on.
        immutable: bool,
    },
    /// Remove it, closing the interval it is in.
    End {
        /// Which tag.
        name: TagName,
        /// On what condition. A tag that is not alive is refused whatever the guard.
        guard: Guard,
    },
}

impl TagChange {
    /// The tag's name.
    #[must_use]
    pub fn name(&self) -> &TagName {
        match self {
            Self::Point { name, .. } | Self::Amend { name, .. } | Self::End { name, .. } => name,
        }
    }
}

/// A condition on what a tag is when the change happens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Guard {
    /// None.
    #[default]
    Any,
    /// There is no alive tag of that name (`If-None-Match: *`).
    Absent,
    /// It is alive and points at this manifest (`If-Match`).
    Is(Digest),
    /// It is not alive, or points at this manifest: for callers who may push but not overwrite.
    AbsentOrIs(Digest),
}

impl Guard {
    /// Whether the condition holds for a tag that points at `current` now (`None`: is not alive).
    #[must_use]
    pub fn holds(&self, current: Option<&Digest>) -> bool {
        match self {
            Self::Any => true,
            Self::Absent => current.is_none(),
            Self::Is(digest) => current == Some(digest),
            Self::AbsentOrIs(digest) => current.is_none_or(|now| now == digest),
        }
    }
}

/// What applying a plan came to. Everything but [`Applied::Done`] left nothing behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Applied {
    /// The whole plan is done, and durable.
    Done {
        /// Whether the manifest row is new.
        created: bool,
        /// Tags that were alive and pointed elsewhere (or were ended), with what they pointed at.
        displaced: BTreeMap<TagName, Digest>,
    },
    /// Required blobs that have no access row in the repository: all of them.
    MissingBlobs(BTreeSet<Digest>),
    /// Required children without an undeleted row in the repository: all of them.
    MissingChildren(BTreeSet<Digest>),
    /// Ids of the new manifest's legacy images that stand for something else in the repository: all of them. Take facts again, about
    /// these as well.
    ImagesTaken(BTreeSet<String>),
    /// The guard of this tag does not hold.
    GuardFailed(TagName),
    /// This tag is alive and immutable, and the plan would move or end it.
    Immutable(TagName),
    /// The tag to end is not alive.
    TagGone(TagName),
    /// The manifest to delete, or one to purge, is listed by these visible indexes.
    ListedBy(BTreeSet<Digest>),
    /// The manifest to keep, to point at or to delete is not there. Take facts again.
    ManifestGone,
    /// The label to remove is not there any more.
    LabelGone,
    /// There is no such repository and the plan does not create it. Take facts again.
    RepositoryGone,
    /// The repository has become read-only.
    ReadOnly,
}

#[cfg(test)]
mod tests;
