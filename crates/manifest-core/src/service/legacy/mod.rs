//! The v1 API's questions about legacy images: answered by rows, or, where none are stored, made of manifests and configs.

mod synthesis;

pub use synthesis::MAX_MANIFESTS_READ;
pub(super) use synthesis::{Budget, MakeError};

use super::Registry;
use super::authorize::UseCaseError;
use super::fetch::FetchError;
use crate::access::{AccessRefusal, Action, Context};
use crate::error::PortError;
use crate::facts::Blob;
use crate::policy::LegacyImageRows;
use crate::ports::{ImageTag, ImageTagsAsk, Page, StoredImage};
use oci_types::{Digest, RepositoryName, TagName};

/// How many tags are listed at once, for the v1 protocol, which has no pages.
pub const MAX_TAGS_AT_ONCE: usize = 10_000;

/// Why there is no legacy image.
#[derive(Debug, thiserror::Error)]
pub enum LegacyImageError {
    /// The caller may not read here.
    #[error(transparent)]
    Access(#[from] AccessRefusal),
    /// There is no such repository, or the caller may not know of it.
    #[error("repository {0} is unknown")]
    RepositoryUnknown(RepositoryName),
    /// The repository has no such image that is served.
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
    /// More tags stand for images than are listed at once.
    #[error("more than {MAX_TAGS_AT_ONCE} tags of {0} stand for images")]
    TooManyTags(RepositoryName),
    /// Images are not stored, and those of more manifests would have to be made than one question may cost.
    #[error("at most {MAX_MANIFESTS_READ} manifests are read at once where images are not stored, and {0} has more")]
    NotAllRead(RepositoryName),
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
    /// [`LegacyImageError`]: `ImageUnknown` where no manifest that is served has it; `NotAllRead` where images are not stored and
    /// [`MAX_MANIFESTS_READ`] manifests did not have it.
    pub async fn legacy_image(
        &self,
        cx: &Context,
        repository: &RepositoryName,
        id: &str,
    ) -> Result<StoredImage, LegacyImageError> {
        self.authorize::<LegacyImageError>(cx, repository, Action::Pull).await?;
        let found = match self.policy.legacy_images {
            LegacyImageRows::Stored => self.ports.legacy_images.image(repository, id, cx.now).await?,
            LegacyImageRows::Off => {
                let made = self.synthesised_image(cx, repository, id, &mut Budget::default()).await;
                made.map_err(|error| not_made(repository, error))?.map(|(image, _)| image)
            }
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
            LegacyImageRows::Off => {
                let made = self.synthesised_image(cx, repository, id, &mut Budget::default()).await;
                made.map_err(|error| not_made(repository, error))?.map(|(_, ids)| ids).unwrap_or_default()
            }
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
        self.image_tags(cx, repository, after, self.page_limit(limit), &mut Budget::of_a_page()).await
    }

    /// All tags that stand for legacy images, in byte order of their names: for a protocol without pages.
    ///
    /// Example: [the guide](crate::guide#legacy-images). Over HTTP: `GET /v1/repositories/<name>/tags`.
    ///
    /// # Errors
    ///
    /// [`LegacyImageError`]: `TooManyTags` of more than [`MAX_TAGS_AT_ONCE`]; `NotAllRead` where images are not stored and the tags lead
    /// to more than [`MAX_MANIFESTS_READ`] manifests.
    pub async fn all_legacy_tags(
        &self,
        cx: &Context,
        repository: &RepositoryName,
    ) -> Result<Vec<ImageTag>, LegacyImageError> {
        self.authorize::<LegacyImageError>(cx, repository, Action::Pull).await?;
        let mut budget = Budget::default();
        let mut tags: Vec<ImageTag> = Vec::new();
        loop {
            let after = tags.last().map(|tag| tag.name.clone());
            let page = self.image_tags(cx, repository, after, self.page_limit(None), &mut budget).await?;
            if tags.len() + page.items.len() > MAX_TAGS_AT_ONCE {
                return Err(LegacyImageError::TooManyTags(repository.clone()));
            }
            let ends = !page.more || page.items.is_empty();
            tags.extend(page.items);
            if ends {
                return Ok(tags);
            }
        }
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

    /// A page of tags, whoever asks.
    async fn image_tags(
        &self,
        cx: &Context,
        repository: &RepositoryName,
        after: Option<TagName>,
        limit: u32,
        budget: &mut Budget,
    ) -> Result<Page<ImageTag>, LegacyImageError> {
        let tags = match self.policy.legacy_images {
            LegacyImageRows::Stored => {
                let ask = ImageTagsAsk { repository: repository.clone(), only: None, after, limit, now: cx.now };
                self.ports.legacy_images.image_tags(&ask).await?
            }
            LegacyImageRows::Off => {
                let made = self.synthesised_tags(cx, repository, after, limit, budget).await;
                made.map_err(|error| not_made(repository, error))?
            }
        };
        tags.ok_or_else(|| LegacyImageError::RepositoryUnknown(repository.clone()))
    }

    /// An image with the ids of it and of all below it, whoever asks.
    pub(super) async fn image_and_ancestry(
        &self,
        cx: &Context,
        repository: &RepositoryName,
        id: &str,
        budget: &mut Budget,
    ) -> Result<Option<(StoredImage, Vec<String>)>, MakeError> {
        match self.policy.legacy_images {
            LegacyImageRows::Stored => {
                let images = &self.ports.legacy_images;
                let Some(image) = images.image(repository, id, cx.now).await? else { return Ok(None) };
                let ids = images.ancestry(repository, id, cx.now).await?;
                // Gone in between.
                Ok((!ids.is_empty()).then_some((image, ids)))
            }
            LegacyImageRows::Off => self.synthesised_image(cx, repository, id, budget).await,
        }
    }

    async fn no_image(&self, repository: &RepositoryName, id: &str) -> LegacyImageError {
        let missing = LegacyImageError::ImageUnknown { repository: repository.clone(), id: id.to_owned() };
        self.missing_in(repository, missing).await
    }
}

fn not_made(repository: &RepositoryName, error: MakeError) -> LegacyImageError {
    match error {
        MakeError::Spent => LegacyImageError::NotAllRead(repository.clone()),
        MakeError::Port(error) => error.into(),
    }
}

#[cfg(test)]
mod tests;
