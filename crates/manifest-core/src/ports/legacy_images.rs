use super::Page;
use crate::error::Port;
use crate::facts::Blob;
use crate::legacy::LegacyImage;
use crate::time::Millis;
use async_trait::async_trait;
use oci_types::{RepositoryName, TagName};

/// Legacy images as the v1 API asks for them: what pushes stored, found by v1 id.
///
/// An image is *served* while a manifest that is undeleted and visible ([`Manifests`](super::Manifests), M9) has it as its
/// [`legacy_image`](crate::plan::NewManifest::legacy_image), or has one that is above it, through parents.
///
/// # What every adapter promises
///
/// - **I1.** `apply` MUST store the legacy images of a manifest that it creates in the same write, and leave those alone whose id the
///   repository has. Concurrent writers MUST leave one row an id.
/// - **I2.** `image` MUST answer the row as it was stored, NUL and all of Unicode included, for the repository alone, iff it is served.
///   After 1,000 images above it the answer is that it is.
/// - **I3.** `image` MUST answer the layer's blob iff the repository grants access to it at `now`.
/// - **I4.** `ancestry` MUST list the image and all below it, each after the one that it is the parent of, and nothing where `image`
///   answers nothing. A cycle ends.
/// - **I5.** `image_tags` MUST list the alive tags whose manifest is undeleted and has a legacy image, in byte order of their names, and
///   say that there is no such repository by `None`.
/// - **I7.** Where the repository has one of those ids with another blob, parent or aggregate size than the plan, `apply` MUST answer
///   [`Applied::ImagesTaken`](crate::plan::Applied::ImagesTaken) with all such ids and change nothing, also where another writer stored
///   them since facts were taken or does so at the same time. A difference in anything else is none. It comes behind missing blobs and
///   children and before tags; a manifest that exists brings no images.
/// - **I6.** A row MUST stay while a manifest row, deleted or not, has it or an image above it, and MUST go with its repository.
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait LegacyImages: Send + Sync {
    /// An image. Budget: one statement.
    async fn image(&self, repository: &RepositoryName, id: &str, now: Millis) -> Port<Option<StoredImage>>;

    /// The ids of an image and of all below it, the image first, its base last. Budget: one statement.
    async fn ancestry(&self, repository: &RepositoryName, id: &str, now: Millis) -> Port<Vec<String>>;

    /// A page of tags, with the ids of the images that they stand for. Budget: one statement.
    async fn image_tags(&self, ask: &ImageTagsAsk) -> Port<Option<Page<ImageTag>>>;
}

/// A legacy image that is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredImage {
    /// The row.
    pub image: LegacyImage,
    /// Its layer, if the repository has it.
    pub layer: Option<Blob>,
}

/// Which tags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageTagsAsk {
    /// Where.
    pub repository: RepositoryName,
    /// Only this tag.
    pub only: Option<TagName>,
    /// Only names that follow this one.
    pub after: Option<TagName>,
    /// At most so many.
    pub limit: u32,
    /// When.
    pub now: Millis,
}

/// A tag as v1 knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageTag {
    /// The tag.
    pub name: TagName,
    /// The id of the image that its manifest stands for.
    pub image: String,
}
