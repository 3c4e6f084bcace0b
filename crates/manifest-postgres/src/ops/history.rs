use super::page;
use crate::store::PostgresStore;
use diesel::sql_types::{BigInt, Binary, Bool, Nullable, Text};
use manifest_core::error::Port;
use manifest_core::ports::{HistoryAsk, HistoryRow, Page};
use manifest_core::stored::Column;
use manifest_core::time::{Millis, NEVER};

/// What tags pointed at, newest start first, then by name.
pub(crate) async fn history(store: &PostgresStore, ask: &HistoryAsk) -> Port<Option<Page<HistoryRow>>> {
    let (start, after) = match &ask.after {
        Some(cursor) => (cursor.start, cursor.name.as_str()),
        None => (NEVER, ""),
    };
    let (repository, limit) = (ask.repository.as_str(), i64::from(ask.limit) + 1);
    let (active_only, now, what) = (ask.active_only, ask.now, "listing the history of tags");
    // What is open for ever does not end, so not after any time either.
    let since = ask.since.unwrap_or(Millis::MIN);
    let rows: Vec<Row> = match &ask.name {
        Some(name) => {
            let name = name.as_str();
            let statement = HistoryOfName { repository, start, after, since, active_only, name, limit, now };
            store.rows(statement, what).await?
        }
        None => store.rows(History { repository, start, after, since, active_only, limit, now }, what).await?,
    };
    page::of_repository(rows, ask.limit, read)
}

/// The rows behind the cursor of one of the two tables, in order. Both have an index that gives them so.
macro_rules! intervals {
    ($table:literal, $end:literal, $current:literal, $fits:expr, $order:literal, $limit:literal) => {
        concat!(
            "(SELECT i.name, i.start_ms, i.",
            $end,
            " AS end_ms, ",
            $current,
            " AS current, i.reversion, i.previous, i.actor, i.manifest_id",
            " FROM ",
            $table,
            " i WHERE i.repository_id = here.id AND (-i.start_ms, i.name) > (-$2, $3) AND (i.start_ms > $4 OR i.",
            $end,
            " <> 9223372036854775807 AND i.",
            $end,
            " > $4) AND ",
            $fits,
            " ORDER BY ",
            $order,
            " LIMIT ",
            $limit,
            ")"
        )
    };
}

/// Both tables merged, the newest first. A repository without a fitting row answers one row without a name.
macro_rules! history {
    ($name:literal, $order:literal, $limit:literal, $now:literal) => {
        concat!(
            "WITH here (id) AS (SELECT id FROM repository WHERE name = $1 AND state <> 2) ",
            "SELECT i.name, i.start_ms, i.end_ms, i.current, i.reversion, i.previous, i.actor, m.digest ",
            "FROM here LEFT JOIN LATERAL (",
            intervals!("tag_history", "end_ms", "false", concat!("NOT $5", $name), $order, $limit),
            " UNION ALL ",
            intervals!(
                "tag",
                "expires_ms",
                "true",
                concat!("(NOT $5 OR i.expires_ms > ", $now, ")", $name),
                $order,
                $limit
            ),
            " ORDER BY 2 DESC, 1 LIMIT ",
            $limit,
            ") i ON true LEFT JOIN manifest m ON m.repository_id = here.id AND m.id = i.manifest_id ",
            "ORDER BY i.start_ms DESC, i.name"
        )
    };
}

statement! {
    struct History<'a> {
        repository: &'a str => Text,
        start: Millis => BigInt,
        after: &'a str => Text,
        since: Millis => BigInt,
        active_only: bool => Bool,
        limit: i64 => BigInt,
        now: Millis => BigInt,
    }
    -> (
        Nullable<Text>, Nullable<BigInt>, Nullable<BigInt>, Nullable<Bool>,
        Nullable<Bool>, Nullable<Binary>, Nullable<Text>, Nullable<Binary>,
    );
    history!("", "-i.start_ms, i.name", "$6", "$7")
}

statement! {
    /// Along the primary keys, where the starts of one name follow each other.
    struct HistoryOfName<'a> {
        repository: &'a str => Text,
        start: Millis => BigInt,
        after: &'a str => Text,
        since: Millis => BigInt,
        active_only: bool => Bool,
        name: &'a str => Text,
        limit: i64 => BigInt,
        now: Millis => BigInt,
    }
    -> (
        Nullable<Text>, Nullable<BigInt>, Nullable<BigInt>, Nullable<Bool>,
        Nullable<Bool>, Nullable<Binary>, Nullable<Text>, Nullable<Binary>,
    );
    history!(" AND i.name = $6 AND i.start_ms <= $2", "i.start_ms DESC", "$7", "$8")
}

type Row = (
    Option<String>,
    Option<i64>,
    Option<i64>,
    Option<bool>,
    Option<bool>,
    Option<Vec<u8>>,
    Option<String>,
    Option<Vec<u8>>,
);

fn read((name, start, end, current, reversion, previous, actor, digest): Row) -> Port<Option<HistoryRow>> {
    let Some(name) = name else { return Ok(None) };
    let current = current.unwrap_or_default();
    let column = |column| Column(if current { "tag" } else { "tag_history" }, column);
    let target = column("manifest_id").present(digest)?;
    Ok(Some(HistoryRow {
        name: column("name").text(&name)?,
        target: Column("manifest", "digest").digest(&target)?,
        start: start.unwrap_or_default(),
        end: end.unwrap_or_default(),
        current,
        reversion: reversion.unwrap_or_default(),
        previous: column("previous").optional_digest(previous)?,
        actor: column("actor").actor(actor)?,
    }))
}
