use super::body::HashingBody;
use super::{UploadError, hasher_of};
use crate::access::Context;
use crate::error::{PortError, PortErrorKind};
use crate::facts::Blob;
use crate::ports::{BodyStream, CancelUpload, Cancelled, FinishUpload, Finished, Part, Upload, UploadId};
use crate::service::Registry;
use crate::time::after;
use futures_util::StreamExt;
use oci_types::{Algorithm, Digest, Hasher, RepositoryName};

/// Where a body stands in its upload.
#[derive(Clone, Copy)]
pub(super) enum Place {
    /// More may follow, after a crash too.
    Between,
    /// The upload ends with it.
    Last,
}

impl Registry {
    /// Stores a body as a part and hashes it on the way; `None` for an empty one, which needs no part.
    pub(super) async fn store_part(
        &self,
        id: &UploadId,
        place: Place,
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
        let part = match place {
            Place::Between => self.ports.bytes.write_part(id, Box::pin(body)).await?,
            Place::Last => self.ports.bytes.write_last(id, Box::pin(body)).await?,
        };
        let hasher = outcome.take().ok_or_else(|| {
            PortError::new(PortErrorKind::Internal, "the blob store kept a part without reading its body to the end")
        })?;
        Ok(Some((part, hasher)))
    }

    /// Stores the last part, checks the digest, and makes the blob.
    pub(super) async fn complete(
        &self,
        cx: &Context,
        repository: &RepositoryName,
        upload: Upload,
        body: BodyStream,
        digest: &Digest,
    ) -> Result<Blob, UploadError> {
        let hasher = hasher_of(&upload)?;
        let (last, hasher) = match self.store_part(&upload.id, Place::Last, hasher.clone(), body).await? {
            Some((part, hasher)) => (Some(part), hasher),
            None => (None, hasher),
        };
        let parts = || upload.parts.iter().chain(&last);
        let sealed = match self.digest_of(hasher, digest.algorithm(), parts()).await {
            Ok(actual) if actual != *digest => {
                let mismatch = UploadError::DigestMismatch { expected: *digest, actual };
                return Err(self.drop_mismatch(cx, repository, &upload, last, mismatch).await?);
            }
            Ok(_) => self.ports.bytes.seal(&upload.id, &upload.parts, last.clone(), digest).await,
            Err(error) => Err(error),
        };
        let sealed = match sealed {
            Ok(sealed) => sealed,
            Err(error) => {
                // What was never published is nobody's; on a full store its room matters. Were it not discarded now, the sweep
                // of unnamed bytes would find it.
                if let Some(part) = last {
                    let _ = self.ports.uploads.discard(&[part], cx.now).await;
                }
                return self.overtaken(cx, repository, &upload, digest, error).await;
            }
        };
        let finish = FinishUpload {
            repository: repository.clone(),
            id: upload.id,
            from: upload.offset,
            sealed,
            digest: *digest,
            size: parts().map(|part| part.size).sum(),
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

    /// The digest of all parts: the hasher's, or read again where it is of another algorithm.
    async fn digest_of<'a>(
        &self,
        hasher: Hasher,
        algorithm: Algorithm,
        parts: impl Iterator<Item = &'a Part>,
    ) -> Result<Digest, PortError> {
        if hasher.algorithm() == algorithm {
            return Ok(hasher.finish());
        }
        let mut hasher = Hasher::new(algorithm);
        for part in parts {
            let mut bytes = self.ports.bytes.read(&part.location, None).await?;
            while let Some(chunk) = bytes.next().await {
                hasher.update(&chunk?);
            }
        }
        Ok(hasher.finish())
    }

    /// Drops an upload whose bytes have another digest, unless it has moved on meanwhile: then these were not its bytes.
    async fn drop_mismatch(
        &self,
        cx: &Context,
        repository: &RepositoryName,
        upload: &Upload,
        last: Option<Part>,
        mismatch: UploadError,
    ) -> Result<UploadError, UploadError> {
        let cancel = CancelUpload {
            repository: repository.clone(),
            id: upload.id,
            from: Some(upload.offset),
            unpublished: last.into_iter().collect(),
            now: cx.now,
        };
        Ok(match self.ports.uploads.cancel(&cancel).await? {
            Cancelled::WrongOffset(offset) => UploadError::OutOfOrder { offset },
            Cancelled::Done | Cancelled::Unknown => mismatch,
        })
    }

    /// What to answer when the parts could not be sealed. Where they are gone, somebody else has finished or dropped the upload
    /// since it was loaded, and a sweeper was quick: then the upload's row says what it has become.
    async fn overtaken(
        &self,
        cx: &Context,
        repository: &RepositoryName,
        upload: &Upload,
        digest: &Digest,
        error: PortError,
    ) -> Result<Blob, UploadError> {
        if error.kind() != PortErrorKind::NotFound {
            return Err(error.into());
        }
        let now = self.ports.uploads.load(repository, &upload.id, cx.now).await?;
        match now {
            Some(Upload { finished: Some((finished, blob)), .. }) if finished == *digest => Ok(blob),
            Some(Upload { finished: None, offset, .. }) if offset != upload.offset => {
                Err(UploadError::OutOfOrder { offset })
            }
            // They are not where the row says that they are.
            Some(Upload { finished: None, .. }) => Err(error.into()),
            Some(Upload { finished: Some(_), .. }) | None => Err(UploadError::UploadUnknown(upload.id)),
        }
    }
}
