use super::form::{Form, Place, number};
use crate::store::PostgresStore;
use diesel::sql_types::{BigInt, Binary, Bool, Nullable, Text};
use manifest_core::error::Port;
use manifest_core::ports::Record;
use manifest_core::stored::Column;
use manifest_core::time::Millis;
use oci_types::TagName;

pub(super) async fn tags(store: &PostgresStore, place: &Place<'_>, limit: i64) -> Port<Vec<Record>> {
    let statement = TagRecords { repository: place.id, after: place.after, limit };
    let rows: Vec<TagRow> = store.rows(statement, "listing tags").await?;
    let read = |(name, target, start, expires, immutable, reversion, previous, actor): TagRow| {
        let name: TagName = Column("tag", "name").text(&name)?;
        let form = Form::new(place.key(':', name)).with("start", start).with("expires", expires);
        let form = form.with("immutable", immutable);
        interval("tag", form, (target, reversion, previous, actor))
    };
    rows.into_iter().map(read).collect()
}

pub(super) async fn history(store: &PostgresStore, place: &Place<'_>, limit: i64) -> Port<Vec<Record>> {
    let (after, start) = place.after.split_once('#').unwrap_or((place.after, ""));
    let statement = HistoryRecords { repository: place.id, after, start: number(start), limit };
    let rows: Vec<HistoryRow> = store.rows(statement, "listing the history of tags").await?;
    let read = |(name, target, start, end, reversion, previous, actor): HistoryRow| {
        let name: TagName = Column("tag_history", "name").text(&name)?;
        let form = Form::new(place.key(':', format_args!("{name}#{start:020}"))).with("end", end);
        interval("tag_history", form, (target, reversion, previous, actor))
    };
    rows.into_iter().map(read).collect()
}

type Interval = (Option<Vec<u8>>, bool, Option<Vec<u8>>, Option<String>);

/// What the rows of both tables have.
fn interval(table: &'static str, form: Form, (target, reversion, previous, actor): Interval) -> Port<Record> {
    let column = |column| Column(table, column);
    let target = column("manifest_id").present(target)?;
    Ok(form
        .with("target", Column("manifest", "digest").digest(&target)?)
        .with("reversion", reversion)
        .with_some("previous", column("previous").optional_digest(previous)?)
        .with_some("actor", column("actor").actor(actor)?)
        .done())
}

type TagRow = (String, Option<Vec<u8>>, Millis, Millis, bool, bool, Option<Vec<u8>>, Option<String>);

statement! {
    struct TagRecords<'a> { repository: i64 => BigInt, after: &'a str => Text, limit: i64 => BigInt }
    -> (Text, Nullable<Binary>, BigInt, BigInt, Bool, Bool, Nullable<Binary>, Nullable<Text>);
    "SELECT t.name, m.digest, t.start_ms, t.expires_ms, t.immutable, t.reversion, t.previous, t.actor \
     FROM tag t LEFT JOIN manifest m ON m.repository_id = t.repository_id AND m.id = t.manifest_id WHERE t.repository_id = $1 AND t.name > $2 ORDER BY t.name LIMIT $3"
}

type HistoryRow = (String, Option<Vec<u8>>, Millis, Millis, bool, Option<Vec<u8>>, Option<String>);

statement! {
    struct HistoryRecords<'a> { repository: i64 => BigInt, after: &'a str => Text, start: Millis => BigInt, limit: i64 => BigInt }
    -> (Text, Nullable<Binary>, BigInt, BigInt, Bool, Nullable<Binary>, Nullable<Text>);
    "SELECT h.name, m.digest, h.start_ms, h.end_ms, h.reversion, h.previous, h.actor \
     FROM tag_history h LEFT JOIN manifest m ON m.repository_id = h.repository_id AND m.id = h.manifest_id \
     WHERE h.repository_id = $1 AND (h.name, h.start_ms) > ($2, $3) ORDER BY h.name, h.start_ms LIMIT $4"
}
