use super::page::Listed;
use super::{Exchange, ok};
use crate::answer::{Answer, rfc3339};
use manifest_core::Actor;
use manifest_core::Millis;
use manifest_core::ports::{ManifestRow, ManifestState};
use manifest_core::time::after;
use oci_types::{Digest, RepositoryName, TagName};
use serde::Serialize;

pub(super) async fn list(
    x: &Exchange<'_>,
    repository: &RepositoryName,
    state: ManifestState,
    behind: Option<Digest>,
    limit: Option<u32>,
) -> Answer {
    let size = x.page_size(limit);
    let page = x.registry.manifests(&x.cx, repository, state, behind, Some(size)).await?;
    let word = match state {
        ManifestState::Tagged => "tagged",
        ManifestState::Untagged => "untagged",
        ManifestState::Deleted => "deleted",
    };
    let listed = Listed::new(repository, "manifests", size).by("state", Some(word.to_owned()));
    let next = page.items.last().filter(|_| page.more).map(|row| row.digest.to_string());
    let window = x.registry.policy().history_window;
    let manifests: Vec<Manifest<'_>> = page.items.iter().map(|row| Manifest::of(row, window)).collect();
    Ok(listed.answer(&manifests, next))
}

/// Ends all tags of a manifest, which stays by digest.
pub(super) async fn end_tags(x: &Exchange<'_>, repository: &RepositoryName, digest: &Digest) -> Answer {
    let ended = x.registry.delete_tags_of(&x.cx, repository, digest).await?;
    Ok(ok(&Ended { digest: digest.to_string(), ended: ended.iter().map(TagName::as_str).collect() }))
}

#[derive(Serialize)]
struct Ended<'a> {
    digest: String,
    ended: Vec<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Manifest<'a> {
    digest: String,
    media_type: &'a str,
    size: u64,
    layers_size: Option<u64>,
    artifact_type: Option<&'a str>,
    subject: Option<String>,
    platform: Option<String>,
    created: Option<String>,
    pushed: Option<String>,
    actor: Option<&'a str>,
    tags: u64,
    pinned_until: Option<String>,
    deleted: Option<String>,
    recoverable_until: Option<String>,
}

impl<'a> Manifest<'a> {
    fn of(row: &'a ManifestRow, window: Millis) -> Self {
        Self {
            digest: row.digest.to_string(),
            media_type: row.media_type.as_str(),
            size: row.size,
            layers_size: row.layers_size,
            artifact_type: row.artifact_type.as_deref(),
            subject: row.subject.as_ref().map(ToString::to_string),
            platform: row.platform.as_ref().map(ToString::to_string),
            created: row.image_created.and_then(rfc3339),
            pushed: rfc3339(row.created),
            actor: row.actor.as_ref().map(Actor::as_str),
            tags: row.tags,
            pinned_until: Some(row.pinned_until).filter(|until| *until != 0).and_then(rfc3339),
            deleted: row.deleted.and_then(rfc3339),
            recoverable_until: row.deleted.and_then(|deleted| rfc3339(after(deleted, window))),
        }
    }
}
