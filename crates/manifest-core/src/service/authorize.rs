use super::Registry;
use crate::access::{AccessAsk, AccessRefusal, Action, Context, Decision};
use crate::error::{PortError, PortErrorKind};
use crate::facts::Visibility;
use oci_types::RepositoryName;

/// What the errors of all use cases can say.
pub(super) trait UseCaseError: From<AccessRefusal> + From<PortError> {
    /// The answer for a repository that the caller may not know of: the very one for a repository that is not there.
    fn hidden(repository: &RepositoryName) -> Self;
}

impl Registry {
    /// Goes on only if the caller may do all of that in the repository. Comes before every look-up.
    pub(super) async fn authorize<E: UseCaseError>(
        &self,
        cx: &Context,
        repository: &RepositoryName,
        action: Action,
    ) -> Result<(), E> {
        self.decide(cx, repository, &[action]).await.map(drop)
    }

    /// Goes on only if the caller may do the first action; says of the others whether they are allowed.
    pub(super) async fn decide<E: UseCaseError>(
        &self,
        cx: &Context,
        repository: &RepositoryName,
        actions: &[Action],
    ) -> Result<Vec<bool>, E> {
        let asks: Vec<AccessAsk> = actions.iter().map(|action| AccessAsk::new(repository, *action)).collect();
        let decisions = self.ports.access.decide(&cx.caller, &asks).await?;
        if decisions.len() != asks.len() {
            return Err(PortError::new(PortErrorKind::Internal, "the authorizer did not decide each ask").into());
        }
        match (decisions.first(), asks.first()) {
            (Some(Decision::Allow), _) => Ok(decisions.iter().map(|decision| *decision == Decision::Allow).collect()),
            (Some(Decision::Challenge), _) => Err(AccessRefusal::Challenge(asks).into()),
            (Some(Decision::Deny), Some(ask)) => Err(AccessRefusal::Denied(ask.clone()).into()),
            (Some(Decision::Hide), _) => Err(E::hidden(repository)),
            (Some(Decision::Deny) | None, _) => Ok(Vec::new()),
        }
    }

    /// The visibility of the repository that a push of this caller may bring into being, if it may.
    pub(super) fn creation(&self, may_create: bool) -> Option<Visibility> {
        (self.policy.create_on_push && may_create).then_some(self.policy.default_visibility)
    }
}
