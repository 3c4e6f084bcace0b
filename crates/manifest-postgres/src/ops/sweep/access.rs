use super::{Bounds, Keys, Looked, cursor};
use crate::store::PostgresStore;
use diesel::sql_types::{BigInt, Binary, Bool, Text};
use manifest_core::error::Port;
use manifest_core::ports::{Doomed, SweepCursor};
use manifest_core::stored::Column;
use manifest_core::time::Millis;
use oci_types::Digest;

/// Walks the access rows, `REPOSITORY:DIGEST`.
pub(super) async fn look(store: &PostgresStore, bounds: Bounds, after: Option<&SweepCursor>) -> Port<Looked> {
    let (repository, after): (i64, Option<Digest>) = match cursor::parts(after)? {
        Some([repository, digest]) => (cursor::part(repository)?, Some(cursor::part(digest)?)),
        None => (0, None),
    };
    let Bounds { lease, rows: limit, .. } = bounds;
    let digest = after.as_ref().map_or(&[][..], Digest::as_bytes);
    let statement = LookAtAccess { lease, repository, digest, limit };
    let rows: Vec<Row> = store.rows(statement, "looking for blobs that nothing links").await?;
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
        keys.push((id, digest));
    }
    Ok(Looked { doomed, keys: Keys::Access(keys), next })
}

/// The repository's id and name, the digest, the lease, and whether it is doomed.
type Row = (i64, String, Vec<u8>, Millis, bool);

statement! {
    /// The lease had ended by then and no manifest row, deleted or not, links the blob. The rows of a repository that is being deleted
    /// go with it.
    struct LookAtAccess<'a> { lease: Millis => BigInt, repository: i64 => BigInt, digest: &'a [u8] => Binary, limit: i64 => BigInt }
    -> (BigInt, Text, Binary, BigInt, Bool);
    concat!(
        "SELECT b.repository_id, ", repository_of!("b", "name"), ", b.digest, b.lease_until_ms, ", repository_of!("b", "state <> 2"),
        " AND b.lease_until_ms <= $1 AND NOT EXISTS (SELECT 1 FROM manifest_blob l \
         WHERE l.repository_id = b.repository_id AND l.digest = b.digest OFFSET 0) \
         FROM repository_blob b WHERE (b.repository_id, b.digest) > ($2, $3) ORDER BY b.repository_id, b.digest LIMIT $4"
    )
}
