use super::{Bounds, Keys, Looked, cursor};
use crate::store::PostgresStore;
use diesel::sql_types::{BigInt, Binary, Bool};
use manifest_core::empty_layer;
use manifest_core::error::Port;
use manifest_core::ports::{Doomed, SweepCursor};
use manifest_core::stored::Column;
use oci_types::Digest;

/// Walks the blobs, `DIGEST`.
pub(super) async fn look(store: &PostgresStore, bounds: Bounds, after: Option<&SweepCursor>) -> Port<Looked> {
    let after: Option<Digest> = match cursor::parts(after)? {
        Some([digest]) => Some(cursor::part(digest)?),
        None => None,
    };
    let (limit, empty_layer) = (bounds.rows, empty_layer::digest());
    let statement = LookAtBlobs {
        empty_layer: empty_layer.as_bytes(),
        after: after.as_ref().map_or(&[][..], Digest::as_bytes),
        limit,
    };
    let rows: Vec<Row> = store.rows(statement, "looking for blobs to which nobody has access").await?;
    let column = Column("blob", "digest");
    let next = cursor::next(&rows, limit, |(digest, ..)| Ok(column.digest(digest)?.to_string()))?;
    let (mut doomed, mut keys) = (Vec::new(), Vec::new());
    for (digest, size, _) in rows.into_iter().filter(|(.., is_doomed)| *is_doomed) {
        doomed.push(Doomed {
            repository: None,
            what: column.digest(&digest)?.to_string(),
            since: None,
            bytes: Column("blob", "size").size(size)?,
        });
        keys.push(digest);
    }
    Ok(Looked { doomed, keys: Keys::Blobs(keys), next })
}

type Row = (Vec<u8>, i64, bool);

statement! {
    struct LookAtBlobs<'a> { empty_layer: &'a [u8] => Binary, after: &'a [u8] => Binary, limit: i64 => BigInt }
    -> (Binary, BigInt, Bool);
    "SELECT b.digest, b.size, b.digest <> $1 AND NOT EXISTS (SELECT 1 FROM repository_blob a WHERE a.digest = b.digest OFFSET 0) \
     FROM blob b WHERE b.digest > $2 ORDER BY b.digest LIMIT $3"
}
