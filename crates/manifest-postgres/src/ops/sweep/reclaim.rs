use crate::sets;
use crate::store::PostgresStore;
use diesel::sql_types::{Array, BigInt, Binary, Text};
use manifest_core::empty_layer;
use manifest_core::error::Port;
use manifest_core::ports::Reclaim;
use manifest_core::stored::Column;
use manifest_core::time::Millis;
use oci_types::{Digest, RepositoryName};

/// What purging these manifests would free.
pub(crate) async fn freed_by(
    store: &PostgresStore,
    repository: &RepositoryName,
    digests: &[Digest],
    now: Millis,
) -> Port<Reclaim> {
    let (purged, empty_layer) = (sets::digests(digests), empty_layer::digest());
    let statement =
        FreedBy { repository: repository.as_str(), purged: &purged, now, empty_layer: empty_layer.as_bytes() };
    read(store.row(statement, "counting what a purge would free").await?)
}

/// What a whole collection would free. Looks at every row.
pub(crate) async fn reclaimable(store: &PostgresStore, now: Millis, window: i64, grace: i64) -> Port<Reclaim> {
    let empty_layer = empty_layer::digest();
    let statement = Reclaimable {
        window: now.saturating_sub(window),
        now,
        lease: now.saturating_sub(grace),
        empty_layer: empty_layer.as_bytes(),
    };
    read(store.row(statement, "counting what a collection would free").await?)
}

/// How many manifests, how many blobs, and the sum of their sizes, as large as it can be where it is too large.
type Row = (i64, i64, i64);

fn read(row: Option<Row>) -> Port<Reclaim> {
    // Counting answers a row, and counting nothing answers zeros.
    let (manifests, blobs, bytes) = row.unwrap_or_default();
    Ok(Reclaim {
        manifests: Column("manifest", "count(*)").size(manifests)?,
        blobs: Column("blob", "count(*)").size(blobs)?,
        bytes: Column("blob", "size").size(bytes)?,
    })
}

statement! {
    /// Blobs whose access row in the repository the purge would release, and which no other repository has.
    struct FreedBy<'a> {
        repository: &'a str => Text,
        purged: &'a [&'a [u8]] => Array<Binary>,
        now: Millis => BigInt,
        empty_layer: &'a [u8] => Binary,
    }
    -> (BigInt, BigInt, BigInt);
    concat!(
        "WITH here (id) AS MATERIALIZED (SELECT id FROM repository WHERE name = $1 AND state <> 2), \
         purged (id) AS MATERIALIZED (SELECT DISTINCT m.id FROM here CROSS JOIN unnest($2) named (digest) \
         JOIN manifest m ON m.repository_id = here.id AND m.digest = named.digest), \
         freed (digest, size) AS MATERIALIZED (SELECT DISTINCT b.digest, b.size FROM here CROSS JOIN purged \
         JOIN manifest_blob l ON l.repository_id = here.id AND l.manifest_id = purged.id \
         JOIN repository_blob b ON b.repository_id = here.id AND b.digest = l.digest WHERE ",
        released!("b", "$3"),
        " AND b.digest <> $4 AND NOT EXISTS (SELECT 1 FROM repository_blob o \
         WHERE o.digest = b.digest AND o.repository_id <> here.id OFFSET 0)) \
         SELECT (SELECT count(*) FROM purged), count(*), least(coalesce(sum(size), 0), 9223372036854775807)::bigint FROM freed"
    )
}

statement! {
    /// Blobs to which no access row would be left: neither by its lease, nor by a manifest that stays.
    struct Reclaimable<'a> { window: Millis => BigInt, now: Millis => BigInt, lease: Millis => BigInt, empty_layer: &'a [u8] => Binary }
    -> (BigInt, BigInt, BigInt);
    concat!(
        "WITH gone (repository_id, id) AS MATERIALIZED (SELECT m.repository_id, m.id FROM manifest m \
         JOIN repository r ON r.id = m.repository_id WHERE r.state = 2 OR NOT ",
        retained!("m.repository_id", "m", "$1", "$2"),
        "), \
         linked (repository_id, digest) AS (SELECT DISTINCT l.repository_id, l.digest FROM manifest_blob l \
         LEFT JOIN gone ON gone.repository_id = l.repository_id AND gone.id = l.manifest_id WHERE gone.id IS NULL), \
         held (digest) AS (SELECT a.digest FROM repository_blob a JOIN repository r ON r.id = a.repository_id AND r.state <> 2 \
         LEFT JOIN linked ON linked.repository_id = a.repository_id AND linked.digest = a.digest \
         WHERE a.lease_until_ms > $3 OR linked.digest IS NOT NULL) \
         SELECT (SELECT count(*) FROM gone), count(*), least(coalesce(sum(b.size), 0), 9223372036854775807)::bigint \
         FROM blob b WHERE b.digest <> $4 AND NOT EXISTS (SELECT 1 FROM held WHERE held.digest = b.digest)"
    )
}
