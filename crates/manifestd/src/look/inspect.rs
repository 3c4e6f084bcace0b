use super::card::Card;
use super::manifest::{Seen, Standing, look_up};
use super::{no_listing, tags};
use crate::failure::Failure;
use crate::{output, words};
use manifest_core::document::{ConfigKind, Document, ImageConfig, Schema1};
use manifest_core::facts::{RepositoryState, TagState, Visibility};
use manifest_core::labels;
use manifest_core::{Context, NEVER, Registry};
use oci_types::{Digest, MediaType, Reference, RepositoryName, TagName};
use serde_json::{Value, json};

/// A repository: since when, in what state, with how many tags.
pub(crate) async fn inspect_repository(
    registry: &Registry,
    cx: &Context,
    repository: &RepositoryName,
    as_json: bool,
) -> Result<String, Failure> {
    let row = registry.repository(cx, repository).await.map_err(no_listing)?;
    let tags = tags::rows(registry, cx, repository).await?;
    let newest = tags.iter().max_by_key(|tag| tag.state.start);
    let (read_only, public) = (row.state == RepositoryState::ReadOnly, row.visibility == Visibility::Public);
    if as_json {
        return Ok(output::json(&json!({
            "repository": repository.as_str(),
            "created": words::rfc3339(row.created),
            "read_only": read_only,
            "public": public,
            "tags": tags.len(),
            "newest_tag": newest.map(|tag| tag.name.as_str()),
        })));
    }
    let mut card = Card::new(repository.to_string());
    card.add("created", words::time(row.created));
    card.add("state", if read_only { "read-only" } else { "open" });
    card.add("visibility", if public { "public" } else { "private" });
    card.add("tags", words::count(tags.len() as u64));
    card.add_some("newest tag", newest.map(|tag| format!("{} since {}", tag.name, words::time(tag.state.start))));
    Ok(card.render())
}

/// What a tag or digest leads to.
pub(crate) async fn inspect_manifest(
    registry: &Registry,
    cx: &Context,
    repository: &RepositoryName,
    reference: &Reference,
    as_json: bool,
) -> Result<String, Failure> {
    let seen = look_up(registry, cx, repository, reference).await?;
    if as_json {
        return Ok(output::json(&to_json(repository, &seen)));
    }
    let title = match reference {
        Reference::Tag(tag) => format!("{repository}:{tag}"),
        Reference::Digest(_) => format!("{repository} by digest"),
    };
    Ok(card(title, &seen).render())
}

/// Something that a manifest lists: a layer, a file, an entry of an index.
struct Listed<'a> {
    digest: &'a Digest,
    size: Option<u64>,
    media_type: Option<&'a MediaType>,
    platform: Option<String>,
}

fn listed(document: &Document) -> Vec<Listed<'_>> {
    if let Some(schema1) = document.schema1() {
        let layer = |digest, size| Listed { digest, size, media_type: None, platform: None };
        return schema1.layers().iter().map(|found| layer(&found.digest, found.size)).collect();
    }
    let layers = document.layers().iter().map(|layer| Listed {
        digest: &layer.digest,
        size: Some(layer.size),
        media_type: Some(&layer.media_type),
        platform: None,
    });
    let children = document.children().iter().map(|child| Listed {
        digest: &child.digest,
        size: Some(child.size),
        media_type: Some(&child.media_type),
        platform: child.platform.as_ref().map(ToString::to_string),
    });
    layers.chain(children).collect()
}

fn platform(document: &Document, config: Option<&ImageConfig>) -> Option<String> {
    let own = config.and_then(ImageConfig::platform);
    own.or_else(|| document.schema1().and_then(Schema1::platform)).map(|platform| platform.to_string())
}

fn built(document: &Document, config: Option<&ImageConfig>) -> Option<i64> {
    config.and_then(ImageConfig::created).or_else(|| document.schema1().and_then(Schema1::created))
}

