use crate::ops::{repositories, writes};
use crate::store::PostgresStore;
use async_trait::async_trait;
use manifest_core::error::Port;
use manifest_core::facts::{RepositoryState, Visibility};
use manifest_core::ports::{Repositories, RepositoryRow};
use manifest_core::time::Millis;
use oci_types::RepositoryName;

#[async_trait]
impl Repositories for PostgresStore {
    async fn find(&self, name: &RepositoryName) -> Port<Option<RepositoryRow>> {
        repositories::find(self, name).await
    }

    async fn create(&self, name: &RepositoryName, visibility: Visibility, now: Millis) -> Port<bool> {
        writes::create_repository(self, name, visibility, now).await
    }

    async fn delete(&self, name: &RepositoryName, now: Millis) -> Port<bool> {
        writes::delete_repository(self, name, now).await
    }

    async fn set_state(&self, name: &RepositoryName, state: RepositoryState) -> Port<bool> {
        writes::set_state(self, name, state).await
    }
}
