use crate::ops::uploads;
use crate::store::SqliteStore;
use crate::writer::Promise;
use async_trait::async_trait;
use manifest_core::error::Port;
use manifest_core::ports::{
    Begun, CancelUpload, Cancelled, FinishUpload, Finished, NewUpload, Part, PublishPart, Published, Upload, UploadId,
    Uploads,
};
use manifest_core::time::Millis;
use oci_types::RepositoryName;

#[async_trait]
impl Uploads for SqliteStore {
    async fn begin(&self, upload: &NewUpload) -> Port<Begun> {
        let upload = upload.clone();
        // Whoever opened an upload that a crash undid opens another one.
        self.write_as(Promise::Committed, move |connection| uploads::begin(connection, &upload)).await
    }

    async fn load(&self, repository: &RepositoryName, id: &UploadId, now: Millis) -> Port<Option<Upload>> {
        self.read(|connection| uploads::load(connection, repository, id, now))
    }

    async fn publish(&self, part: &PublishPart) -> Port<Published> {
        let part = part.clone();
        // After a crash the upload may end where it did before, and the client is told so.
        self.write_as(Promise::Committed, move |connection| uploads::publish(connection, &part)).await
    }

    async fn finish(&self, upload: &FinishUpload) -> Port<Finished> {
        let upload = upload.clone();
        self.write(move |connection| uploads::finish(connection, &upload)).await
    }

    async fn cancel(&self, upload: &CancelUpload) -> Port<Cancelled> {
        let upload = upload.clone();
        self.write(move |connection| uploads::cancel(connection, &upload)).await
    }

    async fn discard(&self, parts: &[Part], _now: Millis) -> Port<()> {
        let parts = parts.to_vec();
        self.write(move |connection| uploads::discard(connection, &parts)).await
    }
}
