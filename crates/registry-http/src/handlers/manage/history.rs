use super::Exchange;
use super::page::Listed;
use crate::answer::{Answer, rfc3339};
use crate::request::cursor;
use manifest_core::Actor;
use manifest_core::ports::HistoryRow;
use manifest_core::service::HistoryQuery;
use oci_types::RepositoryName;
use serde::Serialize;

pub(super) async fn list(x: &Exchange<'_>, repository: &RepositoryName, query: HistoryQuery) -> Answer {
    let size = x.page_size(query.limit);
    let page = x.registry.history(&x.cx, repository, &HistoryQuery { limit: Some(size), ..query.clone() }).await?;
    let listed = Listed::new(repository, "history", size)
        .by("tag", query.name.map(|name| name.to_string()))
        .by("active", query.active_only.then(|| "true".to_owned()))
        .by("since", query.since.map(|since| since.to_string()));
    let next = page.items.last().filter(|_| page.more).map(|row| cursor(row.start, &row.name).to_string());
    let intervals: Vec<Interval<'_>> = page.items.iter().map(Interval::of).collect();
    Ok(listed.answer(&intervals, next))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Interval<'a> {
    tag: &'a str,
    digest: String,
    previous: Option<String>,
    start: Option<String>,
    end: Option<String>,
    current: bool,
    reversion: bool,
    actor: Option<&'a str>,
}

impl<'a> Interval<'a> {
    fn of(row: &'a HistoryRow) -> Self {
        Self {
            tag: row.name.as_str(),
            digest: row.target.to_string(),
            previous: row.previous.as_ref().map(ToString::to_string),
            start: rfc3339(row.start),
            end: rfc3339(row.end),
            current: row.current,
            reversion: row.reversion,
            actor: row.actor.as_ref().map(Actor::as_str),
        }
    }
}
