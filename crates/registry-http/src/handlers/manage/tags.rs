use super::page::Listed;
use super::{Exchange, body, ok};
use crate::answer::{Answer, rfc3339};
use crate::handlers::manifests::guard;
use crate::request::{cursor, wishes};
use manifest_core::Actor;
use manifest_core::plan::Amended;
use manifest_core::ports::{TagOrder, TagRow};
use manifest_core::service::{Retagged, TagQuery};
use oci_types::{RepositoryName, TagName};
use serde::Serialize;

pub(super) async fn list(x: &Exchange<'_>, repository: &RepositoryName, query: TagQuery) -> Answer {
    let size = x.page_size(query.limit);
    let page = x.registry.tags(&x.cx, repository, &TagQuery { limit: Some(size), ..query.clone() }).await?;
    let order = match query.order {
        TagOrder::Name => None,
        TagOrder::Newest => Some("newest".to_owned()),
    };
    let listed = Listed::new(repository, "tags", size).by("sort", order).by("contains", query.contains);
    let next = page.items.last().filter(|_| page.more).map(|row| cursor(row.state.start, &row.name).to_string());
    let tags: Vec<Tag<'_>> = page.items.iter().map(Tag::of).collect();
    Ok(listed.answer(&tags, next))
}

/// Points a tag at a manifest that is there.
pub(super) async fn point(x: &mut Exchange<'_>, repository: &RepositoryName, tag: &TagName) -> Answer {
    let digest = wishes::target(&body(x).await?)?;
    let guard = guard(x, repository, tag).await?;
    let retagged = x.registry.retag(&x.cx, repository, tag, &digest, guard).await?;
    Ok(ok(&Pointed::of(tag, &retagged)))
}

/// Points a tag back at a manifest, which may have been deleted.
pub(super) async fn restore(x: &mut Exchange<'_>, repository: &RepositoryName, tag: &TagName) -> Answer {
    let digest = wishes::target(&body(x).await?)?;
    let guard = guard(x, repository, tag).await?;
    let retagged = x.registry.restore(&x.cx, repository, tag, &digest, guard).await?;
    Ok(ok(&Pointed::of(tag, &retagged)))
}

pub(super) async fn set_expiry(x: &mut Exchange<'_>, repository: &RepositoryName, tag: &TagName) -> Answer {
    let expires = wishes::expiry(&body(x).await?)?;
    let amended = x.registry.set_expiry(&x.cx, repository, tag, Some(expires)).await?;
    Ok(ok(&Changed::of(tag, &amended)))
}

pub(super) async fn clear_expiry(x: &Exchange<'_>, repository: &RepositoryName, tag: &TagName) -> Answer {
    let amended = x.registry.set_expiry(&x.cx, repository, tag, None).await?;
    Ok(ok(&Changed::of(tag, &amended)))
}

pub(super) async fn set_immutable(
    x: &Exchange<'_>,
    repository: &RepositoryName,
    tag: &TagName,
    immutable: bool,
) -> Answer {
    let amended = x.registry.set_immutable(&x.cx, repository, tag, immutable).await?;
    Ok(ok(&Changed::of(tag, &amended)))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Tag<'a> {
    name: &'a str,
    digest: String,
    media_type: &'a str,
    size: u64,
    layers_size: Option<u64>,
    platforms: Vec<String>,
    created: Option<String>,
    pushed: Option<String>,
    expires: Option<String>,
    immutable: bool,
    actor: Option<&'a str>,
}

impl<'a> Tag<'a> {
    fn of(row: &'a TagRow) -> Self {
        Self {
            name: row.name.as_str(),
            digest: row.state.target.to_string(),
            media_type: row.media_type.as_str(),
            size: row.manifest_size,
            layers_size: row.layers_size,
            platforms: row.platforms.iter().map(ToString::to_string).collect(),
            created: row.image_created.and_then(rfc3339),
            pushed: rfc3339(row.state.start),
            expires: rfc3339(row.state.expires),
            immutable: row.state.immutable,
            actor: row.state.actor.as_ref().map(Actor::as_str),
        }
    }
}

#[derive(Serialize)]
struct Pointed<'a> {
    name: &'a str,
    digest: String,
    displaced: Option<String>,
    expires: Option<String>,
    immutable: bool,
    revived: bool,
}

impl<'a> Pointed<'a> {
    fn of(tag: &'a TagName, retagged: &Retagged) -> Self {
        Self {
            name: tag.as_str(),
            digest: retagged.digest.to_string(),
            displaced: retagged.displaced.as_ref().map(ToString::to_string),
            expires: retagged.expires.and_then(rfc3339),
            immutable: retagged.immutable,
            revived: retagged.revived,
        }
    }
}

#[derive(Serialize)]
struct Changed<'a> {
    name: &'a str,
    #[serde(flatten)]
    present: Life,
    previous: Life,
}

#[derive(Serialize)]
struct Life {
    expires: Option<String>,
    immutable: bool,
}

impl<'a> Changed<'a> {
    fn of(tag: &'a TagName, amended: &Amended) -> Self {
        let life = |expires, immutable| Life { expires: rfc3339(expires), immutable };
        Self {
            name: tag.as_str(),
            present: life(amended.expires, amended.immutable),
            previous: life(amended.previous_expires, amended.was_immutable),
        }
    }
}
