use super::Registry;
use super::authorize::UseCaseError;
use crate::access::{AccessRefusal, Action, Context};
use crate::error::PortError;
use crate::ports::{HistoryCursor, HistoryRow, Page, PageAsk, Referrer, ReferrersAsk, RepositoryRow, TagRow};
use oci_types::{Digest, RepositoryName, TagName};

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

    /// A repository's tags with what they point at, in byte order of their names.
    ///
    /// # Errors
    ///
    /// [`ListError`].
    pub async fn tags(
        &self,
        cx: &Context,
        repository: &RepositoryName,
        after: Option<TagName>,
        limit: Option<u32>,
    ) -> Result<Page<TagRow>, ListError> {
        self.authorize::<ListError>(cx, repository, Action::Pull).await?;
        let page = PageAsk { after, limit: self.page_limit(limit) };
        let tags = self.ports.listings.tags(repository, &page, cx.now).await?;
        tags.ok_or_else(|| ListError::RepositoryUnknown(repository.clone()))
    }

    /// What a repository's tags (or one of them) pointed at, newest first.
    ///
    /// # Errors
    ///
    /// [`ListError`].
    pub async fn history(
        &self,
        cx: &Context,
        repository: &RepositoryName,
        name: Option<TagName>,
        after: Option<HistoryCursor>,
        limit: Option<u32>,
    ) -> Result<Page<HistoryRow>, ListError> {
        self.authorize::<ListError>(cx, repository, Action::Pull).await?;
        let page = PageAsk { after, limit: self.page_limit(limit) };
        let rows = self.ports.listings.history(repository, name, &page).await?;
        rows.ok_or_else(|| ListError::RepositoryUnknown(repository.clone()))
    }

    /// A repository's own row.
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

    /// The manifests about a digest, in byte order of their own. An unknown subject, or an unknown repository, has none: that
    /// is no error (OCI distribution spec, "Listing Referrers").
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
