use super::form::{Form, Place, number, stored};
use crate::ops::labels;
use crate::store::PostgresStore;
use diesel::sql_types::{BigInt, Binary, Bool, Integer, Nullable, SmallInt, Text};
use manifest_core::error::Port;
use manifest_core::plan::LabelSource;
use manifest_core::ports::Record;
use manifest_core::stored::{Column, platform_to_text};
use oci_types::{Digest, MediaType};

pub(super) async fn manifests(store: &PostgresStore, place: &Place<'_>, limit: i64) -> Port<Vec<Record>> {
    let (after, _) = place.digest();
    let statement = ManifestRecords { repository: place.id, after: &after, limit };
    let rows: Vec<ManifestRow> = store.rows(statement, "listing manifests").await?;
    rows.into_iter().map(|row| manifest(place, row)).collect()
}

fn manifest(place: &Place<'_>, (head, image, life): ManifestRow) -> Port<Record> {
    let (digest, media_type, size, subject, artifact_type) = head;
    let (platform, image_created, layers_size, expires_after, immutable) = image;
    let (pinned_until, deleted, created, actor, image) = life;
    let column = |column| Column("manifest", column);
    let media_type: MediaType = column("media_type").text(&media_type)?;
    Ok(Form::new(place.key('@', column("digest").digest(&digest)?))
        .with("media_type", media_type)
        .with("size", column("bytes").size(size.into())?)
        .with_some("subject", column("subject").optional_digest(subject)?)
        .with_some("artifact_type", column("artifact_type").optional_utf8(artifact_type)?)
        .with_some("platform", column("platform").platform(platform)?.as_ref().map(platform_to_text))
        .with_some("image_created", image_created)
        .with_some("layers_size", column("layers_size").optional_size(layers_size)?)
        .with_some("expires_after", expires_after)
        .with("immutable", immutable)
        .with("pinned_until", pinned_until)
        .with_some("deleted", deleted)
        .with("created", created)
        .with_some("actor", column("actor").actor(actor)?)
        .with_some("legacy_image", image)
        .done())
}

pub(super) async fn children(store: &PostgresStore, place: &Place<'_>, limit: i64) -> Port<Vec<Record>> {
    let (after, position) = place.digest();
    let statement = ChildRecords { repository: place.id, after: &after, position: number(position), limit };
    let rows: Vec<ChildRow> = store.rows(statement, "listing the children of manifests").await?;
    let column = |column| Column("manifest_child", column);
    let read = |(manifest, position, child, required, platform): ChildRow| {
        let manifest = Column("manifest", "digest").digest(&manifest)?;
        Ok(Form::new(place.key('@', format_args!("{manifest}#{position:010}")))
            .with("child", column("digest").digest(&child)?)
            .with("required", required)
            .with_some("platform", column("platform").platform(platform)?.as_ref().map(platform_to_text))
            .done())
    };
    rows.into_iter().map(read).collect()
}

pub(super) async fn blobs(store: &PostgresStore, place: &Place<'_>, limit: i64) -> Port<Vec<Record>> {
    let (after, blob) = place.digest();
    let blob = stored(blob);
    let statement = LinkRecords { repository: place.id, after: &after, blob: &blob, limit };
    let rows: Vec<(Vec<u8>, Vec<u8>, bool)> = store.rows(statement, "listing the blobs of manifests").await?;
    let column = |column| Column("manifest_blob", column);
    let read = |(manifest, blob, required): (Vec<u8>, Vec<u8>, bool)| {
        let (manifest, blob) = (Column("manifest", "digest").digest(&manifest)?, column("digest").digest(&blob)?);
        let form = Form::new(place.key('@', format_args!("{manifest}#{blob}")));
        Ok(form.with("required", required).done())
    };
    rows.into_iter().map(read).collect()
}

