use crate::ops::{blobs, mount};
use crate::store::SqliteStore;
use async_trait::async_trait;
use manifest_core::error::Port;
use manifest_core::facts::Blob;
use manifest_core::ports::{Blobs, MountAsk, Mounted, Removal};
use manifest_core::time::Millis;
use oci_types::{Digest, RepositoryName};

#[async_trait]
impl Blobs for SqliteStore {
    async fn find(&self, repository: &RepositoryName, digest: &Digest, usable_after: Millis) -> Port<Option<Blob>> {
        self.read(|connection| blobs::find(connection, repository, digest, usable_after))
    }

    async fn mount(&self, ask: &MountAsk) -> Port<Mounted> {
        let ask = ask.clone();
        self.write(move |connection| mount::mount(connection, &ask)).await
    }

    async fn remove(&self, repository: &RepositoryName, digest: &Digest, now: Millis) -> Port<Removal> {
        let (repository, digest) = (repository.clone(), *digest);
        self.write(move |connection| blobs::remove(connection, &repository, &digest, now)).await
    }
}
