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
        let (lookups, state) = self.lookups();
        if let Some(blob) = state.and_then(|state| lookups.blob(state, repository, *digest, usable_after)) {
            return Ok(Some(blob));
        }
        let found = self.read(|connection| blobs::find(connection, repository, digest, usable_after))?;
        let Some((blob, until)) = found else { return Ok(None) };
        if let Some(state) = state {
            lookups.keep_blob(state, repository, *digest, &blob, until);
        }
        Ok(Some(blob))
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
