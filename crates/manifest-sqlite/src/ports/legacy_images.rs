use crate::ops::legacy_images;
use crate::store::SqliteStore;
use async_trait::async_trait;
use manifest_core::error::Port;
use manifest_core::ports::{ImageTag, ImageTagsAsk, LegacyImages, Page, StoredImage};
use manifest_core::time::Millis;
use oci_types::RepositoryName;

#[async_trait]
impl LegacyImages for SqliteStore {
    async fn image(&self, repository: &RepositoryName, id: &str, now: Millis) -> Port<Option<StoredImage>> {
        let (repository, id) = (repository.clone(), id.to_owned());
        // It may walk far to find a manifest that serves it.
        self.read_page(usize::MAX, move |connection| legacy_images::image(connection, &repository, &id, now)).await
    }

    async fn ancestry(&self, repository: &RepositoryName, id: &str, now: Millis) -> Port<Vec<String>> {
        let (repository, id) = (repository.clone(), id.to_owned());
        self.read_page(usize::MAX, move |connection| legacy_images::ancestry(connection, &repository, &id, now)).await
    }

    async fn image_tags(&self, ask: &ImageTagsAsk) -> Port<Option<Page<ImageTag>>> {
        let ask = ask.clone();
        // Tags of what has no images are passed over.
        self.read_page(usize::MAX, move |connection| legacy_images::tags(connection, &ask)).await
    }
}
