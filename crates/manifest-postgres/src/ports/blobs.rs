use crate::ops::{blobs, writes};
use crate::store::PostgresStore;
use async_trait::async_trait;
use manifest_core::error::Port;
use manifest_core::facts::Blob;
use manifest_core::ports::{Blobs, MountAsk, Mounted, Removal};
use manifest_core::time::Millis;
use oci_types::{Digest, RepositoryName};

#[async_trait]
impl Blobs for PostgresStore {
    async fn find(&self, repository: &RepositoryName, digest: &Digest, usable_after: Millis) -> Port<Option<Blob>> {
        blobs::find(self, repository, digest, usable_after).await
    }

    async fn mount(&self, ask: &MountAsk) -> Port<Mounted> {
        writes::mount(self, ask).await
    }

    async fn remove(&self, repository: &RepositoryName, digest: &Digest, now: Millis) -> Port<Removal> {
        writes::remove(self, repository, digest, now).await
    }
}
