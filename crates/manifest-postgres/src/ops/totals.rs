use crate::store::PostgresStore;
use diesel::sql_types::BigInt;
use manifest_core::error::{Port, PortError, PortErrorKind};
use manifest_core::ports::Totals;
use manifest_core::stored::Column;

/// How much the store holds. Reads every row.
pub(crate) async fn totals(store: &PostgresStore) -> Port<Totals> {
    let row: Option<(i64, i64, i64, i64, i64)> = store.row(Counts {}, "counting").await?;
    let Some((repositories, manifests, tags, blobs, blob_bytes)) = row else {
        return Err(PortError::new(PortErrorKind::Internal, "counting answered nothing"));
    };
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
    /// A sum that is too large for the column is as large as it can be.
    struct Counts {}
    -> (BigInt, BigInt, BigInt, BigInt, BigInt);
    "SELECT (SELECT count(*) FROM repository WHERE state <> 2), \
     (SELECT count(*) FROM manifest m JOIN repository r ON r.id = m.repository_id WHERE m.deleted_ms IS NULL AND r.state <> 2), \
     (SELECT count(*) FROM tag t JOIN repository r ON r.id = t.repository_id WHERE r.state <> 2), \
     (SELECT count(*) FROM blob), \
     (SELECT least(coalesce(sum(size), 0), 9223372036854775807)::bigint FROM blob)"
}
