use super::{Bounds, Keys, Looked, cursor};
use crate::store::PostgresStore;
use diesel::sql_types::{BigInt, Binary, Bool, Nullable, Text};
use manifest_core::error::Port;
use manifest_core::ports::{Doomed, SweepCursor};
use manifest_core::stored::Column;
use manifest_core::time::Millis;

/// Walks every manifest, `REPOSITORY:ID`: what was written down as a candidate could be forgotten.
pub(super) async fn look(store: &PostgresStore, bounds: Bounds, after: Option<&SweepCursor>) -> Port<Looked> {
    let (repository, after) = match cursor::parts(after)? {
        Some([repository, id]) => (cursor::part(repository)?, cursor::part(id)?),
        None => (0, 0),
    };
    let Bounds { now, window, rows: limit, .. } = bounds;
    let statement = LookAtManifests { window, now, repository, after, limit };
    let rows: Vec<Row> = store.rows(statement, "looking for manifests to collect").await?;
    let next = cursor::next(&rows, limit, |(repository, id, ..)| Ok(format!("{repository}:{id}")))?;
    let doomed_rows = rows.into_iter().filter(|(.., is_doomed, _)| *is_doomed);
    let (mut doomed, mut keys) = (Vec::new(), Vec::new());
    for (repository_id, id, repository, digest, _, since) in doomed_rows {
        doomed.push(Doomed {
            repository: Some(Column("repository", "name").text(&repository)?),
            what: Column("manifest", "digest").digest(&digest)?.to_string(),
            since,
            bytes: 0,
        });
        keys.push((repository_id, id));
    }
    Ok(Looked { doomed, keys: Keys::Manifests(keys), next })
}

/// The repository's id, the manifest's id, the repository's name, the digest, whether it is doomed, and since when.
type Row = (i64, i64, String, Vec<u8>, bool, Option<Millis>);

statement! {
    /// A row for each manifest behind the cursor: whether it is not retained, and since when nothing keeps it. The rows of a
    /// repository that is being deleted go with it.
    struct LookAtManifests {
        window: Millis => BigInt,
        now: Millis => BigInt,
        repository: i64 => BigInt,
        after: i64 => BigInt,
        limit: i64 => BigInt,
    }
    -> (BigInt, BigInt, Text, Binary, Bool, Nullable<BigInt>);
    concat!(
        "WITH seen AS MATERIALIZED (SELECT m.repository_id, m.id, ",
        repository_of!("m", "name"),
        " AS name, m.digest, m.subject, m.pinned_until_ms, m.deleted_ms, ",
        repository_of!("m", "state <> 2"),
        " AND NOT ",
        retained!("m.repository_id", "m", "$1", "$2"),
        " AS is_doomed FROM manifest m WHERE (m.repository_id, m.id) > ($3, $4) ORDER BY m.repository_id, m.id LIMIT $5) \
         SELECT seen.repository_id, seen.id, seen.name, seen.digest, seen.is_doomed, \
         CASE WHEN NOT seen.is_doomed THEN NULL WHEN seen.deleted_ms <= $1 THEN seen.deleted_ms ELSE (",
        kin!("seen.repository_id", "seen", "$1"),
        " SELECT max(greatest(nullif(near.pinned_until_ms, 0), \
         (SELECT max(t.expires_ms) FROM tag t WHERE t.repository_id = seen.repository_id AND t.manifest_id = near.id), \
         (SELECT max(h.end_ms) FROM tag_history h WHERE h.repository_id = seen.repository_id AND h.manifest_id = near.id))) \
         FROM (SELECT * FROM kin LIMIT 1002) near) END FROM seen ORDER BY seen.repository_id, seen.id"
    )
}
