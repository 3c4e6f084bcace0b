use crate::{Digest, MediaType, Platform};
use std::collections::BTreeMap;

/// What names some content: its type, digest and size, and what an index or a list of referrers says about it.
///
/// Source: OCI image spec, "Descriptors".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Descriptor {
    /// The type of the content.
    pub media_type: MediaType,
    /// The digest of the content.
    pub digest: Digest,
    /// How many bytes the content has.
    pub size: u64,
    /// Free text by key.
    pub annotations: BTreeMap<String, String>,
    /// What kind of artifact the content is, if it is one.
    pub artifact_type: Option<String>,
    /// What the content runs on, if that is said.
    pub platform: Option<Platform>,
}

impl Descriptor {
    /// A descriptor that says no more than it must.
    #[must_use]
    pub fn new(media_type: MediaType, digest: Digest, size: u64) -> Self {
        Self { media_type, digest, size, annotations: BTreeMap::new(), artifact_type: None, platform: None }
    }
}
