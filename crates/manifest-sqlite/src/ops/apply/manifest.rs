use super::labels::{self, InsertLabels};
use super::{ManifestRow, Place, Step, Stop, images};
use crate::driver::Doing;
use crate::rows::{Column, stored_size};
use crate::sets;
use diesel::sql_types::{BigInt, Binary, Nullable, Text};
use diesel::{RunQueryDsl, SqliteConnection};
use manifest_core::access::Actor;
use manifest_core::empty_layer;
use manifest_core::legacy::LegacyImage;
use manifest_core::plan::{Applied, ChildLink, ManifestChange, Need, NewManifest, Plan};
use manifest_core::stored;
use manifest_core::time::Millis;
use oci_types::Digest;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// What hangs on a manifest, as the statements take it.
#[derive(Debug)]
pub(super) struct Links {
    blobs: String,
    children: String,
    labels: String,
}

impl Links {
    pub(super) fn new(new: &NewManifest) -> Self {
        let blobs = new.blobs.iter().map(|(digest, need)| (*digest, required(*need)));
        let child = |child: &ChildLink| {
            let platform = child.platform.as_ref().map(stored::platform_to_text);
            json!([sets::hex_text(child.digest.as_bytes()), required(child.need), platform])
        };
        Self {
            blobs: sets::numbers(&blobs.collect()),
            children: new.children.iter().map(child).collect::<Value>().to_string(),
            labels: labels::bound(&new.labels),
        }
    }
}

fn required(need: Need) -> i64 {
    match need {
        Need::Required => 1,
        Need::MayBeAbsent => 0,
    }
}

/// Creates, keeps or revives the plan's manifest, and checks what it requires. Whether it is new. `unknown` are those of its legacy images
/// that may have to be stored.
pub(super) fn change(
    connection: &mut SqliteConnection,
    place: Place,
    plan: &Plan,
    change: &ManifestChange,
    links: Option<&Links>,
    unknown: &[&LegacyImage],
    row: Option<ManifestRow>,
) -> Step<bool> {
    let (id, created, shared) = match (row, change, links) {
        (Some(row), _, _) => (row.id, false, None),
        (None, ManifestChange::Create(new), Some(links)) => {
            let id = create(connection, place, plan, new, links)?;
            let is_all_new = images::store(connection, place, unknown)?;
            (id, true, (!is_all_new).then(|| images::bound(unknown)))
        }
        (None, ManifestChange::Create(_) | ManifestChange::Keep(_), _) => {
            return Err(Stop::Refused(Applied::ManifestGone));
        }
    };
    // While an undeleted manifest links it, access to the layer cannot be removed.
    let revived = row.is_some_and(|row| row.deleted);
    let brings_empty_layer = matches!(change, ManifestChange::Create(new) if created && new.empty_layer);
    if revived || brings_empty_layer {
        grant_empty_layer(connection, place, id)?;
    }
    check_required(connection, place, id, shared.as_deref().unwrap_or(NONE))?;
    if revived {
        Revive { id }.execute(connection).doing("reviving a manifest")?;
    }
    Ok(created)
}

/// No legacy images.
const NONE: &str = "[]";

/// The row's id.
fn create(connection: &mut SqliteConnection, place: Place, plan: &Plan, new: &NewManifest, links: &Links) -> Step<i64> {
    let repository = place.repository;
    let shown = new.subject.is_some() && !new.annotations.is_empty();
    let annotations = shown.then(|| stored::annotations_to_text(&new.annotations));
    let platform = new.platform.as_ref().map(stored::platform_to_text);
    let image = new.legacy_image.as_deref().map(stored::nul_free);
    let statement = InsertManifest {
        repository,
        digest: new.digest.as_bytes(),
        media_type: new.media_type.as_str(),
        subject: new.subject.as_ref().map(Digest::as_bytes),
        artifact_type: new.artifact_type.as_deref(),
        annotations: annotations.as_deref(),
        platform: platform.as_deref(),
        image_created: new.image_created,
        layers_size: new.layers_size.map(stored_size),
        expires_after: new.acting.expires_after,
        immutable: i64::from(new.acting.immutable),
        now: plan.now,
        actor: plan.actor.as_ref().map(Actor::as_str),
        image: image.as_deref(),
        bytes: &new.bytes,
    };
    let (manifest,): (i64,) = statement.get_result(connection).doing("storing a manifest")?;
    let Links { blobs, children, labels } = links;
    InsertBlobs { repository, manifest, blobs }.execute(connection).doing("linking blobs")?;
    InsertChildren { repository, manifest, children }.execute(connection).doing("linking children")?;
    InsertLabels { repository, manifest, labels }.execute(connection).doing("storing labels")?;
    Ok(manifest)
}

/// The shared empty layer is never uploaded, so the manifest that has it brings its access row along.
fn grant_empty_layer(connection: &mut SqliteConnection, place: Place, manifest: i64) -> Step<()> {
    let digest = empty_layer::digest();
    let statement =
        GrantEmptyLayer { repository: place.repository, now: place.now, digest: digest.as_bytes(), manifest };
    statement.execute(connection).doing("granting the empty layer")?;
    Ok(())
}

