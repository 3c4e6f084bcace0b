use super::Registry;
use super::authorize::UseCaseError;
use crate::access::{AccessRefusal, Action, Context};
use crate::error::PortError;
use crate::ports::{
    HistoryAsk, HistoryCursor, HistoryRow, ManifestRow, ManifestState, ManifestsAsk, Page, PageAsk, Referrer,
    ReferrersAsk, RepositoryRow, TagCursor, TagOrder, TagRow, TagsAsk,
};
use crate::time::Millis;
use oci_types::{Digest, RepositoryName, TagName};

/// Which tags, and in which order. The default: all of them by name, from the first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TagQuery {
    /// Only names that contain this text, byte for byte.
    pub contains: Option<String>,
    /// In which order.
    pub order: TagOrder,
    /// Only what follows this tag in that order.
    pub after: Option<TagCursor>,
    /// At most so many; `policy.max_page` if nothing is said, or more.
    pub limit: Option<u32>,
}

/// Which intervals of tags. The default: all of them, from the newest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HistoryQuery {
    /// Only of this tag.
    pub name: Option<TagName>,
    /// Only the present intervals of alive tags.
    pub active_only: bool,
    /// Only intervals that start or end after this time.
    pub since: Option<Millis>,
    /// Only what follows this interval.
    pub after: Option<HistoryCursor>,
    /// At most so many; `policy.max_page` if nothing is said, or more.
    pub limit: Option<u32>,
}