/// A label's position is counted, from the first of its manifest on: the column beneath it is an id.
pub(super) async fn labels(store: &PostgresStore, place: &Place<'_>, limit: i64) -> Port<Vec<Record>> {
    let (after, position) = place.digest();
    let last = number(position);
    let statement = LabelRecords { repository: place.id, after: &after, limit: limit.saturating_add(last + 1) };
    let rows: Vec<LabelRow> = store.rows(statement, "listing the labels of manifests").await?;
    let mut records = Vec::new();
    let mut before: Option<(Digest, i64)> = None;
    for (manifest, id, key, value, json, source) in rows {
        let manifest = Column("manifest", "digest").digest(&manifest)?;
        let position = before.filter(|(same, _)| *same == manifest).map_or(0, |(_, position)| position + 1);
        before = Some((manifest, position));
        // Those of the cursor's manifest are read again only to be counted.
        if manifest.as_bytes() == after && position <= last {
            continue;
        }
        let label = labels::read(id, key, value, json, source.into())?.label;
        let source = match label.source {
            LabelSource::Manifest => "manifest",
            LabelSource::Api => "api",
            LabelSource::Internal => "internal",
        };
        let form = Form::new(place.key('@', format_args!("{manifest}#{position:010}")));
        let form = form.with("key", label.key).with("value", label.value);
        records.push(form.with("json", label.json).with("source", source).done());
    }
    Ok(records)
}

/// In three parts, as the record falls into them: what it is, what it holds, and its life.
type ManifestRow = (
    (Vec<u8>, String, i32, Option<Vec<u8>>, Option<Vec<u8>>),
    (Option<String>, Option<i64>, Option<i64>, Option<i64>, bool),
    (i64, Option<i64>, i64, Option<String>, Option<String>),
);

statement! {
    struct ManifestRecords<'a> { repository: i64 => BigInt, after: &'a [u8] => Binary, limit: i64 => BigInt }
    -> (
        (Binary, Text, Integer, Nullable<Binary>, Nullable<Binary>),
        (Nullable<Text>, Nullable<BigInt>, Nullable<BigInt>, Nullable<BigInt>, Bool),
        (BigInt, Nullable<BigInt>, BigInt, Nullable<Text>, Nullable<Text>),
    );
    "SELECT digest, media_type, length(bytes), subject, artifact_type, platform, image_created_ms, layers_size, expires_after_ms, \
     immutable, pinned_until_ms, deleted_ms, created_ms, actor, legacy_image FROM manifest \
     WHERE repository_id = $1 AND digest > $2 ORDER BY digest LIMIT $3"
}

type ChildRow = (Vec<u8>, i64, Vec<u8>, bool, Option<String>);

statement! {
    struct ChildRecords<'a> { repository: i64 => BigInt, after: &'a [u8] => Binary, position: i64 => BigInt, limit: i64 => BigInt }
    -> (Binary, BigInt, Binary, Bool, Nullable<Text>);
    "SELECT m.digest, c.position, c.digest, c.required, c.platform FROM manifest m CROSS JOIN LATERAL \
     (SELECT * FROM manifest_child c WHERE c.repository_id = $1 AND c.manifest_id = m.id \
     AND (m.digest > $2 OR c.position > $3) ORDER BY c.position LIMIT $4) c \
     WHERE m.repository_id = $1 AND m.digest >= $2 ORDER BY m.digest, c.position LIMIT $4"
}

statement! {
    struct LinkRecords<'a> { repository: i64 => BigInt, after: &'a [u8] => Binary, blob: &'a [u8] => Binary, limit: i64 => BigInt }
    -> (Binary, Binary, Bool);
    "SELECT m.digest, l.digest, l.required FROM manifest m CROSS JOIN LATERAL \
     (SELECT * FROM manifest_blob l WHERE l.repository_id = $1 AND l.manifest_id = m.id \
     AND (m.digest > $2 OR l.digest > $3) ORDER BY l.digest LIMIT $4) l \
     WHERE m.repository_id = $1 AND m.digest >= $2 ORDER BY m.digest, l.digest LIMIT $4"
}

type LabelRow = (Vec<u8>, i64, Vec<u8>, Vec<u8>, bool, i16);

statement! {
    struct LabelRecords<'a> { repository: i64 => BigInt, limit: i64 => BigInt, after: &'a [u8] => Binary }
    -> (Binary, BigInt, Binary, Binary, Bool, SmallInt);
    "SELECT m.digest, l.id, l.key, l.value, l.json, l.source \
     FROM manifest m CROSS JOIN LATERAL \
     (SELECT * FROM label l WHERE l.repository_id = $1 AND l.manifest_id = m.id ORDER BY l.id LIMIT $2) l \
     WHERE m.repository_id = $1 AND m.digest >= $3 ORDER BY m.digest, l.id LIMIT $2"
}
