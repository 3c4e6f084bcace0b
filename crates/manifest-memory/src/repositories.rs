use crate::store::MemoryStore;
use async_trait::async_trait;
use manifest_core::facts::RepositoryState;
use manifest_core::ports::{Repositories, RepositoryRow};
use manifest_core::{Port, PortError, PortErrorKind};
use oci_types::RepositoryName;

#[async_trait]
impl Repositories for MemoryStore {
    async fn find(&self, name: &RepositoryName) -> Port<Option<RepositoryRow>> {
        let state = self.read()?;
        Ok(state.repository(name).map(|repository| repository.row.clone()))
    }

    async fn set_state(&self, name: &RepositoryName, state: RepositoryState) -> Port<bool> {
        if state == RepositoryState::Absent {
            return Err(PortError::new(PortErrorKind::Internal, "a repository is not deleted by setting its state"));
        }
        let mut all = self.write()?;
        Ok(match all.repositories.get_mut(name.as_str()) {
            Some(repository) => {
                repository.row.state = state;
                true
            }
            None => false,
        })
    }
}
