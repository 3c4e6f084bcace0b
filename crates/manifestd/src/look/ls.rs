use super::{PAGE, no_listing};
use crate::failure::Failure;
use crate::table::Table;
use crate::{output, words};
use manifest_core::facts::{RepositoryState, Visibility};
use manifest_core::ports::{PageAsk, RepositoryRow};
use manifest_core::{Context, Registry};
use oci_types::RepositoryName;
use serde_json::{Value, json};

/// The repositories whose names begin with `prefix`.
pub(crate) async fn ls(registry: &Registry, cx: &Context, prefix: &str, as_json: bool) -> Result<String, Failure> {
    let mut found = Vec::new();
    for name in names(registry, cx, prefix).await? {
        // One that was deleted meanwhile is simply not listed.
        if let Some(row) = registry.ports().repositories.find(&name).await.map_err(|e| no_listing(e.into()))? {
            let tags = tag_count(registry, cx, &name).await?;
            found.push((row, tags));
        }
    }
    if as_json {
        let list: Vec<Value> = found.iter().map(|(row, tags)| json_row(row, *tags)).collect();
        return Ok(output::json(&list.into()));
    }
    let mut table = Table::new(["REPOSITORY", "TAGS", "CREATED", "NOTE"]);
    for (row, tags) in &found {
        table.push([row.name.to_string(), words::count(*tags), words::time(row.created), note(row)]);
    }
    Ok(table.render())
}

async fn names(registry: &Registry, cx: &Context, prefix: &str) -> Result<Vec<RepositoryName>, Failure> {
    let mut names = Vec::new();
    let mut after: Option<RepositoryName> = None;
    loop {
        let page = registry.catalogue(cx, after, Some(PAGE)).await.map_err(no_listing)?;
        after = page.items.last().cloned();
        let past = after.as_ref().is_some_and(|last| last.as_str() > prefix && !last.as_str().starts_with(prefix));
        names.extend(page.items.into_iter().filter(|name| name.as_str().starts_with(prefix)));
        // Names come in byte order: behind the last with the prefix there is no other.
        if !page.more || past {
            return Ok(names);
        }
    }
}

async fn tag_count(registry: &Registry, cx: &Context, name: &RepositoryName) -> Result<u64, Failure> {
    let mut count = 0;
    let mut ask = PageAsk::first(PAGE);
    loop {
        let page = registry.ports().listings.tag_names(name, &ask, cx.now).await.map_err(|e| no_listing(e.into()))?;
        let Some(page) = page else { return Ok(count) };
        count += page.items.len() as u64;
        if !page.more {
            return Ok(count);
        }
        ask.after = page.items.last().cloned();
    }
}

fn json_row(row: &RepositoryRow, tags: u64) -> Value {
    json!({
        "repository": row.name.as_str(),
        "tags": tags,
        "created": words::rfc3339(row.created),
        "read_only": row.state == RepositoryState::ReadOnly,
        "public": row.visibility == Visibility::Public,
    })
}

fn note(row: &RepositoryRow) -> String {
    let read_only = (row.state == RepositoryState::ReadOnly).then_some("read-only");
    let public = (row.visibility == Visibility::Public).then_some("public");
    [public, read_only].into_iter().flatten().collect::<Vec<_>>().join(", ")
}
