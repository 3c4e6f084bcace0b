//! What an operator may choose: limits, lifetimes, and how strict references are.

use crate::document::Limits;
use crate::facts::Visibility;
use crate::tags::TagPattern;
use crate::time::{DAY, HOUR};
use oci_types::TagName;

/// The choices of an operator that rules depend on. `Policy::default()` is what `manifestd serve` runs with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The largest manifest, in bytes. The OCI spec wants at least 4 MB.
    pub max_manifest_bytes: u64,
    /// The largest image config that is read and interpreted, in bytes.
    pub max_config_bytes: u64,
    /// How deep a manifest may nest, and how many layers or children it may have.
    pub limits: Limits,
    /// The most `tag` parameters of one push by digest.
    pub max_tag_parameters: usize,
    /// What a manifest may name that the repository does not have.
    pub references: References,
    /// How long a manifest without a tag is kept after a push by digest, or after its tag moved, in milliseconds.
    pub untagged_ttl: i64,
    /// Whether a manifest is pinned when a tag leaves it. Quay does not.
    pub pin_on_untag: bool,
    /// How long an uploaded or mounted blob may wait for a manifest, in milliseconds.
    pub lease: i64,
    /// With less lease than this left, HEAD of a blob that nothing links answers 404, so that the client uploads again.
    pub head_lease_floor: i64,
    /// How long an upload may rest before it is swept, in milliseconds.
    pub upload_ttl: i64,
    /// How long what tags pointed at, and deleted manifests, can be restored, in milliseconds: the history window.
    pub history_window: i64,
    /// How long an access row outlives its lease before it is collected, in milliseconds.
    pub collection_grace: i64,
    /// Whether a push or mount brings its repository into being.
    pub create_on_push: bool,
    /// What such a repository is to those who are not asked for.
    pub default_visibility: Visibility,
    /// The largest page of a listing; a larger wish is clamped.
    pub max_page: u32,
    /// How many bytes of descriptors a page of referrers holds at most (one descriptor is always served).
    pub max_referrers_bytes: usize,
    /// Tags of these names become immutable when they are pointed at a manifest; those that were pointed before stay
    /// as they are.
    pub immutable_tags: Vec<TagPattern>,
    /// Names that stay mutable although one of `immutable_tags` fits them. The label `quay.immutable` acts on them
    /// all the same.
    pub immutable_exceptions: Vec<TagPattern>,
    /// The shortest life that a tag can be given by hand, in milliseconds from its start.
    pub min_tag_life: i64,
    /// The longest life that a tag can be given by hand, in milliseconds from its start. A tag without an end is not bounded.
    pub max_tag_life: i64,
    /// A lookup by digest finds only what an alive tag holds, itself or through its ancestors: neither pins nor the
    /// history count. It costs a second statement.
    pub strict_lookup: bool,
    /// The most manifests or tags that one purge names.
    pub max_purge: usize,
    /// Where the v1 API finds legacy images.
    pub legacy_images: LegacyImageRows,
}

/// Where the v1 API finds what it answers of legacy images. Which manifests are accepted does not depend on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LegacyImageRows {
    /// Each push stores the rows of its images.
    #[default]
    Stored,
    /// Nothing is stored; each answer is made of manifests and their configs, which takes a walk through the tags.
    Off,
}

/// Which of the blobs and manifests that a manifest names must exist in the repository (semantics 14).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum References {
    /// Every one but remote layers and the subject.
    #[default]
    Required,
    /// Every one but the children of an index.
    SparseIndex,
    /// None.
    Unchecked,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            max_manifest_bytes: 4 * 1024 * 1024,
            max_config_bytes: 4 * 1024 * 1024,
            limits: Limits::default(),
            max_tag_parameters: 100,
            references: References::Required,
            untagged_ttl: 14 * DAY,
            pin_on_untag: true,
            lease: DAY,
            head_lease_floor: 2 * HOUR,
            upload_ttl: DAY,
            history_window: 14 * DAY,
            collection_grace: HOUR,
            create_on_push: true,
            default_visibility: Visibility::Private,
            max_page: 1_000,
            max_referrers_bytes: 2 * 1024 * 1024,
            immutable_tags: Vec::new(),
            immutable_exceptions: Vec::new(),
            min_tag_life: HOUR,
            max_tag_life: 104 * 7 * DAY,
            strict_lookup: false,
            max_purge: 1_000,
            legacy_images: LegacyImageRows::Stored,
        }
    }
}

impl Policy {
    /// Whether a tag of that name becomes immutable when it is pointed at a manifest, whatever the manifest's labels say.
    ///
    /// ```
    /// # use manifest_core::Policy;
    /// let policy = Policy {
    ///     immutable_tags: vec!["v*".parse().unwrap()],
    ///     immutable_exceptions: vec!["v*-rc*".parse().unwrap()],
    ///     ..Policy::default()
    /// };
    /// assert!(policy.is_immutable_name(&"v1.0".parse().unwrap()));
    /// assert!(!policy.is_immutable_name(&"v1.0-rc1".parse().unwrap()));
    /// assert!(!policy.is_immutable_name(&"latest".parse().unwrap()));
    /// ```
    #[must_use]
    pub fn is_immutable_name(&self, name: &TagName) -> bool {
        let fits = |patterns: &[TagPattern]| patterns.iter().any(|pattern| pattern.fits(name));
        fits(&self.immutable_tags) && !fits(&self.immutable_exceptions)
    }
}
