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
        let decisions = self.decisions(cx, &asks).await?;
        match refused(decisions.first().copied(), asks) {
            None => Ok(decisions.iter().map(|decision| *decision == Decision::Allow).collect()),
            Some(Refused::Access(refusal)) => Err(refusal.into()),
            Some(Refused::Hidden) => Err(E::hidden(repository)),
        }
    }

    /// Whether the caller may see the registry as a whole. What is hidden is as an empty one: `false`.
    pub(super) async fn sees_registry<E: UseCaseError>(&self, cx: &Context) -> Result<bool, E> {
        let asks = vec![AccessAsk { repository: None, action: Action::Pull }];
        let decisions = self.decisions(cx, &asks).await?;
        match refused(decisions.first().copied(), asks) {
            None => Ok(true),
            Some(Refused::Access(refusal)) => Err(refusal.into()),
            Some(Refused::Hidden) => Ok(false),
        }
    }

    async fn decisions(&self, cx: &Context, asks: &[AccessAsk]) -> Result<Vec<Decision>, PortError> {
        let decisions = self.ports.access.decide(&cx.caller, asks).await?;
        if decisions.len() == asks.len() {
            Ok(decisions)
        } else {
            Err(PortError::new(PortErrorKind::Internal, "the authorizer did not decide each ask"))
        }
    }

    /// What to answer where a port found nothing in a repository and does not say whether there is one: `missing`, unless the
    /// repository is not there. A hidden one is told as unknown, so an absent one must be too.
    pub(super) async fn missing_in<E: UseCaseError>(&self, repository: &RepositoryName, missing: E) -> E {
        match self.ports.repositories.find(repository).await {
            Ok(Some(_)) => missing,
            Ok(None) => E::hidden(repository),
            Err(error) => error.into(),
        }
    }

    /// The visibility of the repository that a push of this caller may bring into being, if it may.
    pub(super) fn creation(&self, may_create: bool) -> Option<Visibility> {
        (self.policy.create_on_push && may_create).then_some(self.policy.default_visibility)
    }
}

enum Refused {
    Access(AccessRefusal),
    Hidden,
}

/// What the decision about the first of the asks says against it. Nothing was asked: nothing is allowed.
fn refused(first: Option<Decision>, mut asks: Vec<AccessAsk>) -> Option<Refused> {
    match first {
        Some(Decision::Allow) => None,
        Some(Decision::Challenge) => Some(Refused::Access(AccessRefusal::Challenge(asks))),
        Some(Decision::Deny) => asks.drain(..).next().map(|ask| Refused::Access(AccessRefusal::Denied(ask))),
        Some(Decision::Hide) | None => Some(Refused::Hidden),
    }
}
