use crate::driver::Doing;
use crate::rows::{self, Column};
use diesel::sql_types::{BigInt, Binary, Nullable, Text};
use diesel::{RunQueryDsl, SqliteConnection};
use manifest_core::error::Port;
use manifest_core::plan::LabelRow;
use oci_types::{Digest, RepositoryName};

/// The labels of a manifest whose keys start with a prefix, in the order in which they were stored.
pub(crate) fn labels(
    connection: &mut SqliteConnection,
    repository: &RepositoryName,
    digest: &Digest,
    prefix: &str,
) -> Port<Option<Vec<LabelRow>>> {
    let statement = Labels { prefix, digest: digest.as_bytes(), repository: repository.as_str() };
    let rows: Vec<Row> = statement.load(connection).doing("listing labels")?;
    if rows.is_empty() {
        return Ok(None);
    }
    rows.into_iter().map(read).filter_map(Port::transpose).collect::<Port<_>>().map(Some)
}

statement! {
    /// One row without an id where the manifest has no label that fits. `lower` knows ASCII alone.
    struct Labels<'a> { prefix: &'a str => Text, digest: &'a [u8] => Binary, repository: &'a str => Text }
    -> (Nullable<BigInt>, Nullable<Text>, Nullable<Text>, Nullable<BigInt>, Nullable<BigInt>);
    "SELECT l.id, l.key, l.value, l.json, l.source \
     FROM repository r INDEXED BY repository_name CROSS JOIN manifest m INDEXED BY manifest_digest \
     LEFT JOIN label l INDEXED BY label_manifest ON l.repository_id = r.id AND l.manifest_id = m.id \
     AND lower(substr(l.key, 1, length(?1))) = lower(?1) \
     WHERE m.repository_id = r.id AND m.digest = +?2 AND m.deleted_ms IS NULL AND r.name = +?3 AND r.state <> 2 ORDER BY l.id"
}

type Row = (Option<i64>, Option<String>, Option<String>, Option<i64>, Option<i64>);

fn read((id, key, value, json, source): Row) -> Port<Option<LabelRow>> {
    let Some(id) = id else { return Ok(None) };
    let column = |column| Column("label", column);
    let (key, value) = (column("key").present(key)?, column("value").present(value)?);
    rows::label((id, key, value, column("json").present(json)?, column("source").present(source)?)).map(Some)
}
