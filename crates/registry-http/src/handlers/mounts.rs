use super::{Exchange, uploads};
use crate::answer::{self, Answer};
use crate::errors::start;
use crate::request::MountSource;
use oci_types::{Algorithm, Digest, RepositoryName};

/// Mounts a blob. If it cannot be, for whatever reason, an upload is opened: a 404 makes some clients give up.
pub(super) async fn mount(
    x: &Exchange<'_>,
    repository: &RepositoryName,
    digest: &Digest,
    from: &MountSource,
    algorithm: Algorithm,
) -> Answer {
    let from = match from {
        MountSource::Anywhere => None,
        MountSource::Repository(name) => Some(name),
        MountSource::Nowhere => return uploads::begin(x, repository, algorithm).await,
    };
    match x.registry.mount(&x.cx, repository, from, digest).await.map_err(start)? {
        Some(_) => Ok(answer::created(repository, "blobs", digest)),
        None => uploads::begin(x, repository, algorithm).await,
    }
}
