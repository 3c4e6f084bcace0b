use crate::document::ConfigError;
use crate::legacy::LegacyError;
use oci_types::{Digest, MediaType, RepositoryName, TagName};
use std::collections::BTreeSet;

/// Why a push is not planned. Nothing was written. Each says what was wrong in words for the one who pushed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// There is no such repository, and the push may not create it.
    #[error("the repository does not exist")]
    RepositoryUnknown,
    /// The repository takes no writes.
    #[error("the repository is read-only")]
    ReadOnly,
    /// The manifest names what the repository does not have: all of it.
    #[error("the manifest names {} that the repository does not have", missing_words(blobs, children))]
    Missing {
        /// Blobs.
        blobs: BTreeSet<Digest>,
        /// Manifests.
        children: BTreeSet<Digest>,
    },
    /// The config blob has another size than the manifest says.
    #[error("config {digest} has {found} bytes, but the manifest says {expected}")]
    ConfigSize {
        /// Which blob.
        digest: Digest,
        /// As the manifest says it.
        expected: u64,
        /// As the repository has it.
        found: u64,
    },
    /// The image config is larger than what is read.
    #[error("image config {digest} has {size} bytes, more than {limit}")]
    ConfigTooLarge {
        /// Which blob.
        digest: Digest,
        /// How large.
        size: u64,
        /// The most that is read.
        limit: u64,
    },
    /// The image config cannot be read.
    #[error("config {digest} is no image config")]
    Config {
        /// Which blob.
        digest: Digest,
        /// What is wrong with it.
        #[source]
        error: ConfigError,
    },
    /// The image has no legacy view although it should: its history and its layers do not fit, or the metadata of a schema 1 layer
    /// cannot be used.
    #[error("the manifest has no legacy images")]
    LegacyImages(#[source] LegacyError),
    /// An entry of the index has another size than the child.
    #[error("manifest {digest} has {found} bytes, but the index says {expected}")]
    ChildSize {
        /// Which child.
        digest: Digest,
        /// As the index says it.
        expected: u64,
        /// As the repository has it.
        found: u64,
    },
    /// An entry of the index has another media type than the child.
    #[error("manifest {digest} has the media type {found}, but the index says {expected}")]
    ChildMediaType {
        /// Which child.
        digest: Digest,
        /// As the index says it.
        expected: MediaType,
        /// As the repository has it.
        found: MediaType,
    },
    /// An OCI index lists a schema 1 manifest, which no client could use.
    #[error("an OCI index cannot list the schema 1 manifest {0}")]
    Schema1InIndex(Digest),
    /// A list says that a schema 1 child is for another processor than the child does.
    #[error("manifest {digest} is for {found}, but the list says {expected}")]
    ChildArchitecture {
        /// Which child.
        digest: Digest,
        /// As the list says it.
        expected: String,
        /// As the child says it.
        found: String,
    },
    /// A schema 1 manifest is about another repository.
    #[error("the manifest is for the repository `{embedded}`, not {repository}")]
    EmbeddedName {
        /// As the manifest says it.
        embedded: String,
        /// As the URL says it.
        repository: RepositoryName,
    },
    /// A schema 1 manifest is about another tag.
    #[error("the manifest is for the tag `{embedded}`, not {tag}")]
    EmbeddedTag {
        /// As the manifest says it.
        embedded: String,
        /// As the URL says it.
        tag: TagName,
    },
    /// The tag is immutable and points elsewhere.
    #[error("tag {0} is immutable")]
    Immutable(TagName),
    /// The tag exists, and the caller may not move tags.
    #[error("tag {0} exists, and the caller may not overwrite tags")]
    OverwriteDenied(TagName),
    /// The tag is not what the caller expected it to be.
    #[error("tag {0} is not what the request expects")]
    GuardFailed(TagName),
}

fn missing_words(blobs: &BTreeSet<Digest>, children: &BTreeSet<Digest>) -> String {
    let count = |many: usize, one: &str| match many {
        0 => None,
        1 => Some(format!("a {one}")),
        many => Some(format!("{many} {one}s")),
    };
    let words: Vec<String> =
        [count(blobs.len(), "blob"), count(children.len(), "manifest")].into_iter().flatten().collect();
    words.join(" and ")
}
