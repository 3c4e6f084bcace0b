use super::Registry;
use super::authorize::UseCaseError;
use crate::access::{AccessRefusal, Action, Context};
use crate::error::PortError;
use crate::ports::{FetchAsk, Fetched, Found, Liveness};
use oci_types::{Digest, Reference, RepositoryName};

/// Why a manifest was not found.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The caller may not read here.
    #[error(transparent)]
    Access(#[from] AccessRefusal),
    /// There is no such repository, or the caller may not know of it.
    #[error("repository {0} is unknown")]
    RepositoryUnknown(RepositoryName),
    /// The repository has no such tag, or no such manifest that is kept.
    #[error("{reference} is unknown in {repository}")]
    ManifestUnknown {
        /// Where it was looked for.
        repository: RepositoryName,
        /// What was looked for.
        reference: Reference,
    },
    /// The tag was there and has expired.
    #[error("{reference} in {repository} has expired")]
    TagExpired {
        /// Where it was looked for.
        repository: RepositoryName,
        /// What was looked for.
        reference: Reference,
    },
    /// A port failed.
    #[error(transparent)]
    Port(#[from] PortError),
}

impl UseCaseError for FetchError {
    fn hidden(repository: &RepositoryName) -> Self {
        Self::RepositoryUnknown(repository.clone())
    }
}

impl Registry {
    /// The manifest that a tag or digest leads to. By digest, only what is visible (DESIGN, section 4.4).
    ///
    /// # Errors
    ///
    /// [`FetchError`], which says what is unknown.
    pub async fn manifest(
        &self,
        cx: &Context,
        repository: &RepositoryName,
        reference: &Reference,
    ) -> Result<Found, FetchError> {
        self.manifest_unless(cx, repository, reference, None).await
    }

    /// The same for a caller who holds the bytes of one manifest: they are left out if that is the one.
    ///
    /// # Errors
    ///
    /// As [`Registry::manifest`].
    pub async fn manifest_unless(
        &self,
        cx: &Context,
        repository: &RepositoryName,
        reference: &Reference,
        have: Option<Digest>,
    ) -> Result<Found, FetchError> {
        self.authorize::<FetchError>(cx, repository, Action::Pull).await?;
        let ask = FetchAsk {
            repository: repository.clone(),
            reference: reference.clone(),
            now: cx.now,
            liveness: Liveness::Visible,
            have,
        };
        match self.ports.manifests.fetch(&ask).await? {
            Fetched::Found(found) => Ok(found),
            Fetched::RepositoryUnknown => Err(FetchError::RepositoryUnknown(ask.repository)),
            Fetched::Unknown => {
                Err(FetchError::ManifestUnknown { repository: ask.repository, reference: ask.reference })
            }
            Fetched::TagExpired => Err(FetchError::TagExpired { repository: ask.repository, reference: ask.reference }),
        }
    }
}
