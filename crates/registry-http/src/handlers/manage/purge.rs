use super::{Exchange, body, ok};
use crate::answer::{Answer, rfc3339};
use crate::request::wishes;
use manifest_core::Actor;
use manifest_core::ports::Reclaim;
use oci_types::RepositoryName;
use serde::Serialize;
use serde_json::Value;
use tracing::info;

/// What a purge would do and free. Writes nothing.
pub(super) async fn plan(x: &mut Exchange<'_>, repository: &RepositoryName) -> Answer {
    let what = wishes::purge(&body(x).await?)?;
    let planned = x.registry.plan_purge(&x.cx, repository, &what).await?;
    let Reclaim { manifests, blobs, bytes } = planned.reclaim;
    let freed = Some(Freed { manifests, blobs, bytes });
    let (id, planned_at) = (planned.id.to_string(), rfc3339(planned.planned_at));
    Ok(ok(&Purge { id, planned_at, freed, plan: planned.plan.to_json() }))
}

/// Does what was planned, or nothing.
pub(super) async fn purge(x: &mut Exchange<'_>, repository: &RepositoryName) -> Answer {
    let wishes::ConfirmedPurge { what, id, planned_at } = wishes::confirmed_purge(&body(x).await?)?;
    let done = x.registry.purge(&x.cx, repository, &what, id, planned_at).await?.to_json();
    let actor = x.cx.caller.actor().map(Actor::as_str);
    // It cannot be undone, so the log says what it was.
    info!(%repository, actor, %id, plan = %done, "purged");
    Ok(ok(&Purge { id: id.to_string(), planned_at: rfc3339(planned_at), freed: None, plan: done }))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Purge {
    id: String,
    planned_at: Option<String>,
    /// Of a plan; what is done is done.
    #[serde(skip_serializing_if = "Option::is_none")]
    freed: Option<Freed>,
    /// The very value that the id is made of, in the forms of the core.
    plan: Value,
}

#[derive(Serialize)]
struct Freed {
    manifests: u64,
    blobs: u64,
    bytes: u64,
}