/// By the stored links, so that it is the same for a manifest that was there; and whether those legacy images stand for what a new one
/// says of them.
fn check_required(connection: &mut SqliteConnection, place: Place, manifest: i64, images: &str) -> Step<()> {
    let statement = Missing { repository: place.repository, manifest, images };
    let rows: Vec<(i64, Option<Vec<u8>>, Option<String>)> =
        statement.load(connection).doing("checking what a manifest requires")?;
    let (mut blobs, mut children, mut taken) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for (kind, digest, image) in rows {
        let digest_in = |table| Column(table, "digest").digest(&Column(table, "digest").present(digest)?);
        match kind {
            0 => _ = blobs.insert(digest_in("manifest_blob")?),
            1 => _ = children.insert(digest_in("manifest_child")?),
            _ => {
                let column = Column("legacy_image", "v1_id");
                taken.insert(column.nul_free(&column.present(image)?)?);
            }
        }
    }
    if !blobs.is_empty() {
        return Err(Stop::Refused(Applied::MissingBlobs(blobs)));
    }
    if !children.is_empty() {
        return Err(Stop::Refused(Applied::MissingChildren(children)));
    }
    if !taken.is_empty() {
        return Err(Stop::Refused(Applied::ImagesTaken(taken)));
    }
    Ok(())
}

statement! {
    struct InsertManifest<'a> {
        repository: i64 => BigInt,
        digest: &'a [u8] => Binary,
        media_type: &'a str => Text,
        subject: Option<&'a [u8]> => Nullable<Binary>,
        artifact_type: Option<&'a str> => Nullable<Text>,
        annotations: Option<&'a str> => Nullable<Text>,
        platform: Option<&'a str> => Nullable<Text>,
        image_created: Option<Millis> => Nullable<BigInt>,
        layers_size: Option<i64> => Nullable<BigInt>,
        expires_after: Option<i64> => Nullable<BigInt>,
        immutable: i64 => BigInt,
        now: Millis => BigInt,
        actor: Option<&'a str> => Nullable<Text>,
        image: Option<&'a str> => Nullable<Text>,
        bytes: &'a [u8] => Binary,
    }
    -> (BigInt,);
    "INSERT INTO manifest (repository_id, digest, media_type, subject, artifact_type, annotations, platform, \
     image_created_ms, layers_size, expires_after_ms, immutable, created_ms, actor, legacy_image, bytes) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15) RETURNING id"
}

statement! {
    struct InsertBlobs<'a> { repository: i64 => BigInt, manifest: i64 => BigInt, blobs: &'a str => Text }
    "INSERT OR FAIL INTO manifest_blob (repository_id, manifest_id, digest, required) \
     SELECT +?1, +?2, unhex(j.key), j.value FROM json_each(?3) j"
}

statement! {
    struct InsertChildren<'a> { repository: i64 => BigInt, manifest: i64 => BigInt, children: &'a str => Text }
    "INSERT OR FAIL INTO manifest_child (repository_id, manifest_id, position, digest, required, platform) \
     SELECT +?1, +?2, j.key, unhex(j.value->>0), j.value->>1, j.value->>2 FROM json_each(?3) j"
}

statement! {
    /// The lease is over at once: the manifest's link is what grants.
    struct GrantEmptyLayer<'a> {
        repository: i64 => BigInt,
        now: Millis => BigInt,
        digest: &'a [u8] => Binary,
        manifest: i64 => BigInt,
    }
    "INSERT INTO repository_blob (repository_id, digest, size, location, lease_until_ms) \
     SELECT +?1, digest, size, location, +?2 FROM blob WHERE digest = +?3 \
     AND EXISTS (SELECT 1 FROM manifest_blob l WHERE l.repository_id = +?1 AND l.manifest_id = +?4 AND l.digest = +?3) \
     ON CONFLICT DO NOTHING"
}

statement! {
    /// Required blobs without an access row (0), required children without an undeleted row (1), and those of the legacy images that stand
    /// for something else (2).
    struct Missing<'a> { repository: i64 => BigInt, manifest: i64 => BigInt, images: &'a str => Text }
    -> (BigInt, Nullable<Binary>, Nullable<Text>);
    "SELECT 0, l.digest, NULL FROM manifest_blob l WHERE l.repository_id = +?1 AND l.manifest_id = +?2 AND l.required \
     AND NOT EXISTS (SELECT 1 FROM repository_blob b WHERE b.repository_id = +?1 AND b.digest = l.digest) \
     UNION ALL \
     SELECT 1, c.digest, NULL FROM manifest_child c WHERE c.repository_id = +?1 AND c.manifest_id = +?2 AND c.required \
     AND NOT EXISTS (SELECT 1 FROM manifest m INDEXED BY manifest_digest \
     WHERE m.repository_id = +?1 AND m.digest = c.digest AND m.deleted_ms IS NULL) \
     UNION ALL \
     SELECT 2, NULL, i.v1_id FROM json_each(?3) j CROSS JOIN legacy_image i \
     WHERE i.repository_id = +?1 AND i.v1_id = (j.value->>0) \
     AND (i.parent IS NOT (j.value->>1) OR i.aggregate_size IS NOT (j.value->>5) OR i.blob IS NOT unhex(j.value->>6))"
}

statement! {
    struct Revive { id: i64 => BigInt }
    "UPDATE manifest SET deleted_ms = NULL WHERE id = +?1"
}
