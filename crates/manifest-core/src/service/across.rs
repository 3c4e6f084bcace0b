//! Questions that v1 clients ask of all repositories at once: where an image is, and which names hold a text.

use super::Registry;
use super::legacy::{Budget, MAX_MANIFESTS_READ, MakeError};
use super::listings::ListError;
use crate::access::Context;
use crate::error::PortError;
use crate::ports::{PageAsk, StoredImage};
use oci_types::RepositoryName;

/// How many repositories are asked for a legacy image where nobody says which has it.
pub const MAX_REPOSITORIES_ASKED: u32 = 32;

/// How many pages of names a search goes through.
const SEARCHED_PAGES: usize = 16;

/// A legacy image, and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlacedImage {
    /// Of the repositories that have it the first in byte order that has its layer too.
    pub repository: RepositoryName,
    /// The image.
    pub found: StoredImage,
    /// Its id and those of all below it, its base last.
    pub ancestry: Vec<String>,
}

/// Why it is not said which image has an id. Whoever knows the repository asks [`Registry::legacy_image`].
#[derive(Debug, thiserror::Error)]
pub enum FindImageError {
    /// Repositories that the caller may read have different images of that id.
    #[error("{first} and {second} have different images of the id {id:?}")]
    Ambiguous {
        /// What was looked for.
        id: String,
        /// One that has it.
        first: RepositoryName,
        /// One that has another.
        second: RepositoryName,
    },
    /// The caller may read more repositories than are asked. None was: what is in the others could be another image.
    #[error("an image is looked for in at most {MAX_REPOSITORIES_ASKED} repositories, and the caller may read more")]
    TooManyRepositories,
    /// Images are not stored, and those of more manifests would have to be made than one question may cost.
    #[error(
        "at most {MAX_MANIFESTS_READ} manifests are read for one image where images are not stored, and there are more"
    )]
    NotAllRead,
    /// A port failed.
    #[error(transparent)]
    Port(#[from] PortError),
}

impl From<MakeError> for FindImageError {
    fn from(error: MakeError) -> Self {
        match error {
            MakeError::Spent => Self::NotAllRead,
            MakeError::Port(error) => error.into(),
        }
    }
}

impl Registry {
    /// The legacy image of that id in whichever repositories the caller may pull from: for clients that do not say which they mean.
    ///
    /// Ids of schema 1 images are whatever their makers wrote, so several repositories may have different images under one id. Then none of them
    /// is the answer, nor if not all could be asked. Images are the same if their metadata, their layer and the ids below them are.
    /// Nothing but the right to pull is asked for, and what is hidden is as if it were not there.
    ///
    /// Example: [the guide](crate::guide#images-of-all-repositories). Over HTTP: `GET /v1/images/<id>/…` without the token that `GET /v1/repositories/<name>/images` hands out.
    ///
    /// # Errors
    ///
    /// [`FindImageError`].
    pub async fn find_legacy_image(&self, cx: &Context, id: &str) -> Result<Option<PlacedImage>, FindImageError> {
        let scope = self.ports.access.read_scope(&cx.caller).await?;
        let names = self.ports.listings.repositories(&scope, &PageAsk::first(MAX_REPOSITORIES_ASKED)).await?;
        if names.more {
            return Err(FindImageError::TooManyRepositories);
        }
        let mut budget = Budget::default();
        let mut placed: Option<PlacedImage> = None;
        for repository in names.items {
            let Some((found, ancestry)) = self.image_and_ancestry(cx, &repository, id, &mut budget).await? else {
                continue;
            };
            let here = PlacedImage { repository, found, ancestry };
            placed = match placed {
                Some(first) if !is_same(&first, &here) => {
                    let (id, first, second) = (id.to_owned(), first.repository, here.repository);
                    return Err(FindImageError::Ambiguous { id, first, second });
                }
                Some(first) if first.found.layer.is_some() || here.found.layer.is_none() => Some(first),
                Some(_) | None => Some(here),
            };
        }
        Ok(placed)
    }

    /// The first `limit` repositories, in byte order, whose names contain a text, in lower case or not, and which the caller may
    /// read. Of very many repositories only the first sixteen pages are looked through.
    ///
    /// Example: [the guide](crate::guide#images-of-all-repositories). Over HTTP: `GET /v1/search`.
    ///
    /// # Errors
    ///
    /// As [`Registry::catalogue`].
    pub async fn search(&self, cx: &Context, text: &str, limit: u32) -> Result<Vec<RepositoryName>, ListError> {
        let limit = usize::try_from(self.page_limit(Some(limit))).unwrap_or(usize::MAX);
        // Names are always lower case, whatever people type.
        let text = text.to_ascii_lowercase();
        let mut found = Vec::new();
        let mut after = None;
        for _ in 0..SEARCHED_PAGES {
            let page = self.catalogue(cx, after, None).await?;
            after = page.items.last().cloned();
            found.extend(page.items.into_iter().filter(|name| name.as_str().contains(&text)));
            if found.len() >= limit || !page.more {
                break;
            }
        }
        found.truncate(limit);
        Ok(found)
    }
}

/// Whether clients see the same of both.
fn is_same(one: &PlacedImage, other: &PlacedImage) -> bool {
    let (a, b) = (&one.found.image, &other.found.image);
    a.metadata == b.metadata && a.blob == b.blob && one.ancestry == other.ancestry
}
