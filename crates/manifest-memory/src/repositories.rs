use crate::store::MemoryStore;
use async_trait::async_trait;
use manifest_core::facts::{RepositoryState, Visibility};
use manifest_core::ports::{Repositories, RepositoryRow};
use manifest_core::{Millis, Port, PortError, PortErrorKind};
use oci_types::RepositoryName;

#[async_trait]
impl Repositories for MemoryStore {
    async fn find(&self, name: &RepositoryName) -> Port<Option<RepositoryRow>> {
        let state = self.read()?;
        Ok(state.repository(name).map(|repository| repository.row.clone()))
    }

    async fn create(&self, name: &RepositoryName, visibility: Visibility, now: Millis) -> Port<bool> {
        let mut state = self.write()?;
        let absent = state.repository(name).is_none();
        if absent {
            state.repository_mut(name, Some(visibility), now);
        }
        Ok(absent)
    }

    async fn delete(&self, name: &RepositoryName, now: Millis) -> Port<bool> {
        Ok(self.write()?.doom(name, now))
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
