//! Restoring schema 1 under another tag than its own (quay-semantics 5.5).

use super::{Retagged, TagError, pointed};
use crate::document::{Body, Document};
use crate::error::{PortError, PortErrorKind};
use crate::legacy::{SignError, rebuilt, sign};
use crate::plan::{Permissions, PushCase, PushTarget, Rejection, RetagCase};
use crate::service::Registry;
use crate::service::push::{Push, PushError, Stored};
use bytes::Bytes;
use oci_types::MediaType;
use std::sync::Arc;

impl Registry {
    /// Stores a signed copy of a schema 1 manifest that carries the wished tag, and points that at it.
    pub(super) async fn restore_copy(&self, case: &RetagCase<'_>, embedded: String) -> Result<Retagged, TagError> {
        let (repository, tag, digest) = (case.repository.clone(), case.tag.clone(), case.digest);
        let Some(stored) = self.stored_document(case.context, case.repository, &digest).await? else {
            return Err(TagError::ManifestUnknown { repository, digest });
        };
        let Some(bytes) = self.signed_copy(case, stored).await? else {
            return Err(TagError::EmbeddedTag { embedded, tag });
        };
        let push = Push {
            repository,
            target: PushTarget::Tag { name: tag, guard: case.guard },
            content_type: Some(MediaType::from_static(MediaType::DOCKER_SCHEMA1_SIGNED)),
            bytes,
        };
        let refused = |error| refused(error, case, &embedded);
        let (document, digest) = self.read_document(&push).await.map_err(refused)?;
        let permissions = Permissions { overwrite: case.overwrite, create: None };
        let push = PushCase { reversion: true, ..self.case(case.context, &push, &document, digest, permissions) };
        let Stored { planned, displaced, .. } = self.store(&push).await.map_err(refused)?;
        Ok(pointed(&planned.plan, digest, displaced.get(case.tag).copied(), false))
    }

    /// The copy; none where nothing signs it.
    async fn signed_copy(&self, case: &RetagCase<'_>, stored: Document) -> Result<Option<Bytes>, PortError> {
        let Some(signer) = self.signer().map(Arc::clone) else { return Ok(None) };
        let (tag, now) = (case.tag.clone(), case.context.now);
        let copied = self.compute(stored.bytes().len(), move || match stored.body() {
            Body::Schema1(schema1) => sign(&rebuilt(schema1, tag.as_str()), &*signer, now).map(Some),
            Body::Image { .. } | Body::Index { .. } | Body::Artifact(_) => Ok(None),
        });
        let copied = copied.await?.map_err(unsigned)?;
        Ok(copied.map(Bytes::from))
    }
}

fn unsigned(error: SignError) -> PortError {
    PortError::new(PortErrorKind::Internal, "signing a schema 1 manifest").with_source(error)
}

/// Why the copy was not stored, as the restoring of what it is a copy of.
fn refused(error: PushError, case: &RetagCase<'_>, embedded: &str) -> TagError {
    let (repository, tag, digest) = (case.repository.clone(), case.tag.clone(), case.digest);
    match error {
        PushError::Access(refusal) => TagError::Access(refusal),
        PushError::RepositoryUnknown(_) | PushError::Rejected(Rejection::RepositoryUnknown) => {
            TagError::RepositoryUnknown(repository)
        }
        PushError::Rejected(Rejection::ReadOnly) => TagError::ReadOnly(repository),
        PushError::Rejected(Rejection::Missing { blobs, children }) => TagError::Gone { digest, blobs, children },
        PushError::Rejected(Rejection::GuardFailed(tag)) => TagError::GuardFailed(tag),
        PushError::Rejected(Rejection::Immutable(tag)) => TagError::Immutable(tag),
        PushError::Rejected(Rejection::OverwriteDenied(tag)) => TagError::OverwriteDenied(tag),
        PushError::Contended => TagError::Contended,
        PushError::Port(error) => TagError::Port(error),
        // The copy is larger than manifests may be, or limits were drawn closer since it was pushed.
        PushError::TooLarge { .. }
        | PushError::TooManyTags { .. }
        | PushError::Document(_)
        | PushError::Unverified(_)
        | PushError::DigestMismatch { .. }
        | PushError::Rejected(_) => TagError::EmbeddedTag { embedded: embedded.to_owned(), tag },
    }
}