fn card(title: String, seen: &Seen) -> Card {
    let mut card = Card::new(title);
    card.add("digest", seen.found.digest.to_string());
    card.add("type", seen.found.media_type.as_str());
    card.add("size", words::size(seen.found.size));
    card.add("state", standing_words(&seen.standing));
    card.add_some("tag", seen.found.tag.as_ref().map(tag_words));
    if let Some(document) = &seen.document {
        let config = seen.config.as_ref();
        card.add_some("platform", platform(document, config));
        // Tools that do not say when write the year 1.
        card.add_some("built", built(document, config).filter(|time| *time >= 0).map(words::time));
        // What has an image's config is an image; its type says no more.
        let image = document.config().is_some_and(|config| config.kind != ConfigKind::Other);
        let artifact_type = if image { document.declared_artifact_type() } else { document.artifact_type() };
        card.add_some("artifact type", artifact_type);
        card.add_some("subject", document.subject().map(|digest| digest.to_string()));
        let config = document.config();
        card.add_some(
            "config",
            config.map(|config| format!("{}  {}  {}", config.digest, words::size(config.size), config.media_type)),
        );
        let name = if document.is_index() { "manifests" } else { "layers" };
        card.add_lines(name, listed(document).iter().map(listed_words).collect());
        card.add_some("layers size", document.layers_size().map(words::size));
        let labels = labels::own(document, seen.config.as_ref());
        card.add_lines("labels", labels.iter().map(|(key, value)| format!("{key}={}", one_line(value))).collect());
    }
    card.add_some("problem", seen.problem.as_deref());
    card
}

fn standing_words(standing: &Standing) -> String {
    match standing {
        Standing::Tagged(tags) => {
            format!("tagged {}", tags.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))
        }
        Standing::Kept => "kept without a tag: by a pin, by an index that lists it, or by its subject".to_owned(),
        Standing::Unkept => "not served: no tag, pin, index or subject keeps it".to_owned(),
        Standing::Deleted => "deleted: not served, and back if it is pushed again".to_owned(),
    }
}

fn tag_words(tag: &TagState) -> String {
    let parts = [
        Some(format!("since {}", words::time(tag.start))),
        (tag.expires != NEVER).then(|| format!("expires {}", words::time(tag.expires))),
        tag.immutable.then(|| "immutable".to_owned()),
        tag.actor.as_ref().map(|actor| format!("by {actor}")),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn listed_words(listed: &Listed<'_>) -> String {
    let parts = [
        Some(listed.digest.to_string()),
        listed.size.map(words::size),
        listed.platform.clone(),
        listed.media_type.map(ToString::to_string),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join("  ")
}

/// A label may hold anything, also what would move a terminal's cursor.
fn one_line(value: &str) -> String {
    const SHOWN: usize = 120;
    let mut line: String = value.chars().take(SHOWN).flat_map(char::escape_debug).collect();
    if value.chars().nth(SHOWN).is_some() {
        line.push('…');
    }
    line
}

fn to_json(repository: &RepositoryName, seen: &Seen) -> Value {
    let (state, tags) = match &seen.standing {
        Standing::Tagged(tags) => ("tagged", tags.as_slice()),
        Standing::Kept => ("kept", &[] as &[_]),
        Standing::Unkept => ("unkept", &[] as &[_]),
        Standing::Deleted => ("deleted", &[] as &[_]),
    };
    let mut value = json!({
        "repository": repository.as_str(),
        "digest": seen.found.digest.to_string(),
        "media_type": seen.found.media_type.as_str(),
        "bytes": seen.found.size,
        "state": state,
        "tags": tags.iter().map(TagName::as_str).collect::<Vec<_>>(),
        "tag": seen.found.tag.as_ref().map(|tag| json!({
            "since": words::rfc3339(tag.start),
            "expires": words::rfc3339(tag.expires),
            "immutable": tag.immutable,
            "actor": tag.actor.as_ref().map(ToString::to_string),
        })),
        "problem": seen.problem,
    });
    if let (Some(document), Some(members)) = (&seen.document, value.as_object_mut()) {
        let config = seen.config.as_ref();
        let name = if document.is_index() { "manifests" } else { "layers" };
        members.insert(name.into(), listed(document).iter().map(listed_json).collect());
        members.insert("platform".into(), platform(document, config).into());
        members.insert("image_created".into(), built(document, config).and_then(words::rfc3339).into());
        members.insert("artifact_type".into(), document.artifact_type().into());
        members.insert("subject".into(), document.subject().map(|digest| digest.to_string()).into());
        members.insert("layers_bytes".into(), document.layers_size().into());
        members.insert("labels".into(), json!(labels::own(document, config)));
        let config = document.config().map(|config| {
            json!({ "digest": config.digest.to_string(), "bytes": config.size, "media_type": config.media_type.as_str() })
        });
        members.insert("config".into(), config.into());
    }
    value
}

fn listed_json(listed: &Listed<'_>) -> Value {
    json!({
        "digest": listed.digest.to_string(),
        "bytes": listed.size,
        "media_type": listed.media_type.map(MediaType::as_str),
        "platform": listed.platform,
    })
}
