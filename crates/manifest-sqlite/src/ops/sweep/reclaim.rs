use crate::driver::Doing;
use crate::rows::Column;
use crate::sets;
use diesel::sql_types::{BigInt, Binary, Text};
use diesel::{RunQueryDsl, SqliteConnection};
use manifest_core::empty_layer;
use manifest_core::error::Port;
use manifest_core::ports::Reclaim;
use manifest_core::time::Millis;
use oci_types::{Digest, RepositoryName};

/// What purging these manifests would free.
pub(crate) fn freed_by(
    connection: &mut SqliteConnection,
    repository: &RepositoryName,
    digests: &[Digest],
    now: Millis,
) -> Port<Reclaim> {
    let (purged, empty_layer) = (sets::digests(digests), empty_layer::digest());
    let statement =
        FreedBy { repository: repository.as_str(), purged: &purged, now, empty_layer: empty_layer.as_bytes() };
    let row: Row = statement.get_result(connection).doing("counting what a purge would free")?;
    read(row)
}

/// What a whole collection would free. Looks at every row.
pub(crate) fn reclaimable(connection: &mut SqliteConnection, now: Millis, window: i64, grace: i64) -> Port<Reclaim> {
    let empty_layer = empty_layer::digest();
    let statement = Reclaimable {
        window: now.saturating_sub(window),
        now,
        empty_layer: empty_layer.as_bytes(),
        lease: now.saturating_sub(grace),
    };
    let row: Row = statement.get_result(connection).doing("counting what a collection would free")?;
    read(row)
}

type Row = (i64, i64, i64);

fn read((manifests, blobs, bytes): Row) -> Port<Reclaim> {
    Ok(Reclaim {
        manifests: Column("manifest", "count(*)").size(manifests)?,
        blobs: Column("blob", "count(*)").size(blobs)?,
        bytes: Column("blob", "size").size(bytes)?,
    })
}

statement! {
    /// Blobs whose access row in the repository the purge would release, and which no other repository has.
    struct FreedBy<'a> { repository: &'a str => Text, purged: &'a str => Text, now: Millis => BigInt, empty_layer: &'a [u8] => Binary }
    -> (BigInt, BigInt, BigInt);
    concat!(
        "WITH here (id) AS MATERIALIZED (SELECT id FROM repository INDEXED BY repository_name WHERE name = +?1 AND state <> 2), \
         purged (id) AS MATERIALIZED (SELECT DISTINCT m.id FROM here CROSS JOIN json_each(?2) j CROSS JOIN manifest m INDEXED BY manifest_digest \
         WHERE m.repository_id = here.id AND m.digest = unhex(j.value)), \
         freed (digest, size) AS MATERIALIZED (SELECT DISTINCT b.digest, b.size \
         FROM here CROSS JOIN purged CROSS JOIN manifest_blob l CROSS JOIN repository_blob b \
         WHERE l.repository_id = here.id AND l.manifest_id = purged.id AND b.repository_id = here.id AND b.digest = l.digest AND ",
        released!("b", "+?3"),
        " AND b.digest <> +?4 AND NOT EXISTS (SELECT 1 FROM repository_blob o INDEXED BY repository_blob_holder \
         WHERE o.digest = b.digest AND o.repository_id <> here.id)) \
         SELECT (SELECT count(*) FROM purged), count(*), coalesce(sum(size), 0) FROM freed"
    )
}

statement! {
    /// Blobs to which no access row would be left: neither by its lease, nor by a manifest that stays.
    struct Reclaimable<'a> { window: Millis => BigInt, now: Millis => BigInt, empty_layer: &'a [u8] => Binary, lease: Millis => BigInt }
    -> (BigInt, BigInt, BigInt);
    concat!(
        "WITH gone (id) AS MATERIALIZED (SELECT m.id FROM manifest m CROSS JOIN repository r \
         WHERE r.id = m.repository_id AND (r.state = 2 OR NOT ", retained!("m.repository_id", "m", "+?1", "+?2"),
        ")) SELECT (SELECT count(*) FROM gone), count(*), coalesce(sum(b.size), 0) FROM blob b WHERE b.digest <> +?3 AND NOT EXISTS \
         (SELECT 1 FROM repository_blob a INDEXED BY repository_blob_holder CROSS JOIN repository r \
         WHERE a.digest = b.digest AND r.id = a.repository_id AND r.state <> 2 AND (a.lease_until_ms > +?4 OR EXISTS \
         (SELECT 1 FROM manifest_blob l INDEXED BY manifest_blob_digest \
         WHERE l.repository_id = a.repository_id AND l.digest = a.digest AND l.manifest_id NOT IN gone)))"
    )
}
