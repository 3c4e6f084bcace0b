//! Questions that v1 clients ask of all repositories at once: where an image is, and which names hold a text.

use super::listings::ListError;
use super::{LegacyImageError, Registry};
use crate::access::Context;
use oci_types::RepositoryName;

/// How many pages of names a search goes through.
const SEARCHED_PAGES: usize = 16;

impl Registry {
    /// The repository that serves a legacy image of that id to the caller: of several the first in byte order, of which the image
    /// may be another one, since ids of schema 1 images are whatever their makers wrote. Only the first `policy.max_page`
    /// repositories that the caller may read are asked. For clients that do not say which they mean.
    ///
    /// Example: [the guide](crate::guide#images-of-all-repositories). Over HTTP: `GET /v1/images/<id>/…` without the token that `GET /v1/repositories/<name>/images` hands out.
    ///
    /// # Errors
    ///
    /// [`ListError`]; only of access to the listing, and of ports.
    pub async fn repository_of_legacy_image(
        &self,
        cx: &Context,
        id: &str,
    ) -> Result<Option<RepositoryName>, ListError> {
        for name in self.catalogue(cx, None, None).await?.items {
            match self.legacy_image(cx, &name, id).await {
                Ok(_) => return Ok(Some(name)),
                Err(LegacyImageError::Port(error)) => return Err(error.into()),
                Err(
                    LegacyImageError::Access(_)
                    | LegacyImageError::RepositoryUnknown(_)
                    | LegacyImageError::ImageUnknown { .. }
                    | LegacyImageError::LayerUnknown { .. }
                    | LegacyImageError::TagUnknown { .. },
                ) => {}
            }
        }
        Ok(None)
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
