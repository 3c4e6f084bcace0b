use super::{PAGE, no_listing, short};
use crate::failure::Failure;
use crate::table::Table;
use crate::{output, words};
use manifest_core::ports::{TagCursor, TagRow};
use manifest_core::service::TagQuery;
use manifest_core::{Context, NEVER, Registry};
use oci_types::RepositoryName;
use serde_json::{Value, json};

/// The tags of a repository with what they point at.
pub(crate) async fn tags(
    registry: &Registry,
    cx: &Context,
    repository: &RepositoryName,
    as_json: bool,
) -> Result<String, Failure> {
    let rows = rows(registry, cx, repository).await?;
    if as_json {
        let list: Vec<Value> = rows.iter().map(json_row).collect();
        return Ok(output::json(&json!({ "repository": repository.as_str(), "tags": list })));
    }
    let mut table = Table::new(["TAG", "DIGEST", "PLATFORMS", "LAYERS", "SINCE", "EXPIRES", "NOTE"]);
    for row in &rows {
        table.push([
            row.name.to_string(),
            short(&row.state.target),
            platforms(row).join(","),
            row.layers_size.map(words::size).unwrap_or_default(),
            words::time(row.state.start),
            if row.state.expires == NEVER { String::new() } else { words::time(row.state.expires) },
            if row.state.immutable { "immutable".to_owned() } else { String::new() },
        ]);
    }
    Ok(table.render())
}

/// All of them, in byte order.
pub(super) async fn rows(
    registry: &Registry,
    cx: &Context,
    repository: &RepositoryName,
) -> Result<Vec<TagRow>, Failure> {
    let mut rows: Vec<TagRow> = Vec::new();
    loop {
        let after = rows.last().map(|row| TagCursor { start: row.state.start, name: row.name.clone() });
        let query = TagQuery { after, limit: Some(PAGE), ..TagQuery::default() };
        let page = registry.tags(cx, repository, &query).await.map_err(no_listing)?;
        rows.extend(page.items);
        if !page.more {
            return Ok(rows);
        }
    }
}

fn platforms(row: &TagRow) -> Vec<String> {
    row.platforms.iter().map(ToString::to_string).collect()
}

fn json_row(row: &TagRow) -> Value {
    json!({
        "tag": row.name.as_str(),
        "digest": row.state.target.to_string(),
        "media_type": row.media_type.as_str(),
        "manifest_bytes": row.manifest_size,
        "layers_bytes": row.layers_size,
        "platforms": platforms(row),
        "image_created": row.image_created.and_then(words::rfc3339),
        "since": words::rfc3339(row.state.start),
        "expires": words::rfc3339(row.state.expires),
        "immutable": row.state.immutable,
        "actor": row.state.actor.as_ref().map(ToString::to_string),
    })
}
