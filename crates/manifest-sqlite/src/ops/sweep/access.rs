use super::{Bounds, Looked, cursor};
use crate::driver::Doing;
use crate::rows::Column;
use crate::sets;
use diesel::sql_types::{BigInt, Binary, Bool, Text};
use diesel::{RunQueryDsl, SqliteConnection};
use manifest_core::error::Port;
use manifest_core::ports::{Doomed, SweepCursor};
use manifest_core::time::Millis;
use oci_types::Digest;
use serde_json::{Value, json};

/// Walks the access rows, `REPOSITORY:DIGEST`.
pub(super) fn look(connection: &mut SqliteConnection, bounds: Bounds, after: Option<&SweepCursor>) -> Port<Looked> {
    let (repository, after): (i64, Option<Digest>) = match cursor::parts(after)? {
        Some([repository, digest]) => (cursor::part(repository)?, Some(cursor::part(digest)?)),
        None => (0, None),
    };
    let Bounds { lease, rows: limit, .. } = bounds;
    let digest = after.as_ref().map_or(&[][..], Digest::as_bytes);
    let rows: Vec<Row> = LookAtAccess { lease, repository, digest, limit }
        .load(connection)
        .doing("looking for blobs that nothing links")?;
    let column = Column("repository_blob", "digest");
    let next = cursor::next(&rows, limit, |(repository, _, digest, ..)| {
        Ok(format!("{repository}:{}", column.digest(digest)?))
    })?;
    let (mut doomed, mut keys) = (Vec::new(), Vec::new());
    for (id, repository, digest, lease, _) in rows.into_iter().filter(|(.., is_doomed)| *is_doomed) {
        doomed.push(Doomed {
            repository: Some(Column("repository", "name").text(&repository)?),
            what: column.digest(&digest)?.to_string(),
            since: Some(lease),
            bytes: 0,
        });
        keys.push(json!([id, sets::hex_text(&digest)]));
    }
    Ok(Looked { doomed, keys: Value::from(keys).to_string(), next })
}

pub(super) fn remove(connection: &mut SqliteConnection, bounds: Bounds, keys: &str) -> Port<usize> {
    let Bounds { lease, .. } = bounds;
    RemoveUnlinked { keys, lease }.execute(connection).doing("removing access to blobs that nothing links")
}

/// The repository's id and name, the digest, the lease, and whether it is doomed.
type Row = (i64, String, Vec<u8>, Millis, bool);

/// Whether the lease had ended by then and no manifest row, deleted or not, links the blob.
macro_rules! unlinked {
    ($access:literal, $lease:literal) => {
        concat!(
            "(",
            $access,
            ".lease_until_ms <= ",
            $lease,
            " AND NOT EXISTS (SELECT 1 FROM manifest_blob l INDEXED BY manifest_blob_digest WHERE l.repository_id = ",
            $access,
            ".repository_id AND l.digest = ",
            $access,
            ".digest))"
        )
    };
}

statement! {
    /// The rows of a repository that is being deleted go with it.
    struct LookAtAccess<'a> { lease: Millis => BigInt, repository: i64 => BigInt, digest: &'a [u8] => Binary, limit: i64 => BigInt }
    -> (BigInt, Text, Binary, BigInt, Bool);
    concat!(
        "SELECT b.repository_id, ", repository_of!("b", "name"), ", b.digest, b.lease_until_ms, ", repository_of!("b", "state <> 2"), " AND ",
        unlinked!("b", "+?1"),
        " FROM repository_blob b WHERE (b.repository_id, b.digest) > (+?2, +?3) \
         ORDER BY b.repository_id, b.digest LIMIT +?4"
    )
}

statement! {
    struct RemoveUnlinked<'a> { keys: &'a str => Text, lease: Millis => BigInt }
    concat!(
        "DELETE FROM repository_blob AS b WHERE (b.repository_id, b.digest) IN \
         (SELECT value->>0, unhex(value->>1) FROM json_each(?1)) AND ",
        unlinked!("b", "+?2")
    )
}
