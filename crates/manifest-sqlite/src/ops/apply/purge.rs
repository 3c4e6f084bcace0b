use super::{Displaced, Place, Step, Stop};
use crate::driver::Doing;
use crate::rows::Column;
use crate::sets;
use diesel::sql_types::{BigInt, Binary, Nullable, Text};
use diesel::{RunQueryDsl, SqliteConnection};
use manifest_core::plan::Applied;
use manifest_core::time::Millis;
use oci_types::{Digest, TagName};
use std::collections::BTreeSet;

/// Removes manifests for good, with the access rows and legacy images that only they still held. Which alive tags went with them.
pub(super) fn purge(connection: &mut SqliteConnection, place: Place, digests: &BTreeSet<Digest>) -> Step<Displaced> {
    let Place { repository, now, .. } = place;
    let purged = sets::digests(digests);
    let purged = purged.as_str();
    BuryManifests { now, purged, repository }.execute(connection).doing("burying what is to be purged")?;
    let displaced = check(connection, place, purged)?;
    ReleaseBlobs { purged, repository, now }.execute(connection).doing("releasing the blobs of purged manifests")?;
    ReleaseImages { purged, repository }.execute(connection).doing("releasing the images of purged manifests")?;
    RemoveManifests { purged, repository }.execute(connection).doing("purging manifests")?;
    Ok(displaced)
}

/// What stands in the way, by digest: an immutable tag first, then who lists it.
fn check(connection: &mut SqliteConnection, place: Place, purged: &str) -> Step<Displaced> {
    let Place { repository, now, .. } = place;
    let statement = HeldManifests { purged, repository, now };
    let rows: Vec<Row> = statement.load(connection).doing("looking up what holds purged manifests")?;
    let mut displaced = Displaced::new();
    let mut listed: Option<(Digest, BTreeSet<Digest>)> = None;
    let (mut immutable, mut last) = (None, None);
    let manifest = Column("manifest", "digest");
    for (digest, tag, flag, parent) in rows {
        let digest = manifest.digest(&digest)?;
        if last != Some(digest) && (immutable.is_some() || listed.is_some()) {
            // What comes first stands for all.
            break;
        }
        last = Some(digest);
        if let Some(parent) = parent {
            listed.get_or_insert((digest, BTreeSet::new())).1.insert(manifest.digest(&parent)?);
        }
        if let Some(tag) = tag {
            let name: TagName = Column("tag", "name").text(&tag)?;
            if Column("tag", "immutable").flag(flag.unwrap_or_default())? && immutable.is_none() {
                immutable = Some(name.clone());
            }
            displaced.insert(name, digest);
        }
    }
    match (immutable, listed) {
        (Some(name), _) => Err(Stop::Refused(Applied::Immutable(name))),
        (None, Some((_, parents))) => Err(Stop::Refused(Applied::ListedBy(parents))),
        (None, None) => Ok(displaced),
    }
}

type Row = (Vec<u8>, Option<String>, Option<i64>, Option<Vec<u8>>);

statement! {
    /// Dead, they make nothing visible any more.
    struct BuryManifests<'a> { now: Millis => BigInt, purged: &'a str => Text, repository: i64 => BigInt }
    "UPDATE manifest SET deleted_ms = +?1 WHERE id IN (\
     SELECT m.id FROM json_each(?2) j CROSS JOIN manifest m INDEXED BY manifest_digest \
     WHERE m.repository_id = +?3 AND m.digest = unhex(j.value)) AND (deleted_ms IS NULL OR deleted_ms > +?1)"
}

statement! {
    /// For each manifest in the order of the digests: its alive tags by name, and the visible manifests that list it and stay.
    struct HeldManifests<'a> { purged: &'a str => Text, repository: i64 => BigInt, now: Millis => BigInt }
    -> (Binary, Nullable<Text>, Nullable<BigInt>, Nullable<Binary>);
    concat!(
        "WITH purged (digest) AS MATERIALIZED (SELECT unhex(value) FROM json_each(?1)) \
         SELECT m.digest, t.name, t.immutable, NULL FROM purged CROSS JOIN manifest m INDEXED BY manifest_digest \
         CROSS JOIN tag t INDEXED BY tag_manifest WHERE m.repository_id = +?2 AND m.digest = purged.digest \
         AND t.repository_id = +?2 AND t.manifest_id = m.id AND t.expires_ms > +?3 \
         UNION \
         SELECT purged.digest, NULL, NULL, m.digest FROM purged CROSS JOIN manifest_child lists INDEXED BY manifest_child_digest \
         CROSS JOIN manifest m WHERE lists.repository_id = +?2 AND lists.digest = purged.digest AND m.id = lists.manifest_id \
         AND m.deleted_ms IS NULL AND m.digest NOT IN purged \
         AND EXISTS (SELECT 1 FROM manifest c INDEXED BY manifest_digest WHERE c.repository_id = +?2 AND c.digest = purged.digest) AND ",
        kept!("m.repository_id", "m", "+?3", "+?3"),
        " ORDER BY 1, 2, 4"
    )
}

statement! {
    /// Access rows whose lease is over and whose blob no other manifest row links.
    struct ReleaseBlobs<'a> { purged: &'a str => Text, repository: i64 => BigInt, now: Millis => BigInt }
    concat!(
        "WITH purged (id) AS MATERIALIZED (\
         SELECT m.id FROM json_each(?1) j CROSS JOIN manifest m INDEXED BY manifest_digest \
         WHERE m.repository_id = +?2 AND m.digest = unhex(j.value)) \
         DELETE FROM repository_blob AS b WHERE b.repository_id = +?2 AND b.digest IN \
         (SELECT l.digest FROM purged CROSS JOIN manifest_blob l WHERE l.repository_id = +?2 AND l.manifest_id = purged.id) AND ",
        released!("b", "+?3")
    )
}

statement! {
    /// Images of theirs and all below those, which no other manifest row has, nor one above them.
    struct ReleaseImages<'a> { purged: &'a str => Text, repository: i64 => BigInt }
    concat!(
        "WITH RECURSIVE purged (id) AS MATERIALIZED (\
         SELECT m.id FROM json_each(?1) j CROSS JOIN manifest m INDEXED BY manifest_digest \
         WHERE m.repository_id = +?2 AND m.digest = unhex(j.value)), \
         span (id) AS (SELECT m.legacy_image FROM purged CROSS JOIN manifest m WHERE m.id = purged.id \
         UNION SELECT p.parent FROM span CROSS JOIN legacy_image p \
         WHERE p.repository_id = +?2 AND p.v1_id = span.id) \
         DELETE FROM legacy_image AS i WHERE i.repository_id = +?2 AND i.v1_id IN (SELECT id FROM span) AND NOT ",
        image_reached!("i.repository_id", "i.v1_id", "tm.id NOT IN purged")
    )
}

statement! {
    /// What hangs on them goes by trigger.
    struct RemoveManifests<'a> { purged: &'a str => Text, repository: i64 => BigInt }
    "DELETE FROM manifest WHERE id IN (\
     SELECT m.id FROM json_each(?1) j CROSS JOIN manifest m INDEXED BY manifest_digest \
     WHERE m.repository_id = +?2 AND m.digest = unhex(j.value))"
}