/// Why there is no listing.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// The caller may not read here.
    #[error(transparent)]
    Access(#[from] AccessRefusal),
    /// There is no such repository, or the caller may not know of it.
    #[error("repository {0} is unknown")]
    RepositoryUnknown(RepositoryName),
    /// A port failed.
    #[error(transparent)]
    Port(#[from] PortError),
}

impl UseCaseError for ListError {
    fn hidden(repository: &RepositoryName) -> Self {
        Self::RepositoryUnknown(repository.clone())
    }
}

impl Registry {
    /// The names of a repository's tags in byte order. Without a limit, a page of `policy.max_page`.
    ///
    /// Example: [the guide](crate::guide#listing-tags). Over HTTP: `GET /v2/<name>/tags/list`.
    ///
    /// # Errors
    ///
    /// [`ListError`].
    pub async fn tag_names(
        &self,
        cx: &Context,
        repository: &RepositoryName,
        after: Option<TagName>,
        limit: Option<u32>,
    ) -> Result<Page<TagName>, ListError> {
        self.authorize::<ListError>(cx, repository, Action::Pull).await?;
        let page = PageAsk { after, limit: self.page_limit(limit) };
        let names = self.ports.listings.tag_names(repository, &page, cx.now).await?;
        names.ok_or_else(|| ListError::RepositoryUnknown(repository.clone()))
    }

    /// A repository's tags with what they point at.
    ///
    /// Example: [the guide](crate::guide#listing-tags). As JSON: `docs/api.md`, "Tags".
    ///
    /// # Errors
    ///
    /// [`ListError`].
    pub async fn tags(
        &self,
        cx: &Context,
        repository: &RepositoryName,
        query: &TagQuery,
    ) -> Result<Page<TagRow>, ListError> {
        self.authorize::<ListError>(cx, repository, Action::Pull).await?;
        let TagQuery { contains, order, after, limit } = query.clone();
        let (repository, limit) = (repository.clone(), self.page_limit(limit));
        let ask = TagsAsk { repository, contains, order, after, limit, now: cx.now };
        let tags = self.ports.listings.tags(&ask).await?;
        tags.ok_or(ListError::RepositoryUnknown(ask.repository))
    }

    /// What a repository's tags (or one of them) pointed at, newest first.
    ///
    /// Example: [the guide](crate::guide#history). As JSON: `docs/api.md`, "History".
    ///
    /// # Errors
    ///
    /// [`ListError`].
    pub async fn history(
        &self,
        cx: &Context,
        repository: &RepositoryName,
        query: &HistoryQuery,
    ) -> Result<Page<HistoryRow>, ListError> {
        self.authorize::<ListError>(cx, repository, Action::Pull).await?;
        let HistoryQuery { name, active_only, since, after, limit } = query.clone();
        let (repository, limit) = (repository.clone(), self.page_limit(limit));
        let ask = HistoryAsk { repository, name, active_only, since, after, limit, now: cx.now };
        let rows = self.ports.listings.history(&ask).await?;
        rows.ok_or(ListError::RepositoryUnknown(ask.repository))
    }

    /// A repository's manifests by what holds them, in byte order of their digests. Which ones were deleted is for
    /// administrators, as fetching them is: whoever deleted one did not want it found.
    ///
    /// Example: [the guide](crate::guide#manifests-by-state). As JSON: `docs/api.md`, "Manifests by state".
    ///
    /// # Errors
    ///
    /// [`ListError`].
    pub async fn manifests(
        &self,
        cx: &Context,
        repository: &RepositoryName,
        state: ManifestState,
        after: Option<Digest>,
        limit: Option<u32>,
    ) -> Result<Page<ManifestRow>, ListError> {
        let action = match state {
            ManifestState::Tagged | ManifestState::Untagged => Action::Pull,
            ManifestState::Deleted => Action::Admin,
        };
        self.authorize::<ListError>(cx, repository, action).await?;
        let (repository, limit) = (repository.clone(), self.page_limit(limit));
        let ask = ManifestsAsk { repository, state, after, limit, now: cx.now };
        let rows = self.ports.listings.manifests(&ask).await?;
        rows.ok_or(ListError::RepositoryUnknown(ask.repository))
    }

    /// A repository's own row.
    ///
    /// Example: [the guide](crate::guide#repositories). As JSON: `docs/api.md`, "Repositories".
    ///
    /// # Errors
    ///
    /// [`ListError`].
    pub async fn repository(&self, cx: &Context, repository: &RepositoryName) -> Result<RepositoryRow, ListError> {
        self.authorize::<ListError>(cx, repository, Action::Pull).await?;
        let row = self.ports.repositories.find(repository).await?;
        row.ok_or_else(|| ListError::RepositoryUnknown(repository.clone()))
    }

    /// The repositories that the caller may read, in byte order. Whether they may list at all is asked of the authorizer first, as a
    /// pull without a repository.
    ///
    /// Example: [the guide](crate::guide#repositories). Over HTTP: `GET /v2/_catalog`.
    ///
    /// # Errors
    ///
    /// [`ListError`].
    pub async fn catalogue(
        &self,
        cx: &Context,
        after: Option<RepositoryName>,
        limit: Option<u32>,
    ) -> Result<Page<RepositoryName>, ListError> {
        if !self.sees_registry::<ListError>(cx).await? {
            return Ok(Page { items: Vec::new(), more: false });
        }
        let scope = self.ports.access.read_scope(&cx.caller).await?;
        let page = PageAsk { after, limit: self.page_limit(limit) };
        Ok(self.ports.listings.repositories(&scope, &page).await?)
    }

    /// The manifests about a digest, in byte order of their own. An unknown subject, or an unknown repository, has
    /// none: that is no error (OCI distribution spec, "Listing Referrers").
    ///
    /// Manifests that a client listed in a fallback tag (`sha256-<hex>`, "Referrers Tag Schema") are among them, from
    /// their own rows: each was pushed here with its subject, and the index that lists it keeps it. What such an
    /// index says of them is never believed, so one that names no such subject itself is no referrer, and none is
    /// listed twice.
    ///
    /// Example: [the guide](crate::guide#referrers). Over HTTP: `GET /v2/<name>/referrers/<digest>`.
    ///
    /// # Errors
    ///
    /// [`ListError`], but never `RepositoryUnknown`.
    pub async fn referrers(
        &self,
        cx: &Context,
        repository: &RepositoryName,
        subject: &Digest,
        artifact_types: Vec<String>,
        after: Option<Digest>,
        limit: Option<u32>,
    ) -> Result<Page<Referrer>, ListError> {
        match self.authorize::<ListError>(cx, repository, Action::Pull).await {
            Err(ListError::RepositoryUnknown(_)) => {
                return Ok(Page { items: Vec::new(), more: false });
            }
            decided => decided?,
        }
        let ask = ReferrersAsk {
            repository: repository.clone(),
            subject: *subject,
            artifact_types,
            after,
            limit: self.page_limit(limit),
            max_bytes: self.policy.max_referrers_bytes,
            now: cx.now,
        };
        Ok(self.ports.manifests.referrers(&ask).await?)
    }
}

#[cfg(test)]
mod tests;
