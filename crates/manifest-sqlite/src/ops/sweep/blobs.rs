use super::{Bounds, Looked, cursor};
use crate::driver::Doing;
use crate::rows::Column;
use crate::sets;
use diesel::sql_types::{BigInt, Binary, Bool, Text};
use diesel::{RunQueryDsl, SqliteConnection};
use manifest_core::empty_layer;
use manifest_core::error::Port;
use manifest_core::ports::{Doomed, SweepCursor};
use oci_types::Digest;
use serde_json::Value;

/// Walks the blobs, `DIGEST`.
pub(super) fn look(connection: &mut SqliteConnection, bounds: Bounds, after: Option<&SweepCursor>) -> Port<Looked> {
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
    let rows: Vec<Row> = statement.load(connection).doing("looking for blobs to which nobody has access")?;
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
        keys.push(Value::from(sets::hex_text(&digest)));
    }
    Ok(Looked { doomed, keys: Value::from(keys).to_string(), next })
}

/// Their locations go into the trash by trigger.
pub(super) fn remove(connection: &mut SqliteConnection, digests: &str) -> Port<usize> {
    RemoveBlobs { digests }.execute(connection).doing("removing blobs to which nobody has access")
}

type Row = (Vec<u8>, i64, bool);

statement! {
    struct LookAtBlobs<'a> { empty_layer: &'a [u8] => Binary, after: &'a [u8] => Binary, limit: i64 => BigInt }
    -> (Binary, BigInt, Bool);
    "SELECT b.digest, b.size, b.digest <> +?1 AND NOT EXISTS \
     (SELECT 1 FROM repository_blob a INDEXED BY repository_blob_holder WHERE a.digest = b.digest) \
     FROM blob b WHERE b.digest > +?2 ORDER BY b.digest LIMIT +?3"
}

statement! {
    struct RemoveBlobs<'a> { digests: &'a str => Text }
    "DELETE FROM blob AS b WHERE b.digest IN (SELECT unhex(value) FROM json_each(?1)) AND NOT EXISTS \
     (SELECT 1 FROM repository_blob a INDEXED BY repository_blob_holder WHERE a.digest = b.digest)"
}
