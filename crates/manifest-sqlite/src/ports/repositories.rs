use crate::ops::repositories;
use crate::store::SqliteStore;
use async_trait::async_trait;
use manifest_core::error::Port;
use manifest_core::facts::{RepositoryState, Visibility};
use manifest_core::ports::{Repositories, RepositoryRow};
use manifest_core::time::Millis;
use oci_types::RepositoryName;

#[async_trait]
impl Repositories for SqliteStore {
    async fn find(&self, name: &RepositoryName) -> Port<Option<RepositoryRow>> {
        self.read(|connection| repositories::find(connection, name))
    }

    async fn create(&self, name: &RepositoryName, visibility: Visibility, now: Millis) -> Port<bool> {
        let name = name.clone();
        self.write(move |connection| repositories::create(connection, &name, visibility, now)).await
    }

    async fn delete(&self, name: &RepositoryName, now: Millis) -> Port<bool> {
        let name = name.clone();
        self.write(move |connection| repositories::delete(connection, &name, now)).await
    }

    async fn set_state(&self, name: &RepositoryName, state: RepositoryState) -> Port<bool> {
        let name = name.clone();
        self.write(move |connection| repositories::set_state(connection, &name, state)).await
    }
}
