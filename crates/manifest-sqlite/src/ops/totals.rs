use crate::driver::Doing;
use crate::rows::Column;
use diesel::sql_types::BigInt;
use diesel::{RunQueryDsl, SqliteConnection};
use manifest_core::error::Port;
use manifest_core::ports::Totals;

/// How much the store holds. Reads every row.
pub(crate) fn totals(connection: &mut SqliteConnection) -> Port<Totals> {
    let (repositories, manifests, tags, blobs, blob_bytes): (i64, i64, i64, i64, i64) =
        Counts {}.get_result(connection).doing("counting")?;
    let count = |table, count| Column(table, "count(*)").size(count);
    Ok(Totals {
        repositories: count("repository", repositories)?,
        manifests: count("manifest", manifests)?,
        tags: count("tag", tags)?,
        blobs: count("blob", blobs)?,
        blob_bytes: Column("blob", "size").size(blob_bytes)?,
    })
}

statement! {
    struct Counts {}
    -> (BigInt, BigInt, BigInt, BigInt, BigInt);
    "SELECT (SELECT count(*) FROM repository WHERE state <> 2), \
     (SELECT count(*) FROM manifest m CROSS JOIN repository r WHERE m.deleted_ms IS NULL AND r.id = m.repository_id AND r.state <> 2), \
     (SELECT count(*) FROM tag t CROSS JOIN repository r WHERE r.id = t.repository_id AND r.state <> 2), \
     (SELECT count(*) FROM blob), \
     (SELECT coalesce(sum(size), 0) FROM blob)"
}
