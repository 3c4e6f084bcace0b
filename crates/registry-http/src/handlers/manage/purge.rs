use super::{Exchange, body, ok};
use crate::answer::{Answer, rfc3339};
use crate::request::wishes;
use manifest_core::Actor;
use oci_types::RepositoryName;
use serde_json::json;
use tracing::info;

/// What a purge would do and free. Writes nothing.
pub(super) async fn plan(x: &mut Exchange<'_>, repository: &RepositoryName) -> Answer {
    let what = wishes::purge(&body(x).await?)?;
    let planned = x.registry.plan_purge(&x.cx, repository, &what).await?;
    let freed = planned.reclaim;
    Ok(ok(&json!({
        "id": planned.id.to_string(),
        "plannedAt": rfc3339(planned.planned_at),
        // The very value that the id is made of, in the forms of the core.
        "plan": planned.plan.to_json(),
        "freed": { "manifests": freed.manifests, "blobs": freed.blobs, "bytes": freed.bytes },
    })))
}

/// Does what was planned, or nothing.
pub(super) async fn purge(x: &mut Exchange<'_>, repository: &RepositoryName) -> Answer {
    let wishes::ConfirmedPurge { what, id, planned_at } = wishes::confirmed_purge(&body(x).await?)?;
    let done = x.registry.purge(&x.cx, repository, &what, id, planned_at).await?.to_json();
    let actor = x.cx.caller.actor().map(Actor::as_str);
    // It cannot be undone, so the log says what it was.
    info!(%repository, actor, %id, plan = %done, "purged");
    Ok(ok(&json!({ "id": id.to_string(), "plannedAt": rfc3339(planned_at), "plan": done })))
}
