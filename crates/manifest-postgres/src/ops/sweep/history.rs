use super::{Bounds, Keys, Looked, cursor};
use crate::store::PostgresStore;
use diesel::sql_types::{BigInt, Bool, Text};
use manifest_core::error::Port;
use manifest_core::ports::{Doomed, SweepCursor};
use manifest_core::stored::Column;
use manifest_core::time::Millis;
use oci_types::TagName;

/// Walks the rows of tags, `tag:REPOSITORY:NAME`, and then the history, `history:REPOSITORY:NAME:START`.
pub(super) async fn look(store: &PostgresStore, bounds: Bounds, after: Option<&SweepCursor>) -> Port<Looked> {
    match cursor::parts(after)? {
        None => tags(store, bounds, (0, "")).await,
        Some(["tag", place]) => match place.split_once(':') {
            Some((repository, name)) => tags(store, bounds, (cursor::part(repository)?, name)).await,
            None => Err(cursor::unknown(place)),
        },
        Some(["history", ""]) => history(store, bounds, (0, "", 0)).await,
        Some(["history", place]) => match place.splitn(3, ':').collect::<Vec<_>>()[..] {
            [repository, name, start] => {
                history(store, bounds, (cursor::part(repository)?, name, cursor::part(start)?)).await
            }
            _ => Err(cursor::unknown(place)),
        },
        Some([table, _]) => Err(cursor::unknown(table)),
    }
}

async fn tags(store: &PostgresStore, bounds: Bounds, (repository, name): (i64, &str)) -> Port<Looked> {
    let Bounds { window, rows: limit, .. } = bounds;
    let statement = LookAtTags { window, repository, name, limit };
    let rows: Vec<Row> = store.rows(statement, "looking for tags that expired").await?;
    let next = cursor::next(&rows, limit, |(repository, _, name, ..)| Ok(format!("tag:{repository}:{name}")))?;
    let history = || SweepCursor("history:".to_owned());
    looked("tag", rows, Some(next.unwrap_or_else(history)))
}

async fn history(
    store: &PostgresStore,
    bounds: Bounds,
    (repository, name, start): (i64, &str, Millis),
) -> Port<Looked> {
    let Bounds { window, rows: limit, .. } = bounds;
    let statement = LookAtHistory { window, repository, name, start, limit };
    let rows: Vec<Row> = store.rows(statement, "looking for intervals that are over").await?;
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
        keys.push((id, name, start));
    }
    Ok(Looked { doomed, keys: Keys::History(keys), next })
}

statement! {
    /// The rows of a repository that is being deleted go with it.
    struct LookAtTags<'a> { window: Millis => BigInt, repository: i64 => BigInt, name: &'a str => Text, limit: i64 => BigInt }
    -> (BigInt, Text, Text, BigInt, BigInt, Bool);
    concat!(
        "SELECT t.repository_id, ", repository_of!("t", "name"), ", t.name, t.start_ms, t.expires_ms, ",
        repository_of!("t", "state <> 2"), " AND t.expires_ms <= $1 \
         FROM tag t WHERE (t.repository_id, t.name) > ($2, $3) ORDER BY t.repository_id, t.name LIMIT $4"
    )
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
    concat!(
        "SELECT h.repository_id, ", repository_of!("h", "name"), ", h.name, h.start_ms, h.end_ms, ",
        repository_of!("h", "state <> 2"), " AND h.end_ms <= $1 \
         FROM tag_history h WHERE (h.repository_id, h.name, h.start_ms) > ($2, $3, $4) \
         ORDER BY h.repository_id, h.name, h.start_ms LIMIT $5"
    )
}
