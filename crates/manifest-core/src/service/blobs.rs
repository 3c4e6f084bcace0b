use super::Registry;
use super::authorize::UseCaseError;
use crate::access::{AccessRefusal, Action, Context};
use crate::empty_layer;
use crate::error::{Port, PortError};
use crate::facts::Blob;
use crate::ports::{ByteStream, Removal};
use crate::time::{Millis, after};
use bytes::Bytes;
use oci_types::{Digest, RepositoryName};
use std::ops::Range;

/// Why a blob was not read or deleted.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// The caller may not do that here.
    #[error(transparent)]
    Access(#[from] AccessRefusal),
    /// The repository grants no access to such a blob; whether it exists elsewhere is nobody's business.
    #[error("blob {digest} is unknown in {repository}")]
    BlobUnknown {
        /// Where it was looked for.
        repository: RepositoryName,
        /// What was looked for.
        digest: Digest,
    },
    /// A manifest of the repository needs it.
    #[error("blob {0} is part of a manifest")]
    StillLinked(Digest),
    /// The repository takes no writes.
    #[error("repository {0} is read-only")]
    ReadOnly(RepositoryName),
    /// A port failed.
    #[error(transparent)]
    Port(#[from] PortError),
}

/// A refusal on the way to a blob; it becomes a [`BlobError`] once the digest is at hand.
enum Gate {
    Hidden,
    Access(AccessRefusal),
    Port(PortError),
}

impl From<AccessRefusal> for Gate {
    fn from(refusal: AccessRefusal) -> Self {
        Self::Access(refusal)
    }
}

impl From<PortError> for Gate {
    fn from(error: PortError) -> Self {
        Self::Port(error)
    }
}

impl UseCaseError for Gate {
    fn hidden(_: &RepositoryName) -> Self {
        Self::Hidden
    }
}

impl Registry {
    /// The blob, to read it.
    ///
    /// Example: [the guide](crate::guide#reading-blobs). Over HTTP: `GET /v2/<name>/blobs/<digest>`.
    ///
    /// # Errors
    ///
    /// [`BlobError`]; never `StillLinked`.
    pub async fn blob(&self, cx: &Context, repository: &RepositoryName, digest: &Digest) -> Result<Blob, BlobError> {
        self.find_blob(cx, repository, digest, cx.now).await
    }

    /// The blob, for a client that asks whether it needs to upload it: one that nothing links and whose lease is about to end
    /// is denied, so that the client uploads it again.
    ///
    /// Example: [the guide](crate::guide#reading-blobs). Over HTTP: `HEAD /v2/<name>/blobs/<digest>`.
    ///
    /// # Errors
    ///
    /// As [`Registry::blob`].
    pub async fn stat_blob(
        &self,
        cx: &Context,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<Blob, BlobError> {
        self.find_blob(cx, repository, digest, after(cx.now, self.policy.head_lease_floor)).await
    }

    /// The bytes of a blob that one of the above found, or a range of them that lies within.
    ///
    /// Example: [the guide](crate::guide#reading-blobs). Over HTTP: the body of that `GET`.
    ///
    /// # Errors
    ///
    /// A [`PortError`] if the store lacks them or fails.
    pub async fn read_blob(&self, blob: &Blob, range: Option<Range<u64>>) -> Port<ByteStream> {
        if blob.location == empty_layer::location() {
            return Ok(builtin(range));
        }
        self.ports.bytes.read(&blob.location, range).await
    }

    /// Takes the repository's access to a blob away.
    ///
    /// Example: [the guide](crate::guide#deleting-blobs). Over HTTP: `DELETE /v2/<name>/blobs/<digest>`.
    ///
    /// # Errors
    ///
    /// [`BlobError`]; `StillLinked` while an undeleted manifest names it.
    pub async fn delete_blob(
        &self,
        cx: &Context,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<(), BlobError> {
        self.pass(cx, repository, digest, Action::Delete).await?;
        match self.ports.blobs.remove(repository, digest, cx.now).await? {
            Removal::Removed => Ok(()),
            Removal::Absent => Err(BlobError::BlobUnknown { repository: repository.clone(), digest: *digest }),
            Removal::StillLinked => Err(BlobError::StillLinked(*digest)),
            Removal::ReadOnly => Err(BlobError::ReadOnly(repository.clone())),
        }
    }

    async fn find_blob(
        &self,
        cx: &Context,
        repository: &RepositoryName,
        digest: &Digest,
        usable_after: Millis,
    ) -> Result<Blob, BlobError> {
        self.pass(cx, repository, digest, Action::Pull).await?;
        let blob = self.ports.blobs.find(repository, digest, usable_after).await?;
        blob.ok_or_else(|| BlobError::BlobUnknown { repository: repository.clone(), digest: *digest })
    }

    async fn pass(
        &self,
        cx: &Context,
        repository: &RepositoryName,
        digest: &Digest,
        action: Action,
    ) -> Result<(), BlobError> {
        self.authorize::<Gate>(cx, repository, action).await.map_err(|gate| match gate {
            Gate::Hidden => BlobError::BlobUnknown { repository: repository.clone(), digest: *digest },
            Gate::Access(refusal) => refusal.into(),
            Gate::Port(error) => error.into(),
        })
    }
}

fn builtin(range: Option<Range<u64>>) -> ByteStream {
    let all = Bytes::from_static(&empty_layer::BYTES);
    let bytes = range.map_or_else(
        || all.clone(),
        |range| {
            // 32 bytes: an index that does not fit a usize is past the end, as is anything over 32.
            let end = usize::try_from(range.end).unwrap_or(usize::MAX).min(all.len());
            let start = usize::try_from(range.start).unwrap_or(usize::MAX).min(end);
            all.slice(start..end)
        },
    );
    Box::pin(futures_util::stream::once(async move { Ok(bytes) }))
}
