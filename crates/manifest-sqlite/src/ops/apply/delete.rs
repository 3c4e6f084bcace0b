use super::{Displaced, Place, Step, Stop, tags};
use crate::driver::Doing;
use crate::rows::Column;
use diesel::sql_types::{BigInt, Binary, Text};
use diesel::{OptionalExtension, RunQueryDsl, SqliteConnection};
use manifest_core::plan::Applied;
use manifest_core::time::Millis;
use oci_types::{Digest, TagName};
use std::collections::BTreeSet;

/// Marks a manifest deleted, with its alive tags and its pin. Which tags that were.
pub(super) fn delete(connection: &mut SqliteConnection, place: Place, digest: &Digest) -> Step<Displaced> {
    let Place { repository, now, .. } = place;
    let statement = UndeletedManifest { repository, digest: digest.as_bytes() };
    let row: Option<(i64,)> = statement.get_result(connection).optional().doing("looking up what to delete")?;
    let (manifest,) = row.ok_or(Stop::Refused(Applied::ManifestGone))?;

    let mut displaced = Displaced::new();
    let rows: Vec<(String, i64)> =
        TagsOfManifest { repository, manifest, now }.load(connection).doing("looking up the tags of a manifest")?;
    for (name, immutable) in rows {
        let name: TagName = Column("tag", "name").text(&name)?;
        if Column("tag", "immutable").flag(immutable)? {
            return Err(Stop::Refused(Applied::Immutable(name)));
        }
        displaced.insert(name, *digest);
    }
    let parents = parents(connection, place, digest)?;
    if !parents.is_empty() {
        return Err(Stop::Refused(Applied::ListedBy(parents)));
    }
    if !displaced.is_empty() {
        tags::end(connection, place, displaced.keys().map(TagName::as_str))?;
    }
    MarkDeleted { now, manifest }.execute(connection).doing("marking a manifest deleted")?;
    Ok(displaced)
}

/// Visible manifests that have it as a child.
fn parents(connection: &mut SqliteConnection, place: Place, digest: &Digest) -> Step<BTreeSet<Digest>> {
    let statement = VisibleParents { repository: place.repository, digest: digest.as_bytes(), now: place.now };
    let rows: Vec<(Vec<u8>,)> = statement.load(connection).doing("looking up who lists a manifest")?;
    let mut parents = BTreeSet::new();
    for (parent,) in rows {
        parents.insert(Column("manifest", "digest").digest(&parent)?);
    }
    Ok(parents)
}

statement! {
    struct UndeletedManifest<'a> { repository: i64 => BigInt, digest: &'a [u8] => Binary }
    -> (BigInt,);
    "SELECT id FROM manifest INDEXED BY manifest_digest WHERE repository_id = +?1 AND digest = +?2 AND deleted_ms IS NULL"
}

statement! {
    struct TagsOfManifest { repository: i64 => BigInt, manifest: i64 => BigInt, now: Millis => BigInt }
    -> (Text, BigInt);
    "SELECT name, immutable FROM tag INDEXED BY tag_manifest WHERE repository_id = +?1 AND manifest_id = +?2 AND expires_ms > +?3"
}

statement! {
    struct VisibleParents<'a> { repository: i64 => BigInt, digest: &'a [u8] => Binary, now: Millis => BigInt }
    -> (Binary,);
    concat!(
        "SELECT DISTINCT m.digest FROM manifest_child lists INDEXED BY manifest_child_digest CROSS JOIN manifest m \
         WHERE lists.repository_id = +?1 AND lists.digest = +?2 AND m.id = lists.manifest_id AND m.deleted_ms IS NULL AND ",
        kept!("m.repository_id", "m", "+?3", "+?3")
    )
}

statement! {
    struct MarkDeleted { now: Millis => BigInt, manifest: i64 => BigInt }
    "UPDATE manifest SET deleted_ms = +?1, pinned_until_ms = 0 WHERE id = +?2"
}
