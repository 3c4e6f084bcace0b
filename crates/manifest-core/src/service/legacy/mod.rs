//! The v1 API's questions about legacy images: answered by rows, or, where none are stored, made of manifests and configs.

mod synthesis;

pub use synthesis::MAX_MANIFESTS_READ;

use super::Registry;
use super::authorize::UseCaseError;
use super::fetch::FetchError;
use crate::access::{AccessRefusal, Action, Context};
use crate::error::PortError;
use crate::facts::Blob;
use crate::policy::LegacyImageRows;
use crate::ports::{ImageTag, ImageTagsAsk, Page, StoredImage};
use oci_types::{Digest, RepositoryName, TagName};

/// Why there is no legacy image.
#[derive(Debug, thiserror::Error)]
pub enum LegacyImageError {
    /// The caller may not read here.
    #[error(transparent)]
    Access(#[from] AccessRefusal),
    /// There is no such repository, or the caller may not know of it.
    #[error("repository {0} is unknown")]
    RepositoryUnknown(RepositoryName),
    /// The repository has no such image that is served. Where images are not stored, also one that [`MAX_MANIFESTS_READ`] manifests did
    /// not have.
    #[error("image {id:?} is unknown in {repository}")]
    ImageUnknown {
        /// Where it was looked for.
        repository: RepositoryName,
        /// What was looked for.
        id: String,
    },
    /// The image is there, and its layer is not: references are unchecked.
    #[error("the layer of image {id:?} is unknown in {repository}")]
    LayerUnknown {
        /// Where it was looked for.
        repository: RepositoryName,
        /// Of which image.
        id: String,
    },
    /// The repository has no such tag, or it stands for no legacy image.
    #[error("tag {tag} is unknown in {repository}")]
    TagUnknown {
        /// Where it was looked for.
        repository: RepositoryName,
        /// What was looked for.
        tag: TagName,
    },
    /// A port failed.
    #[error(transparent)]
    Port(#[from] PortError),
}

impl UseCaseError for LegacyImageError {
    fn hidden(repository: &RepositoryName) -> Self {
        Self::RepositoryUnknown(repository.clone())
    }
}

impl Registry {
    /// A legacy image: its row, with its layer if the repository has that.
    ///
    /// Example: [the guide](crate::guide#legacy-images). Over HTTP: `GET /v1/images/<id>/json`, which answers `image.metadata`.
    ///
    /// # Errors
    ///
    /// [`LegacyImageError`]: `ImageUnknown` where no manifest that is served has it.
    pub async fn legacy_image(
        &self,
        cx: &Context,
        repository: &RepositoryName,
        id: &str,
    ) -> Result<StoredImage, LegacyImageError> {
        self.authorize::<LegacyImageError>(cx, repository, Action::Pull).await?;
        let found = match self.policy.legacy_images {
            LegacyImageRows::Stored => self.ports.legacy_images.image(repository, id, cx.now).await?,
            LegacyImageRows::Off => self.synthesised_image(cx, repository, id).await?,
        };
        match found {
            Some(found) => Ok(found),
            None => Err(self.no_image(repository, id).await),
        }
    }

    /// The ids of a legacy image and of all below it: the image first, its base last.
    ///
    /// Example: [the guide](crate::guide#legacy-images). Over HTTP: `GET /v1/images/<id>/ancestry`.
    ///
    /// # Errors
    ///
    /// As [`Registry::legacy_image`].
    pub async fn legacy_ancestry(
        &self,
        cx: &Context,
        repository: &RepositoryName,
        id: &str,
    ) -> Result<Vec<String>, LegacyImageError> {
        self.authorize::<LegacyImageError>(cx, repository, Action::Pull).await?;
        let ids = match self.policy.legacy_images {
            LegacyImageRows::Stored => self.ports.legacy_images.ancestry(repository, id, cx.now).await?,
            LegacyImageRows::Off => self.synthesised_ancestry(cx, repository, id).await?,
        };
        if ids.is_empty() { Err(self.no_image(repository, id).await) } else { Ok(ids) }
    }

    /// The layer of a legacy image, to be read with [`Registry::read_blob`].
    ///
    /// Example: [the guide](crate::guide#legacy-images). Over HTTP: `GET /v1/images/<id>/layer`.
    ///
    /// # Errors
    ///
    /// As [`Registry::legacy_image`]; and `LayerUnknown`.
    pub async fn legacy_layer(
        &self,
        cx: &Context,
        repository: &RepositoryName,
        id: &str,
    ) -> Result<(Digest, Blob), LegacyImageError> {
        let StoredImage { image, layer } = self.legacy_image(cx, repository, id).await?;
        let unknown = || LegacyImageError::LayerUnknown { repository: repository.clone(), id: id.to_owned() };
        Ok((image.blob, layer.ok_or_else(unknown)?))
    }

    /// The tags that stand for legacy images, in byte order of their names. Without a limit, a page of `policy.max_page`.
    ///
    /// Example: [the guide](crate::guide#legacy-images). Over HTTP: `GET /v1/repositories/<name>/tags`.
    ///
    /// # Errors
    ///
    /// [`LegacyImageError`]; only of access, the repository and ports.
    pub async fn legacy_tags(
        &self,
        cx: &Context,
        repository: &RepositoryName,
        after: Option<TagName>,
        limit: Option<u32>,
    ) -> Result<Page<ImageTag>, LegacyImageError> {
        self.authorize::<LegacyImageError>(cx, repository, Action::Pull).await?;
        let limit = self.page_limit(limit);
        let tags = match self.policy.legacy_images {
            LegacyImageRows::Stored => {
                let ask = ImageTagsAsk { repository: repository.clone(), only: None, after, limit, now: cx.now };
                self.ports.legacy_images.image_tags(&ask).await?
            }
            LegacyImageRows::Off => self.synthesised_tags(cx, repository, after, limit).await?,
        };
        tags.ok_or_else(|| LegacyImageError::RepositoryUnknown(repository.clone()))
    }

    /// The id of the legacy image that a tag stands for.
    ///
    /// Example: [the guide](crate::guide#legacy-images). Over HTTP: `GET /v1/repositories/<name>/tags/<tag>`.
    ///
    /// # Errors
    ///
    /// [`LegacyImageError`]: `TagUnknown` also where the tag stands for no legacy image.
    pub async fn legacy_tag(
        &self,
        cx: &Context,
        repository: &RepositoryName,
        tag: &TagName,
    ) -> Result<String, LegacyImageError> {
        self.authorize::<LegacyImageError>(cx, repository, Action::Pull).await?;
        let unknown = || LegacyImageError::TagUnknown { repository: repository.clone(), tag: tag.clone() };
        let found = match self.policy.legacy_images {
            LegacyImageRows::Stored => {
                let (repository, only) = (repository.clone(), Some(tag.clone()));
                let ask = ImageTagsAsk { repository, only, after: None, limit: 1, now: cx.now };
                let tags = self.ports.legacy_images.image_tags(&ask).await?;
                let tags = tags.ok_or(LegacyImageError::RepositoryUnknown(ask.repository))?;
                tags.items.into_iter().next().map(|tag| tag.image)
            }
            LegacyImageRows::Off => match self.synthesised_tag(cx, repository, tag).await {
                Ok(image) => image,
                Err(FetchError::RepositoryUnknown(repository)) => {
                    return Err(LegacyImageError::RepositoryUnknown(repository));
                }
                Err(FetchError::ManifestUnknown { .. } | FetchError::TagExpired { .. }) => None,
                Err(FetchError::Access(refusal)) => return Err(refusal.into()),
                Err(FetchError::Port(error)) => return Err(error.into()),
            },
        };
        found.ok_or_else(unknown)
    }

    async fn no_image(&self, repository: &RepositoryName, id: &str) -> LegacyImageError {
        let missing = LegacyImageError::ImageUnknown { repository: repository.clone(), id: id.to_owned() };
        self.missing_in(repository, missing).await
    }
}
