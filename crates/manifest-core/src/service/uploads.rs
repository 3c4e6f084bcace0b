mod body;
mod complete;

use super::Registry;
use super::authorize::UseCaseError;
use crate::access::{AccessRefusal, Action, Context};
use crate::error::PortError;
use crate::facts::Blob;
use crate::ports::{
    Begun, BodyError, BodyStream, CancelUpload, Cancelled, MountAsk, MountSource, Mounted, NewUpload, PublishPart,
    Published, Upload, UploadId, WriteError,
};
use crate::time::after;
use bytes::Bytes;
use complete::Place;
use oci_types::{Algorithm, Digest, Hasher, RepositoryName};

/// Why an upload did not go on.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// The caller may not write here.
    #[error(transparent)]
    Access(#[from] AccessRefusal),
    /// There is no such repository (and the push may not create it), or the caller may not know of it.
    #[error("repository {0} is unknown")]
    RepositoryUnknown(RepositoryName),
    /// The repository takes no writes.
    #[error("repository {0} is read-only")]
    ReadOnly(RepositoryName),
    /// There is no such upload in the repository, or it has ended.
    #[error("upload {0} is unknown")]
    UploadUnknown(UploadId),
    /// The chunk does not start where the upload ends. The upload goes on from `offset`.
    #[error("the upload is at byte {offset}")]
    OutOfOrder {
        /// How many bytes the registry has.
        offset: u64,
    },
    /// The bytes do not hash to the digest. The upload is dropped.
    #[error("the content has digest {actual}, not {expected}")]
    DigestMismatch {
        /// What the client said.
        expected: Digest,
        /// What the bytes say.
        actual: Digest,
    },
    /// The body broke off, stalled, or was too large. What had been published stays.
    #[error("the body could not be read")]
    Body(#[source] BodyError),
    /// A port failed.
    #[error(transparent)]
    Port(#[from] PortError),
}

impl From<WriteError> for UploadError {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Body(error) => Self::Body(error),
            WriteError::Store(error) => Self::Port(error),
        }
    }
}

impl UseCaseError for UploadError {
    fn hidden(repository: &RepositoryName) -> Self {
        Self::RepositoryUnknown(repository.clone())
    }
}

impl Registry {
    /// Opens an upload under a fresh id that hashes with that algorithm on the way.
    ///
    /// Example: [the guide](crate::guide#uploading-blobs). Over HTTP: `POST /v2/<name>/blobs/uploads/`.
    ///
    /// # Errors
    ///
    /// [`UploadError`].
    pub async fn begin_upload(
        &self,
        cx: &Context,
        repository: &RepositoryName,
        id: UploadId,
        algorithm: Algorithm,
    ) -> Result<(), UploadError> {
        let may = self.decide::<UploadError>(cx, repository, &[Action::Push, Action::Create]).await?;
        let upload = NewUpload {
            repository: repository.clone(),
            id,
            hash_state: Hasher::new(algorithm).to_state().into(),
            create_repository: self.creation(may.get(1) == Some(&true)),
            now: cx.now,
            expires: after(cx.now, self.policy.upload_ttl),
            actor: cx.caller.actor().cloned(),
        };
        match self.ports.uploads.begin(&upload).await? {
            Begun::Done => Ok(()),
            Begun::RepositoryGone => Err(UploadError::RepositoryUnknown(repository.clone())),
            Begun::ReadOnly => Err(UploadError::ReadOnly(repository.clone())),
        }
    }

    /// How many bytes of an open upload the registry has.
    ///
    /// Example: [the guide](crate::guide#uploading-blobs). Over HTTP: `GET` of an upload.
    ///
    /// # Errors
    ///
    /// [`UploadError`].
    pub async fn upload_status(
        &self,
        cx: &Context,
        repository: &RepositoryName,
        id: &UploadId,
    ) -> Result<u64, UploadError> {
        self.authorize::<UploadError>(cx, repository, Action::Push).await?;
        Ok(self.open_upload(cx, repository, id).await?.offset)
    }

    /// Appends a body. With `start`, only if the upload ends there. Answers the new number of bytes.
    ///
    /// Example: [the guide](crate::guide#uploading-blobs). Over HTTP: `PATCH` of an upload.
    ///
    /// # Errors
    ///
    /// [`UploadError`]. A body that breaks off appends nothing.
    pub async fn append(
        &self,
        cx: &Context,
        repository: &RepositoryName,
        id: &UploadId,
        start: Option<u64>,
        body: BodyStream,
    ) -> Result<u64, UploadError> {
        self.authorize::<UploadError>(cx, repository, Action::Push).await?;
        let upload = self.open_upload(cx, repository, id).await?;
        in_order(&upload, start)?;
        let Some((part, hasher)) = self.store_part(id, Place::Between, hasher_of(&upload)?, body).await? else {
            return Ok(upload.offset);
        };
        let end = upload.offset + part.size;
        let publish = PublishPart {
            repository: repository.clone(),
            id: *id,
            from: upload.offset,
            part,
            hash_state: hasher.to_state().into(),
            now: cx.now,
            expires: after(cx.now, self.policy.upload_ttl),
        };
        match self.ports.uploads.publish(&publish).await? {
            Published::Done => Ok(end),
            Published::WrongOffset(offset) => Err(UploadError::OutOfOrder { offset }),
            Published::Unknown => Err(UploadError::UploadUnknown(*id)),
            Published::ReadOnly => Err(UploadError::ReadOnly(repository.clone())),
        }
    }

