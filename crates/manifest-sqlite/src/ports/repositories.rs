use crate::ops::repositories;
use crate::store::SqliteStore;
use async_trait::async_trait;
use manifest_core::error::Port;
use manifest_core::facts::RepositoryState;
use manifest_core::ports::{Repositories, RepositoryRow};
use oci_types::RepositoryName;

#[async_trait]
impl Repositories for SqliteStore {
    async fn find(&self, name: &RepositoryName) -> Port<Option<RepositoryRow>> {
        self.read(|connection| repositories::find(connection, name))
    }

    async fn set_state(&self, name: &RepositoryName, state: RepositoryState) -> Port<bool> {
        let name = name.clone();
        self.write(move |connection| repositories::set_state(connection, &name, state)).await
    }
}
