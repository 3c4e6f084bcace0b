use crate::ops::{uploads, writes};
use crate::store::PostgresStore;
use async_trait::async_trait;
use manifest_core::error::Port;
use manifest_core::ports::{
    Begun, CancelUpload, Cancelled, FinishUpload, Finished, NewUpload, Part, PublishPart, Published, Upload, UploadId,
    Uploads,
};
use manifest_core::time::Millis;
use oci_types::RepositoryName;

#[async_trait]
impl Uploads for PostgresStore {
    async fn begin(&self, upload: &NewUpload) -> Port<Begun> {
        writes::begin(self, upload).await
    }

    async fn load(&self, repository: &RepositoryName, id: &UploadId, now: Millis) -> Port<Option<Upload>> {
        uploads::load(self, repository, id, now).await
    }

    async fn publish(&self, part: &PublishPart) -> Port<Published> {
        writes::publish(self, part).await
    }

    async fn finish(&self, upload: &FinishUpload) -> Port<Finished> {
        writes::finish(self, upload).await
    }

    async fn cancel(&self, upload: &CancelUpload) -> Port<Cancelled> {
        writes::cancel(self, upload).await
    }

    async fn discard(&self, parts: &[Part], now: Millis) -> Port<()> {
        writes::discard(self, parts, now).await
    }
}
