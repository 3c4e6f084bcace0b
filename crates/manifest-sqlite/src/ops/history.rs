use super::page;
use crate::driver::Doing;
use crate::rows::Column;
use diesel::sql_types::{BigInt, Binary, Nullable, Text};
use diesel::{RunQueryDsl, SqliteConnection};
use manifest_core::error::Port;
use manifest_core::ports::{HistoryCursor, HistoryRow, Page, PageAsk};
use manifest_core::time::{Millis, NEVER};
use oci_types::{RepositoryName, TagName};

/// What tags pointed at, newest start first, then by name.
pub(crate) fn history(
    connection: &mut SqliteConnection,
    repository: &RepositoryName,
    name: Option<&TagName>,
    ask: &PageAsk<HistoryCursor>,
) -> Port<Option<Page<HistoryRow>>> {
    let (start, after) = match &ask.after {
        Some(cursor) => (cursor.start, cursor.name.as_str()),
        None => (NEVER, ""),
    };
    let (repository, limit) = (repository.as_str(), i64::from(ask.limit) + 1);
    let rows: Vec<Row> = match name {
        Some(name) => HistoryOfName { repository, start, after, name: name.as_str(), limit }.load(connection),
        None => History { repository, start, after, limit }.load(connection),
    }
    .doing("listing the history of tags")?;
    page::of_repository(rows, ask.limit, read)
}

/// The rows behind the cursor of one of the two tables, in order. Both have an index that gives them so.
macro_rules! intervals {
    ($table:literal, $end:literal, $current:literal, $name:literal) => {
        concat!(
            "SELECT i.name, i.start_ms, i.",
            $end,
            " AS end_ms, ",
            $current,
            " AS current, i.reversion, i.previous, i.actor, i.manifest_id",
            " FROM ",
            $table,
            " i WHERE i.repository_id = (SELECT id FROM here) AND i.start_ms <= +?2",
            " AND NOT (i.start_ms = +?2 AND i.name <= +?3)",
            $name
        )
    };
}

/// Both tables merged, the newest first. A repository without a fitting row answers one row without a name.
macro_rules! history {
    ($name:literal, $limit:literal) => {
        concat!(
            "WITH here (id) AS MATERIALIZED (SELECT id FROM repository INDEXED BY repository_name WHERE name = +?1 AND state <> 2), ",
            "interval AS (", intervals!("tag_history", "end_ms", "0", $name), " UNION ALL ",
            intervals!("tag", "expires_ms", "1", $name), " ORDER BY 2 DESC, 1 LIMIT ", $limit, ") ",
            "SELECT i.name, i.start_ms, i.end_ms, i.current, i.reversion, i.previous, i.actor, m.digest ",
            "FROM here LEFT JOIN interval i LEFT JOIN manifest m ON m.id = i.manifest_id ORDER BY i.start_ms DESC, i.name"
        )
    };
}

statement! {
    struct History<'a> { repository: &'a str => Text, start: Millis => BigInt, after: &'a str => Text, limit: i64 => BigInt }
    -> (
        Nullable<Text>, Nullable<BigInt>, Nullable<BigInt>, Nullable<BigInt>,
        Nullable<BigInt>, Nullable<Binary>, Nullable<Text>, Nullable<Binary>,
    );
    history!("", "+?4")
}

statement! {
    struct HistoryOfName<'a> {
        repository: &'a str => Text,
        start: Millis => BigInt,
        after: &'a str => Text,
        name: &'a str => Text,
        limit: i64 => BigInt,
    }
    -> (
        Nullable<Text>, Nullable<BigInt>, Nullable<BigInt>, Nullable<BigInt>,
        Nullable<BigInt>, Nullable<Binary>, Nullable<Text>, Nullable<Binary>,
    );
    history!(" AND i.name = +?4", "+?5")
}

type Row = (
    Option<String>,
    Option<i64>,
    Option<i64>,
    Option<i64>,
    Option<i64>,
    Option<Vec<u8>>,
    Option<String>,
    Option<Vec<u8>>,
);

fn read((name, start, end, current, reversion, previous, actor, digest): Row) -> Port<Option<HistoryRow>> {
    let Some(name) = name else { return Ok(None) };
    let current = current == Some(1);
    let column = |column| Column(if current { "tag" } else { "tag_history" }, column);
    let target = column("manifest_id").present(digest)?;
    Ok(Some(HistoryRow {
        name: column("name").text(&name)?,
        target: Column("manifest", "digest").digest(&target)?,
        start: start.unwrap_or_default(),
        end: end.unwrap_or_default(),
        current,
        reversion: column("reversion").flag(reversion.unwrap_or_default())?,
        previous: column("previous").optional_digest(previous)?,
        actor: column("actor").actor(actor)?,
    }))
}
