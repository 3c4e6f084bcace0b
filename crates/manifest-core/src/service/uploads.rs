mod body;

use super::Registry;
use super::authorize::UseCaseError;
use crate::access::{AccessRefusal, Action, Context};
use crate::error::{PortError, PortErrorKind};
use crate::facts::{Blob, Location};
use crate::ports::{
    Begun, BodyError, BodyStream, CancelUpload, Cancelled, FinishUpload, Finished, MountAsk, MountSource, Mounted,
    NewUpload, Part, PublishPart, Published, Upload, UploadId, WriteError,
};
use crate::time::after;
use body::HashingBody;
use bytes::Bytes;
use futures_util::StreamExt;
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
        let Some((part, hasher)) = self.store_part(id, hasher_of(&upload)?, body).await? else {
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

    /// Stores a body as a part and hashes it on the way; `None` for an empty one, which needs no part.
    async fn store_part(
        &self,
        id: &UploadId,
        hasher: Hasher,
        mut body: BodyStream,
    ) -> Result<Option<(Part, Hasher)>, UploadError> {
        let first = loop {
            match body.next().await {
                None => return Ok(None),
                Some(chunk) => match chunk.map_err(UploadError::Body)? {
                    chunk if chunk.is_empty() => {}
                    chunk => break chunk,
                },
            }
        };
        let (body, outcome) = HashingBody::new(hasher, first, body);
        let part = self.ports.bytes.write_part(id, Box::pin(body)).await?;
        let hasher = outcome.take().ok_or_else(|| {
            PortError::new(PortErrorKind::Internal, "the blob store kept a part without reading its body to the end")
        })?;
        Ok(Some((part, hasher)))
    }

    /// Stores the last part, checks the digest, and makes the blob.
    async fn complete(
        &self,
        cx: &Context,
        repository: &RepositoryName,
        upload: Upload,
        body: BodyStream,
        digest: &Digest,
    ) -> Result<Blob, UploadError> {
        let hasher = hasher_of(&upload)?;
        let (last_part, hasher) = match self.store_part(&upload.id, hasher.clone(), body).await? {
            Some((part, hasher)) => (Some(part), hasher),
            None => (None, hasher),
        };
        let parts: Vec<Part> = upload.parts.iter().chain(&last_part).cloned().collect();
        let sealed = match self.seal(&upload.id, hasher, &parts, digest).await {
            Ok(sealed) => sealed,
            Err(UploadError::DigestMismatch { expected, actual }) => {
                let mismatch = UploadError::DigestMismatch { expected, actual };
                return Err(self.drop_mismatch(cx, repository, &upload, last_part, mismatch).await?);
            }
            Err(error) => {
                // What was never published is nobody's; on a full store its room matters. Were it not discarded now, the sweep
                // of unnamed bytes would find it.
                let _ = self.ports.uploads.discard(last_part.as_slice(), cx.now).await;
                return self.overtaken(cx, repository, &upload, digest, error).await;
            }
        };
        let finish = FinishUpload {
            repository: repository.clone(),
            id: upload.id,
            from: upload.offset,
            last_part,
            sealed,
            digest: *digest,
            size: parts.iter().map(|part| part.size).sum(),
            lease_until: after(cx.now, self.policy.lease),
            now: cx.now,
        };
        match self.ports.uploads.finish(&finish).await? {
            Finished::Done(blob) | Finished::AlreadyDone(blob) => Ok(blob),
            Finished::WrongOffset(offset) => Err(UploadError::OutOfOrder { offset }),
            Finished::Unknown => Err(UploadError::UploadUnknown(upload.id)),
            Finished::RepositoryGone => Err(UploadError::RepositoryUnknown(repository.clone())),
            Finished::ReadOnly => Err(UploadError::ReadOnly(repository.clone())),
        }
    }

    /// The sealed copy of the parts, if they have the digest.
    async fn seal(
        &self,
        id: &UploadId,
        hasher: Hasher,
        parts: &[Part],
        digest: &Digest,
    ) -> Result<Location, UploadError> {
        let actual = if hasher.algorithm() == digest.algorithm() {
            hasher.finish()
        } else {
            self.hash_parts(digest.algorithm(), parts).await?
        };
        if actual != *digest {
            return Err(UploadError::DigestMismatch { expected: *digest, actual });
        }
        Ok(self.ports.bytes.seal(id, parts, digest).await?)
    }

    /// Drops an upload whose bytes have another digest, unless it has moved on meanwhile: then these were not its bytes.
    async fn drop_mismatch(
        &self,
        cx: &Context,
        repository: &RepositoryName,
        upload: &Upload,
        last_part: Option<Part>,
        mismatch: UploadError,
    ) -> Result<UploadError, UploadError> {
        let cancel = CancelUpload {
            repository: repository.clone(),
            id: upload.id,
            from: Some(upload.offset),
            unpublished: last_part.into_iter().collect(),
            now: cx.now,
        };
        Ok(match self.ports.uploads.cancel(&cancel).await? {
            Cancelled::WrongOffset(offset) => UploadError::OutOfOrder { offset },
            Cancelled::Done | Cancelled::Unknown => mismatch,
        })
    }

    /// What to answer when the parts could not be read. Where they are gone, somebody else has finished or dropped the upload since
    /// it was loaded, and a sweeper was quick: then the upload's row says what it has become.
    async fn overtaken(
        &self,
        cx: &Context,
        repository: &RepositoryName,
        upload: &Upload,
        digest: &Digest,
        error: UploadError,
    ) -> Result<Blob, UploadError> {
        match error {
            UploadError::Port(error) if error.kind() == PortErrorKind::NotFound => {
                match self.ports.uploads.load(repository, &upload.id, cx.now).await? {
                    None => Err(UploadError::UploadUnknown(upload.id)),
                    Some(Upload { finished: Some((finished, blob)), .. }) if finished == *digest => Ok(blob),
                    Some(Upload { finished: Some(_), .. }) => Err(UploadError::UploadUnknown(upload.id)),
                    Some(now) if now.offset != upload.offset => Err(UploadError::OutOfOrder { offset: now.offset }),
                    Some(_) => Err(error.into()),
                }
            }
            error => Err(error),
        }
    }

    /// Reads the parts again, for a digest of another algorithm than the upload was opened with.
    async fn hash_parts(&self, algorithm: Algorithm, parts: &[Part]) -> Result<Digest, UploadError> {
        let mut hasher = Hasher::new(algorithm);
        for part in parts {
            let mut bytes = self.ports.bytes.read(&part.location, None).await?;
            while let Some(chunk) = bytes.next().await {
                hasher.update(&chunk?);
            }
        }
        Ok(hasher.finish())
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
