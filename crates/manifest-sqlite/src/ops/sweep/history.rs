use super::{Bounds, Looked, cursor};
use crate::driver::Doing;
use crate::rows::Column;
use diesel::sql_types::{BigInt, Bool, Text};
use diesel::{RunQueryDsl, SqliteConnection};
use manifest_core::error::Port;
use manifest_core::ports::{Doomed, SweepCursor};
use manifest_core::time::Millis;
use oci_types::TagName;
use serde_json::{Value, json};

/// Walks the rows of tags, `tag:REPOSITORY:NAME`, and then the history, `history:REPOSITORY:NAME:START`.
pub(super) fn look(connection: &mut SqliteConnection, bounds: Bounds, after: Option<&SweepCursor>) -> Port<Looked> {
    match cursor::parts(after)? {
        None => tags(connection, bounds, (0, "")),
        Some(["tag", place]) => match place.split_once(':') {
            Some((repository, name)) => tags(connection, bounds, (cursor::part(repository)?, name)),
            None => Err(cursor::unknown(place)),
        },
        Some(["history", ""]) => history(connection, bounds, (0, "", 0)),
        Some(["history", place]) => match place.splitn(3, ':').collect::<Vec<_>>()[..] {
            [repository, name, start] => {
                history(connection, bounds, (cursor::part(repository)?, name, cursor::part(start)?))
            }
            _ => Err(cursor::unknown(place)),
        },
        Some([table, _]) => Err(cursor::unknown(table)),
    }
}

fn tags(connection: &mut SqliteConnection, bounds: Bounds, (repository, name): (i64, &str)) -> Port<Looked> {
    let Bounds { window, rows: limit, .. } = bounds;
    let rows: Vec<Row> =
        LookAtTags { window, repository, name, limit }.load(connection).doing("looking for tags that expired")?;
    let next = cursor::next(&rows, limit, |(repository, _, name, ..)| Ok(format!("tag:{repository}:{name}")))?;
    let history = || SweepCursor("history:".to_owned());
    looked("tag", rows, Some(next.unwrap_or_else(history)))
}

fn history(
    connection: &mut SqliteConnection,
    bounds: Bounds,
    (repository, name, start): (i64, &str, Millis),
) -> Port<Looked> {
    let Bounds { window, rows: limit, .. } = bounds;
    let statement = LookAtHistory { window, repository, name, start, limit };
    let rows: Vec<Row> = statement.load(connection).doing("looking for intervals that are over")?;
    let key = |(repository, _, name, start, ..): &Row| Ok(format!("history:{repository}:{name}:{start}"));
    let next = cursor::next(&rows, limit, key)?;
    looked("tag_history", rows, next)
}

/// The repository's id and name, the tag, start, end, and whether it is doomed.
type Row = (i64, String, String, Millis, Millis, bool);

fn looked(table: &'static str, rows: Vec<Row>, next: Option<SweepCursor>) -> Port<Looked> {
    let (mut doomed, mut keys) = (Vec::new(), Vec::new());
    for (id, repository, name, start, end, _) in rows.into_iter().filter(|(.., is_doomed)| *is_doomed) {
        let tag: TagName = Column(table, "name").text(&name)?;
        doomed.push(Doomed {
            repository: Some(Column("repository", "name").text(&repository)?),
            what: format!("{tag}@{start}"),
            since: Some(end),
            bytes: 0,
        });
        keys.push(json!([id, name, start]));
    }
    Ok(Looked { doomed, keys: Value::from(keys).to_string(), next })
}

/// A tag's row that goes becomes history by trigger, so that every interval goes by the second statement.
pub(super) fn remove(connection: &mut SqliteConnection, bounds: Bounds, keys: &str) -> Port<usize> {
    let Bounds { window, .. } = bounds;
    RemoveExpired { keys, window }.execute(connection).doing("removing tags that expired")?;
    RemoveHistory { keys, window }.execute(connection).doing("removing intervals that are over")
}

statement! {
    /// The rows of a repository that is being deleted go with it.
    struct LookAtTags<'a> { window: Millis => BigInt, repository: i64 => BigInt, name: &'a str => Text, limit: i64 => BigInt }
    -> (BigInt, Text, Text, BigInt, BigInt, Bool);
    concat!("SELECT t.repository_id, ", repository_of!("t", "name"), ", t.name, t.start_ms, t.expires_ms, ", repository_of!("t", "state <> 2"), " AND t.expires_ms <= +?1 \
     FROM tag t WHERE (t.repository_id, t.name) > (+?2, +?3) \
     ORDER BY t.repository_id, t.name LIMIT +?4")
}

statement! {
    struct LookAtHistory<'a> {
        window: Millis => BigInt,
        repository: i64 => BigInt,
        name: &'a str => Text,
        start: Millis => BigInt,
        limit: i64 => BigInt,
    }
    -> (BigInt, Text, Text, BigInt, BigInt, Bool);
    concat!("SELECT h.repository_id, ", repository_of!("h", "name"), ", h.name, h.start_ms, h.end_ms, ", repository_of!("h", "state <> 2"), " AND h.end_ms <= +?1 \
     FROM tag_history h \
     WHERE (h.repository_id, h.name, h.start_ms) > (+?2, +?3, +?4) \
     ORDER BY h.repository_id, h.name, h.start_ms LIMIT +?5")
}

statement! {
    struct RemoveExpired<'a> { keys: &'a str => Text, window: Millis => BigInt }
    "DELETE FROM tag WHERE (repository_id, name, start_ms) IN (SELECT value->>0, value->>1, value->>2 FROM json_each(?1)) \
     AND expires_ms <= +?2"
}

statement! {
    struct RemoveHistory<'a> { keys: &'a str => Text, window: Millis => BigInt }
    "DELETE FROM tag_history WHERE (repository_id, name, start_ms) IN (SELECT value->>0, value->>1, value->>2 FROM json_each(?1)) \
     AND end_ms <= +?2"
}
