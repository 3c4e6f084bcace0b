use super::Registry;
use super::authorize::UseCaseError;
use crate::access::{AccessRefusal, Action, Context};
use crate::error::PortError;
use crate::facts::{RepositoryState, Visibility};
use oci_types::RepositoryName;

/// Why a repository was not created, changed or deleted.
#[derive(Debug, thiserror::Error)]
pub enum RepositoryError {
    /// The caller may not do that.
    #[error(transparent)]
    Access(#[from] AccessRefusal),
    /// There is no such repository, or the caller may not know of it.
    #[error("repository {0} is unknown")]
    RepositoryUnknown(RepositoryName),
    /// There is one of that name.
    #[error("repository {0} exists")]
    Exists(RepositoryName),
    /// The repository takes no writes, so it cannot be deleted: open it first.
    #[error("repository {0} is read-only")]
    ReadOnly(RepositoryName),
    /// A port failed.
    #[error(transparent)]
    Port(#[from] PortError),
}

impl UseCaseError for RepositoryError {
    fn hidden(repository: &RepositoryName) -> Self {
        Self::RepositoryUnknown(repository.clone())
    }
}

impl Registry {
    /// Makes an empty repository, open for writes.
    ///
    /// Example: [the guide](crate::guide#repositories). As JSON: `docs/api.md`, "Repositories".
    ///
    /// # Errors
    ///
    /// [`RepositoryError`]; `Exists` if there is one of that name, which stays as it is.
    pub async fn create_repository(
        &self,
        cx: &Context,
        repository: &RepositoryName,
        visibility: Visibility,
    ) -> Result<(), RepositoryError> {
        self.authorize::<RepositoryError>(cx, repository, Action::Create).await?;
        if self.ports.repositories.create(repository, visibility, cx.now).await? {
            Ok(())
        } else {
            Err(RepositoryError::Exists(repository.clone()))
        }
    }

    /// Closes a repository for writes, or opens it again. Setting what is set already is no error.
    ///
    /// Example: [the guide](crate::guide#repositories). As JSON: `docs/api.md`, "Repositories".
    ///
    /// # Errors
    ///
    /// [`RepositoryError`]; never `Exists` or `ReadOnly`.
    pub async fn set_read_only(
        &self,
        cx: &Context,
        repository: &RepositoryName,
        read_only: bool,
    ) -> Result<(), RepositoryError> {
        self.authorize::<RepositoryError>(cx, repository, Action::Admin).await?;
        let state = if read_only { RepositoryState::ReadOnly } else { RepositoryState::Open };
        if self.ports.repositories.set_state(repository, state).await? {
            Ok(())
        } else {
            Err(RepositoryError::RepositoryUnknown(repository.clone()))
        }
    }

    /// Deletes a repository whole, its immutable tags too. It is unknown to everybody at once, and its name is free;
    /// what it held goes with the collection, in batches, and cannot be restored.
    ///
    /// Example: [the guide](crate::guide#repositories). As JSON: `docs/api.md`, "Repositories".
    ///
    /// # Errors
    ///
    /// [`RepositoryError`]; never `Exists`.
    pub async fn delete_repository(&self, cx: &Context, repository: &RepositoryName) -> Result<(), RepositoryError> {
        self.authorize::<RepositoryError>(cx, repository, Action::Admin).await?;
        let unknown = || RepositoryError::RepositoryUnknown(repository.clone());
        let row = self.ports.repositories.find(repository).await?.ok_or_else(unknown)?;
        if row.state == RepositoryState::ReadOnly {
            return Err(RepositoryError::ReadOnly(repository.clone()));
        }
        if self.ports.repositories.delete(repository, cx.now).await? { Ok(()) } else { Err(unknown()) }
    }
}

#[cfg(test)]
mod tests;
