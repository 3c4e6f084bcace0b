use super::Registry;
use super::authorize::UseCaseError;
use super::lookup::{Lookup, fetch_ask};
use crate::access::{AccessRefusal, Action, Context};
use crate::error::{PortError, PortErrorKind};
use crate::facts::TagState;
use crate::ports::{FetchAsk, Fetched, Found, Liveness};
use bytes::Bytes;
use oci_types::{Digest, MediaType, Reference, RepositoryName};

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

/// A manifest as it is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// Its digest, in the algorithm that it was pushed with.
    pub digest: Digest,
    /// The type that it was pushed with.
    pub media_type: MediaType,
    /// Exactly what was pushed.
    pub bytes: Bytes,
    /// The tag that led here, for a fetch by tag.
    pub tag: Option<TagState>,
}

impl Manifest {
    fn of(found: Found) -> Result<Self, PortError> {
        let Found { digest, media_type, bytes, tag, .. } = found;
        let left_out = || PortError::new(PortErrorKind::Internal, "a manifest was found without its bytes");
        Ok(Self { digest, media_type, bytes: bytes.ok_or_else(left_out)?, tag })
    }
}

impl UseCaseError for FetchError {
    fn hidden(repository: &RepositoryName) -> Self {
        Self::RepositoryUnknown(repository.clone())
    }
}

impl Registry {
    /// The manifest that a tag or digest leads to. By digest, only what is visible (semantics 4), or under a
    /// strict policy only what an alive tag holds.
    ///
    /// Example: [the guide](crate::guide#fetching). Over HTTP: `GET /v2/<name>/manifests/<reference>`.
    ///
    /// # Errors
    ///
    /// [`FetchError`], which says what is unknown.
    pub async fn manifest(
        &self,
        cx: &Context,
        repository: &RepositoryName,
        reference: &Reference,
    ) -> Result<Manifest, FetchError> {
        self.authorize::<FetchError>(cx, repository, Action::Pull).await?;
        match reference {
            Reference::Digest(digest) if self.policy.strict_lookup => {
                self.find(cx, repository, digest, Lookup::Tagged).await
            }
            Reference::Digest(_) | Reference::Tag(_) => {
                self.follow(fetch_ask(cx, repository, reference.clone(), Liveness::Visible)).await
            }
        }
    }

    pub(super) async fn follow(&self, ask: FetchAsk) -> Result<Manifest, FetchError> {
        match self.ports.manifests.fetch(&ask).await? {
            Fetched::Found(found) => Ok(Manifest::of(found)?),
            Fetched::RepositoryUnknown => Err(FetchError::RepositoryUnknown(ask.repository)),
            Fetched::Unknown => {
                Err(FetchError::ManifestUnknown { repository: ask.repository, reference: ask.reference })
            }
            Fetched::TagExpired => Err(FetchError::TagExpired { repository: ask.repository, reference: ask.reference }),
        }
    }
}