    /// Ends an upload: appends the body, if it has bytes, checks the digest, and makes the blob. Doing it again after it
    /// succeeded succeeds.
    ///
    /// Example: [the guide](crate::guide#uploading-blobs). Over HTTP: `PUT` of an upload.
    ///
    /// # Errors
    ///
    /// [`UploadError`]. After `DigestMismatch` the upload is gone; after `OutOfOrder` it goes on.
    pub async fn finish_upload(
        &self,
        cx: &Context,
        repository: &RepositoryName,
        id: &UploadId,
        start: Option<u64>,
        body: BodyStream,
        digest: &Digest,
    ) -> Result<Blob, UploadError> {
        self.authorize::<UploadError>(cx, repository, Action::Push).await?;
        let upload = self.ports.uploads.load(repository, id, cx.now).await?;
        let upload = upload.ok_or(UploadError::UploadUnknown(*id))?;
        if let Some((finished, blob)) = upload.finished {
            return if finished == *digest { Ok(blob) } else { Err(UploadError::UploadUnknown(*id)) };
        }
        in_order(&upload, start)?;
        self.complete(cx, repository, upload, body, digest).await
    }

    /// Uploads a blob with one body.
    ///
    /// Example: [the guide](crate::guide#uploading-blobs). Over HTTP: `POST /v2/<name>/blobs/uploads/?digest=`.
    ///
    /// # Errors
    ///
    /// [`UploadError`]. Nothing is left of the upload after an error.
    pub async fn upload_whole(
        &self,
        cx: &Context,
        repository: &RepositoryName,
        id: UploadId,
        digest: &Digest,
        body: BodyStream,
    ) -> Result<Blob, UploadError> {
        self.begin_upload(cx, repository, id, digest.algorithm()).await?;
        let hash_state = Bytes::from(Hasher::new(digest.algorithm()).to_state());
        let upload = Upload { id, offset: 0, hash_state, parts: Vec::new(), finished: None };
        let result = self.complete(cx, repository, upload, body, digest).await;
        match &result {
            Ok(_) | Err(UploadError::DigestMismatch { .. }) => {}
            Err(_) => {
                // Best effort: an upload that stays is swept when it expires.
                let _ = self.ports.uploads.cancel(&whole(cx, repository, id)).await;
            }
        }
        result
    }

    /// Drops an upload.
    ///
    /// Example: [the guide](crate::guide#uploading-blobs). Over HTTP: `DELETE` of an upload.
    ///
    /// # Errors
    ///
    /// [`UploadError`].
    pub async fn cancel_upload(
        &self,
        cx: &Context,
        repository: &RepositoryName,
        id: &UploadId,
    ) -> Result<(), UploadError> {
        self.authorize::<UploadError>(cx, repository, Action::Push).await?;
        self.open_upload(cx, repository, id).await?;
        match self.ports.uploads.cancel(&whole(cx, repository, *id)).await? {
            Cancelled::Done => Ok(()),
            Cancelled::WrongOffset(_) | Cancelled::Unknown => Err(UploadError::UploadUnknown(*id)),
        }
    }

    /// Gives a repository a blob that another one has: `from`, or any that the caller may read. `None`: it could not be
    /// mounted, for whatever reason, and is to be uploaded.
    ///
    /// Example: [the guide](crate::guide#mounting-blobs). Over HTTP: `POST /v2/<name>/blobs/uploads/?mount=`.
    ///
    /// # Errors
    ///
    /// [`UploadError`] about the target only, so that nothing is learnt about the source.
    pub async fn mount(
        &self,
        cx: &Context,
        to: &RepositoryName,
        from: Option<&RepositoryName>,
        digest: &Digest,
    ) -> Result<Option<Blob>, UploadError> {
        let may = self.decide::<UploadError>(cx, to, &[Action::Push, Action::Create]).await?;
        let source = match from {
            Some(from) => match self.authorize::<UploadError>(cx, from, Action::Pull).await {
                Ok(()) => MountSource::Repository(from.clone()),
                Err(UploadError::Port(error)) => return Err(error.into()),
                Err(_) => return Ok(None),
            },
            None => MountSource::Scope(self.ports.access.read_scope(&cx.caller).await?),
        };
        let ask = MountAsk {
            to: to.clone(),
            from: source,
            digest: *digest,
            lease_until: after(cx.now, self.policy.lease),
            create_repository: self.creation(may.get(1) == Some(&true)),
            now: cx.now,
        };
        match self.ports.blobs.mount(&ask).await? {
            Mounted::Done(blob) => Ok(Some(blob)),
            Mounted::NotFound => Ok(None),
            Mounted::RepositoryGone => Err(UploadError::RepositoryUnknown(to.clone())),
            Mounted::ReadOnly => Err(UploadError::ReadOnly(to.clone())),
        }
    }

    async fn open_upload(
        &self,
        cx: &Context,
        repository: &RepositoryName,
        id: &UploadId,
    ) -> Result<Upload, UploadError> {
        match self.ports.uploads.load(repository, id, cx.now).await? {
            Some(upload) if upload.finished.is_none() => Ok(upload),
            Some(_) | None => Err(UploadError::UploadUnknown(*id)),
        }
    }
}

/// An upload with all that it holds, wherever it ends.
fn whole(cx: &Context, repository: &RepositoryName, id: UploadId) -> CancelUpload {
    CancelUpload { repository: repository.clone(), id, from: None, unpublished: Vec::new(), now: cx.now }
}

fn in_order(upload: &Upload, start: Option<u64>) -> Result<(), UploadError> {
    match start {
        Some(start) if start != upload.offset => Err(UploadError::OutOfOrder { offset: upload.offset }),
        Some(_) | None => Ok(()),
    }
}

fn hasher_of(upload: &Upload) -> Result<Hasher, PortError> {
    Hasher::from_state(&upload.hash_state).map_err(|error| PortError::corrupt("upload", "hash_state", error))
}
