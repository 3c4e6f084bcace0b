use crate::store::PostgresStore;
use diesel::sql_types::{BigInt, Binary, Bool, Nullable, SmallInt, Text};
use manifest_core::error::Port;
use manifest_core::plan::LabelRow;
use manifest_core::stored::{self, Column};
use oci_types::{Digest, RepositoryName};

/// The labels of a manifest whose keys start with a prefix, in the order in which they were stored.
pub(crate) async fn labels(
    store: &PostgresStore,
    repository: &RepositoryName,
    digest: &Digest,
    prefix: &str,
) -> Port<Option<Vec<LabelRow>>> {
    let prefix = prefix.to_ascii_lowercase();
    let statement = Labels { prefix: prefix.as_bytes(), digest: digest.as_bytes(), repository: repository.as_str() };
    let rows: Vec<Row> = store.rows(statement, "listing labels").await?;
    if rows.is_empty() {
        return Ok(None);
    }
    rows.into_iter().map(row).filter_map(Port::transpose).collect::<Port<_>>().map(Some)
}

statement! {
    /// One row without an id where the manifest has no label that fits. Keys are bytes, so the prefix is compared in a form that is
    /// ASCII alone, and there only letters are changed, whatever the locale of the database says about others.
    struct Labels<'a> { prefix: &'a [u8] => Binary, digest: &'a [u8] => Binary, repository: &'a str => Text }
    -> (Nullable<BigInt>, Nullable<Binary>, Nullable<Binary>, Nullable<Bool>, Nullable<SmallInt>);
    "SELECT l.id, l.key, l.value, l.json, l.source \
     FROM repository r JOIN manifest m ON m.repository_id = r.id \
     LEFT JOIN label l ON l.repository_id = r.id AND l.manifest_id = m.id AND length(l.key) >= length($1) \
     AND translate(encode(substr(l.key, 1, length($1)), 'escape'), 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', 'abcdefghijklmnopqrstuvwxyz') = encode($1, 'escape') \
     WHERE m.digest = $2 AND m.deleted_ms IS NULL AND r.name = $3 AND r.state <> 2 ORDER BY l.id"
}

type Row = (Option<i64>, Option<Vec<u8>>, Option<Vec<u8>>, Option<bool>, Option<i16>);

fn row((id, key, value, json, source): Row) -> Port<Option<LabelRow>> {
    let Some(id) = id else { return Ok(None) };
    let column = |column| Column("label", column);
    let (json, source) = (column("json").present(json)?, column("source").present(source)?);
    read(id, column("key").present(key)?, column("value").present(value)?, json, source.into()).map(Some)
}

/// A label, of the columns of its row.
pub(crate) fn read(id: i64, key: Vec<u8>, value: Vec<u8>, json: bool, source: i64) -> Port<LabelRow> {
    let (key, value) = (Column("label", "key").utf8(key)?, Column("label", "value").utf8(value)?);
    stored::label((id, key, value, json.into(), source))
}
