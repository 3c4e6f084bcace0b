use crate::ops::legacy_images;
use crate::store::PostgresStore;
use async_trait::async_trait;
use manifest_core::error::Port;
use manifest_core::ports::{ImageTag, ImageTagsAsk, LegacyImages, Page, StoredImage};
use manifest_core::time::Millis;
use oci_types::RepositoryName;

#[async_trait]
impl LegacyImages for PostgresStore {
    async fn image(&self, repository: &RepositoryName, id: &str, now: Millis) -> Port<Option<StoredImage>> {
        legacy_images::image(self, repository, id, now).await
    }

    async fn ancestry(&self, repository: &RepositoryName, id: &str, now: Millis) -> Port<Vec<String>> {
        legacy_images::ancestry(self, repository, id, now).await
    }

    async fn image_tags(&self, ask: &ImageTagsAsk) -> Port<Option<Page<ImageTag>>> {
        legacy_images::tags(self, ask).await
    }
}
