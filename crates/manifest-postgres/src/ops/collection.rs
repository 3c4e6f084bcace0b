use crate::store::PostgresStore;
use diesel::sql_types::{BigInt, Text};
use manifest_core::error::Port;
use manifest_core::facts::Location;
use manifest_core::stored::Column;
use manifest_core::time::Millis;

/// Locations to delete.
pub(crate) async fn trash(store: &PostgresStore, limit: u32, now: Millis) -> Port<Vec<Location>> {
    let statement = Trash { now, limit: i64::from(limit) };
    let rows: Vec<(String,)> = store.rows(statement, "listing the trash").await?;
    rows.iter().map(|(location,)| Column("trash", "location").location(location)).collect()
}

statement! {
    struct Trash { now: Millis => BigInt, limit: i64 => BigInt }
    -> (Text,);
    "SELECT t.location FROM trash t WHERE t.not_before_ms <= $1 \
     AND NOT EXISTS (SELECT 1 FROM blob b WHERE b.location = t.location OFFSET 0) \
     ORDER BY t.not_before_ms, t.location LIMIT $2"
}
