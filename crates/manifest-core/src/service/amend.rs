use super::authorize::UseCaseError;
use super::{ATTEMPTS, Registry};
use crate::access::{AccessRefusal, Action, Context};
use crate::error::PortError;
use crate::plan::{AmendRejection, Amended, Amendment, Applied, amend_ask, plan_amend};
use crate::time::Millis;
use oci_types::{RepositoryName, TagName};

/// Why a tag's end or immutability was not changed.
#[derive(Debug, thiserror::Error)]
pub enum AmendError {
    /// The caller may not do that here.
    #[error(transparent)]
    Access(#[from] AccessRefusal),
    /// There is no such repository, or the caller may not know of it.
    #[error("repository {0} is unknown")]
    RepositoryUnknown(RepositoryName),
    /// There is no such tag alive.
    #[error("tag {tag} is unknown in {repository}")]
    TagUnknown {
        /// Where it was looked for.
        repository: RepositoryName,
        /// What was looked for.
        tag: TagName,
    },
    /// The repository takes no writes.
    #[error("repository {0} is read-only")]
    ReadOnly(RepositoryName),
    /// The tag is immutable, and so never expires.
    #[error("tag {0} is immutable")]
    Immutable(TagName),
    /// The end, kept within its bounds, is no later than now. Deleting is how a tag ends now.
    #[error("tag {tag} would have ended by now")]
    Past {
        /// Which tag.
        tag: TagName,
        /// The end within its bounds, in milliseconds since 1970.
        end: Millis,
    },
    /// Others kept changing what this depends on.
    #[error("other writers kept changing what this depends on")]
    Contended,
    /// A port failed.
    #[error(transparent)]
    Port(#[from] PortError),
}

impl UseCaseError for AmendError {
    fn hidden(repository: &RepositoryName) -> Self {
        Self::RepositoryUnknown(repository.clone())
    }
}

impl Registry {
    /// Makes a tag end at about `expires` (see [`clamp_expiry`](crate::tags::clamp_expiry)), or never for `None`;
    /// says when it would have ended and when it ends now. For callers who may overwrite tags.
    ///
    /// Example: [the guide](crate::guide#expiry). As JSON: `docs/api.md`, "Expiry".
    ///
    /// # Errors
    ///
    /// [`AmendError`]. Nothing was written.
    pub async fn set_expiry(
        &self,
        cx: &Context,
        repository: &RepositoryName,
        tag: &TagName,
        expires: Option<Millis>,
    ) -> Result<Amended, AmendError> {
        self.authorize::<AmendError>(cx, repository, Action::Overwrite).await?;
        self.amend(cx, repository, tag, Amendment::Expiry(expires)).await
    }

    /// Makes a tag immutable, which takes its end away, or mutable again. Callers who may overwrite tags may protect
    /// them; only administrators may take the protection away.
    ///
    /// Example: [the guide](crate::guide#immutability). As JSON: `docs/api.md`, "Immutability".
    ///
    /// # Errors
    ///
    /// [`AmendError`]; never `Immutable` or `Past`. Nothing was written.
    pub async fn set_immutable(
        &self,
        cx: &Context,
        repository: &RepositoryName,
        tag: &TagName,
        immutable: bool,
    ) -> Result<Amended, AmendError> {
        let action = if immutable { Action::Overwrite } else { Action::Admin };
        self.authorize::<AmendError>(cx, repository, action).await?;
        self.amend(cx, repository, tag, Amendment::Immutable(immutable)).await
    }

    async fn amend(
        &self,
        cx: &Context,
        repository: &RepositoryName,
        tag: &TagName,
        amendment: Amendment,
    ) -> Result<Amended, AmendError> {
        let ask = amend_ask(repository, tag, cx);
        for _ in 0..ATTEMPTS {
            let facts = self.ports.manifests.push_facts(&ask).await?;
            let planned = plan_amend(repository, tag, amendment, &facts, &self.policy, cx);
            let (plan, amended) = planned.map_err(|rejection| rejected(&rejection, repository, tag))?;
            match self.ports.manifests.apply(&plan).await? {
                Applied::Done { .. } => return Ok(amended),
                // The world moved between facts and apply; new facts say what it is now.
                Applied::MissingBlobs(_)
                | Applied::MissingChildren(_)
                | Applied::ImagesTaken(_)
                | Applied::GuardFailed(_)
                | Applied::Immutable(_)
                | Applied::TagGone(_)
                | Applied::ListedBy(_)
                | Applied::LabelGone
                | Applied::ManifestGone
                | Applied::RepositoryGone
                | Applied::ReadOnly => {}
            }
        }
        Err(AmendError::Contended)
    }
}

fn rejected(rejection: &AmendRejection, repository: &RepositoryName, tag: &TagName) -> AmendError {
    let (repository, tag) = (repository.clone(), tag.clone());
    match *rejection {
        AmendRejection::RepositoryUnknown => AmendError::RepositoryUnknown(repository),
        AmendRejection::ReadOnly => AmendError::ReadOnly(repository),
        AmendRejection::TagUnknown => AmendError::TagUnknown { repository, tag },
        AmendRejection::Immutable => AmendError::Immutable(tag),
        AmendRejection::Past(end) => AmendError::Past { tag, end },
    }
}

#[cfg(test)]
mod tests;
