use super::{Bounds, Looked, cursor};
use crate::driver::Doing;
use crate::rows::Column;
use diesel::sql_types::{BigInt, Binary, Bool, Nullable, Text};
use diesel::{RunQueryDsl, SqliteConnection};
use manifest_core::error::Port;
use manifest_core::ports::{Doomed, SweepCursor};
use manifest_core::time::Millis;

/// Walks every manifest by its id: what was written down as a candidate could be forgotten.
pub(super) fn look(connection: &mut SqliteConnection, bounds: Bounds, after: Option<&SweepCursor>) -> Port<Looked> {
    let after = match cursor::parts(after)? {
        Some([id]) => cursor::part(id)?,
        None => 0,
    };
    let Bounds { now, window, rows: limit, .. } = bounds;
    let rows: Vec<Row> =
        LookAtManifests { window, now, after, limit }.load(connection).doing("looking for manifests to collect")?;
    let next = cursor::next(&rows, limit, |(id, ..)| Ok(id.to_string()))?;
    let doomed_rows = rows.into_iter().filter(|(.., is_doomed, _)| *is_doomed);
    let (mut doomed, mut keys) = (Vec::new(), Vec::new());
    for (id, repository, digest, _, since) in doomed_rows {
        doomed.push(Doomed {
            repository: Some(Column("repository", "name").text(&repository)?),
            what: Column("manifest", "digest").digest(&digest)?.to_string(),
            since,
            bytes: 0,
        });
        keys.push(serde_json::Value::from(id));
    }
    Ok(Looked { doomed, keys: serde_json::Value::from(keys).to_string(), next })
}

/// What hangs on a manifest goes with it by trigger.
pub(super) fn remove(connection: &mut SqliteConnection, bounds: Bounds, ids: &str) -> Port<usize> {
    let Bounds { now, window, .. } = bounds;
    RemoveUnretained { ids, window, now }.execute(connection).doing("collecting manifests")
}

type Row = (i64, String, Vec<u8>, bool, Option<Millis>);

statement! {
    /// A row for each manifest behind the cursor: whether it is not retained, and since when nothing keeps it. The rows of a
    /// repository that is being deleted go with it.
    struct LookAtManifests { window: Millis => BigInt, now: Millis => BigInt, after: i64 => BigInt, limit: i64 => BigInt }
    -> (BigInt, Text, Binary, Bool, Nullable<BigInt>);
    concat!(
        "WITH seen AS MATERIALIZED (SELECT m.id, ",
        repository_of!("m", "name"),
        " AS name, m.digest, m.subject, m.pinned_until_ms, m.deleted_ms, m.repository_id, ",
        repository_of!("m", "state <> 2"),
        " AND NOT ",
        retained!("m.repository_id", "m", "+?1", "+?2"),
        " AS is_doomed FROM manifest m WHERE m.id > +?3 ORDER BY m.id LIMIT +?4) \
         SELECT seen.id, seen.name, seen.digest, seen.is_doomed, CASE WHEN NOT seen.is_doomed THEN NULL WHEN seen.deleted_ms <= +?1 THEN seen.deleted_ms ELSE (",
        kin!("seen.repository_id", "seen", "+?1", "1002"),
        " SELECT max(ended) FROM (SELECT nullif(pinned_until_ms, 0) AS ended FROM kin UNION ALL \
         SELECT t.expires_ms FROM kin CROSS JOIN tag t INDEXED BY tag_manifest WHERE t.repository_id = seen.repository_id AND t.manifest_id = kin.id UNION ALL \
         SELECT h.end_ms FROM kin CROSS JOIN tag_history h INDEXED BY tag_history_manifest \
         WHERE h.repository_id = seen.repository_id AND h.manifest_id = kin.id)) END FROM seen"
    )
}

statement! {
    struct RemoveUnretained<'a> { ids: &'a str => Text, window: Millis => BigInt, now: Millis => BigInt }
    concat!(
        "DELETE FROM manifest AS m WHERE m.id IN (SELECT value FROM json_each(?1)) AND NOT ",
        retained!("m.repository_id", "m", "+?2", "+?3")
    )
}
