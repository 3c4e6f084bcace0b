use super::{PAGE, no_listing, short};
use crate::failure::Failure;
use crate::table::Table;
use crate::{output, words};
use manifest_core::ports::{HistoryCursor, HistoryRow};
use manifest_core::service::HistoryQuery;
use manifest_core::{Context, NEVER, Registry};
use oci_types::{RepositoryName, TagName};
use serde_json::{Value, json};

/// What the tags of a repository, or one of them, pointed at, newest first.
pub(crate) async fn history(
    registry: &Registry,
    cx: &Context,
    repository: &RepositoryName,
    tag: Option<&TagName>,
    as_json: bool,
) -> Result<String, Failure> {
    let mut rows: Vec<HistoryRow> = Vec::new();
    loop {
        let after = rows.last().map(|row| HistoryCursor { start: row.start, name: row.name.clone() });
        let query = HistoryQuery { name: tag.cloned(), after, limit: Some(PAGE), ..HistoryQuery::default() };
        let page = registry.history(cx, repository, &query).await.map_err(no_listing)?;
        rows.extend(page.items);
        if !page.more {
            break;
        }
    }
    if as_json {
        let list: Vec<Value> = rows.iter().map(|row| json_row(row, cx)).collect();
        return Ok(output::json(&json!({ "repository": repository.as_str(), "history": list })));
    }
    let mut table = Table::new(["TAG", "DIGEST", "FROM", "UNTIL", "BY", "NOTE"]);
    for row in &rows {
        table.push([
            row.name.to_string(),
            short(&row.target),
            words::time(row.start),
            if row.end == NEVER { String::new() } else { words::time(row.end) },
            row.actor.as_ref().map(ToString::to_string).unwrap_or_default(),
            note(row, cx),
        ]);
    }
    Ok(table.render())
}

fn note(row: &HistoryRow, cx: &Context) -> String {
    let state = match (row.current, row.end > cx.now) {
        (true, true) => Some("now"),
        (true, false) => Some("expired"),
        (false, _) => None,
    };
    let reversion = row.reversion.then_some("restored");
    [state, reversion].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn json_row(row: &HistoryRow, cx: &Context) -> Value {
    json!({
        "tag": row.name.as_str(),
        "digest": row.target.to_string(),
        "from": words::rfc3339(row.start),
        "until": words::rfc3339(row.end),
        "alive": row.current && row.end > cx.now,
        "restored": row.reversion,
        "previous": row.previous.map(|digest| digest.to_string()),
        "actor": row.actor.as_ref().map(ToString::to_string),
    })
}
