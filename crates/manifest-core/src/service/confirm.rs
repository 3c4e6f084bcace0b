use super::push::{Push, PushError, Pushed};
use super::{Registry, push};
use crate::access::Context;
use crate::plan::{Applied, PlanId, push_ask};
use crate::time::{HOUR, Millis};

/// How long after it was shown a plan can be confirmed, in milliseconds.
pub const PLAN_LIFE: i64 = HOUR;

/// Why what was planned is not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StalePlan {
    /// It was planned more than [`PLAN_LIFE`] ago.
    #[error("the plan is older than an hour; plan again")]
    TooOld {
        /// When, as the caller says it.
        planned_at: Millis,
    },
    /// It was planned later than now.
    #[error("the plan is from the future")]
    Future {
        /// When, as the caller says it.
        planned_at: Millis,
    },
    /// What would be done now is not what was shown then.
    #[error("the registry has changed since; plan again")]
    Changed,
}

/// Why a push that was planned is not done.
#[derive(Debug, thiserror::Error)]
pub enum PlannedPushError {
    /// It is not what was confirmed.
    #[error(transparent)]
    Stale(#[from] StalePlan),
    /// It is refused as any push.
    #[error(transparent)]
    Push(#[from] PushError),
}

/// The context in which something was planned, if it can still be confirmed.
pub(super) fn planned_context(cx: &Context, planned_at: Millis) -> Result<Context, StalePlan> {
    if planned_at > cx.now {
        return Err(StalePlan::Future { planned_at });
    }
    if planned_at < cx.now.saturating_sub(PLAN_LIFE) {
        return Err(StalePlan::TooOld { planned_at });
    }
    Ok(Context { now: planned_at, ..cx.clone() })
}

impl Registry {
    /// Does exactly what [`Registry::explain_push`] showed at `planned_at` under that id, or nothing: it is planned
    /// again as of then, and done if the id is the same. Times count from `planned_at`.
    ///
    /// Example: [the guide](crate::guide#explaining-a-push). On the command line: `manifestd explain-push`.
    ///
    /// # Errors
    ///
    /// [`PlannedPushError`]; `Stale` if what would be done differs, or differed when it came to be done. Nothing was
    /// written.
    pub async fn push_planned(
        &self,
        cx: &Context,
        push: &Push,
        confirmed: PlanId,
        planned_at: Millis,
    ) -> Result<Pushed, PlannedPushError> {
        let then = planned_context(cx, planned_at)?;
        let permissions = self.push_permissions(cx, &push.repository).await?;
        let (document, digest) = self.read_document(push).await?;
        let case = self.case(&then, push, &document, digest, permissions);
        let facts = self.ports.manifests.push_facts(&push_ask(&case)).await.map_err(PushError::from)?;
        let planned = self.plan(&case, &facts, &mut None).await?;
        if PlanId::of(&planned.plan) != confirmed {
            return Err(StalePlan::Changed.into());
        }
        match self.ports.manifests.apply(&planned.plan).await.map_err(PushError::from)? {
            Applied::Done { created, .. } => Ok(push::pushed(&document, digest, created, &push.target, planned)),
            Applied::MissingBlobs(_)
            | Applied::MissingChildren(_)
            | Applied::GuardFailed(_)
            | Applied::Immutable(_)
            | Applied::TagGone(_)
            | Applied::ListedBy(_)
            | Applied::LabelGone
            | Applied::ManifestGone
            | Applied::RepositoryGone
            | Applied::ReadOnly => Err(StalePlan::Changed.into()),
        }
    }
}

#[cfg(test)]
mod tests;
