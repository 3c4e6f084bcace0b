use super::page;
use crate::driver::Doing;
use crate::rows::Column;
use diesel::sql_types::{BigInt, Binary, Nullable, Text};
use diesel::{RunQueryDsl, SqliteConnection};
use manifest_core::error::Port;
use manifest_core::ports::{HistoryAsk, HistoryRow, Page};
use manifest_core::time::{Millis, NEVER};

/// What tags pointed at, newest start first, then by name.
pub(crate) fn history(connection: &mut SqliteConnection, ask: &HistoryAsk) -> Port<Option<Page<HistoryRow>>> {
    let (start, after) = match &ask.after {
        Some(cursor) => (cursor.start, cursor.name.as_str()),
        None => (NEVER, ""),
    };
    let (repository, limit) = (ask.repository.as_str(), i64::from(ask.limit) + 1);
    let (active_only, now) = (i64::from(ask.active_only), ask.now);
    // What is open for ever does not end, so not after any time either.
    let since = ask.since.unwrap_or(Millis::MIN);
    let rows: Vec<Row> = match &ask.name {
        Some(name) => {
            let name = name.as_str();
            HistoryOfName { repository, start, after, since, name, active_only, now, limit }.load(connection)
        }
        None => History { repository, start, after, since, active_only, now, limit }.load(connection),
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
            " AND NOT (i.start_ms = +?2 AND i.name <= +?3) AND (i.start_ms > +?4 OR i.",
            $end,
            " <> 9223372036854775807 AND i.",
            $end,
            " > +?4)",
            $name
        )
    };
}

/// Both tables merged, the newest first. A repository without a fitting row answers one row without a name.
macro_rules! history {
    ($name:literal, $active_only:literal, $now:literal, $limit:literal) => {
        concat!(
            "WITH here (id) AS MATERIALIZED (SELECT id FROM repository INDEXED BY repository_name WHERE name = +?1 AND state <> 2), ",
            "interval AS (", intervals!("tag_history", "end_ms", "0", $name), " AND NOT ", $active_only, " UNION ALL ",
            intervals!("tag", "expires_ms", "1", $name), " AND (NOT ", $active_only, " OR i.expires_ms > ", $now, ")",
            " ORDER BY 2 DESC, 1 LIMIT ", $limit, ") ",
            "SELECT i.name, i.start_ms, i.end_ms, i.current, i.reversion, i.previous, i.actor, m.digest ",
            "FROM here LEFT JOIN interval i LEFT JOIN manifest m ON m.id = i.manifest_id ORDER BY i.start_ms DESC, i.name"
        )
    };
}

statement! {
    struct History<'a> {
        repository: &'a str => Text,
        start: Millis => BigInt,
        after: &'a str => Text,
        since: Millis => BigInt,
        active_only: i64 => BigInt,
        now: Millis => BigInt,
        limit: i64 => BigInt,
    }
    -> (
        Nullable<Text>, Nullable<BigInt>, Nullable<BigInt>, Nullable<BigInt>,
        Nullable<BigInt>, Nullable<Binary>, Nullable<Text>, Nullable<Binary>,
    );
    history!("", "+?5", "+?6", "+?7")
}

statement! {
    struct HistoryOfName<'a> {
        repository: &'a str => Text,
        start: Millis => BigInt,
        after: &'a str => Text,
        since: Millis => BigInt,
        name: &'a str => Text,
        active_only: i64 => BigInt,
        now: Millis => BigInt,
        limit: i64 => BigInt,
    }
    -> (
        Nullable<Text>, Nullable<BigInt>, Nullable<BigInt>, Nullable<BigInt>,
        Nullable<BigInt>, Nullable<Binary>, Nullable<Text>, Nullable<Binary>,
    );
    history!(" AND i.name = +?5", "+?6", "+?7", "+?8")
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
