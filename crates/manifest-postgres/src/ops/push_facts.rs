use super::{blobs, labels};
use crate::sets;
use crate::store::PostgresStore;
use diesel::sql_types::{Array, BigInt, Binary, Bool, Integer, Nullable, Text};
use manifest_core::error::Port;
use manifest_core::facts::{Acting, Blob, Child, Existing, PushAsk, PushFacts, RepositoryState, TagState};
use manifest_core::legacy::KnownImage;
use manifest_core::plan::LabelRow;
use manifest_core::stored::{Column, nul_free};
use manifest_core::time::Millis;
use oci_types::{Digest, TagName};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Looks up what a write needs to know: one statement, so one state of the store.
pub(crate) async fn push_facts(store: &PostgresStore, ask: &PushAsk) -> Port<PushFacts> {
    let (blobs, children) = (sets::digests(&ask.blobs), sets::digests(&ask.children));
    let tags: Vec<&str> = ask.tags.iter().map(TagName::as_str).collect();
    let images: Vec<Cow<'_, str>> = ask.legacy_images.iter().map(|id| nul_free(id)).collect();
    let statement = Facts {
        repository: ask.repository.as_str(),
        digest: ask.digest.as_ref().map(Digest::as_bytes),
        visibility: ask.visibility,
        now: ask.now,
        blobs: &blobs,
        children: &children,
        tags: &tags,
        tags_of: ask.tags_of.as_ref().map(Digest::as_bytes),
        labels: ask.labels,
        images: &images,
    };
    let rows: Vec<Row> = store.rows(statement, "looking up facts").await?;
    let mut found = Found { facts: PushFacts::nothing_in(RepositoryState::Absent), labels: Vec::new() };
    for row in rows {
        found.add(row)?;
    }
    Ok(found.facts())
}

statement! {
    /// Rows of nine kinds: the repository, the manifest, blobs, children, tags, the tags of a manifest, labels, labels of children, legacy
    /// images. The columns behind the kind are a digest, a name, a type, three numbers, a truth, a text, and two texts as bytes; what they hold for
    /// each kind is read in [`Found::add`].
    struct Facts<'a> {
        repository: &'a str => Text,
        visibility: bool => Bool,
        now: Millis => BigInt,
        digest: Option<&'a [u8]> => Nullable<Binary>,
        blobs: &'a [&'a [u8]] => Array<Binary>,
        children: &'a [&'a [u8]] => Array<Binary>,
        tags: &'a [&'a str] => Array<Text>,
        tags_of: Option<&'a [u8]> => Nullable<Binary>,
        labels: bool => Bool,
        images: &'a [Cow<'a, str>] => Array<Text>,
    }
    -> (
        Integer, Nullable<Binary>, Nullable<Text>, Nullable<Text>, Nullable<BigInt>, Nullable<BigInt>, Nullable<BigInt>,
        Nullable<Bool>, Nullable<Text>, Nullable<Binary>, Nullable<Binary>,
    );
    concat!(
        "WITH here (id, state) AS MATERIALIZED (SELECT id, state FROM repository WHERE name = $1 AND state <> 2) \
         SELECT 0, NULL::bytea, NULL, NULL, here.state::bigint, NULL::bigint, NULL::bigint, NULL::boolean, NULL, NULL::bytea, NULL::bytea \
         FROM here \
         UNION ALL \
         SELECT 1, NULL, NULL, m.media_type, m.expires_after_ms, \
         CASE WHEN m.deleted_ms IS NOT NULL THEN 2 WHEN $2 AND NOT ",
        kept!("here.id", "m", "$3", "$3"),
        " THEN 1 ELSE 0 END, NULL, m.immutable, NULL, NULL, NULL \
         FROM here JOIN manifest m ON m.repository_id = here.id WHERE m.digest = $4 \
         UNION ALL \
         SELECT 2, b.digest, NULL, NULL, b.size, NULL, NULL, NULL, b.location, NULL, NULL \
         FROM here CROSS JOIN unnest($5) wanted (digest) \
         JOIN repository_blob b ON b.repository_id = here.id AND b.digest = wanted.digest WHERE ",
        granted!("b", "$3"),
        " UNION ALL \
         SELECT 3, m.digest, m.legacy_image, m.media_type, length(m.bytes), NULL, NULL, NULL, m.platform, NULL, NULL \
         FROM here CROSS JOIN unnest($6) wanted (digest) \
         JOIN manifest m ON m.repository_id = here.id AND m.digest = wanted.digest WHERE m.deleted_ms IS NULL \
         UNION ALL \
         SELECT 4, m.digest, t.name, NULL, t.start_ms, t.expires_ms, NULL, t.immutable, t.actor, NULL, NULL \
         FROM here CROSS JOIN unnest($7) wanted (name) JOIN tag t ON t.repository_id = here.id AND t.name = wanted.name \
         LEFT JOIN manifest m ON m.repository_id = here.id AND m.id = t.manifest_id \
         UNION ALL \
         SELECT 5, m.digest, t.name, NULL, t.start_ms, t.expires_ms, NULL, t.immutable, t.actor, NULL, NULL \
         FROM here JOIN manifest m ON m.repository_id = here.id \
         JOIN tag t ON t.repository_id = here.id AND t.manifest_id = m.id WHERE m.digest = $8 AND t.expires_ms > $3 \
         UNION ALL \
         SELECT 6, NULL, NULL, NULL, l.id, l.source, NULL, l.json, NULL, l.key, l.value \
         FROM here JOIN manifest m ON m.repository_id = here.id \
         JOIN label l ON l.repository_id = here.id AND l.manifest_id = m.id WHERE $9 AND m.digest = $4 \
         UNION ALL \
         SELECT 7, m.digest, NULL, NULL, l.id, NULL, NULL, NULL, NULL, l.key, l.value \
         FROM here CROSS JOIN unnest($6) wanted (digest) \
         JOIN manifest m ON m.repository_id = here.id AND m.digest = wanted.digest \
         JOIN label l ON l.repository_id = here.id AND l.manifest_id = m.id WHERE m.deleted_ms IS NULL AND l.source = 0 \
         UNION ALL \
         SELECT 8, i.blob, i.v1_id, NULL, i.aggregate_size, NULL, NULL, NULL, i.parent, NULL, NULL \
         FROM here CROSS JOIN unnest($10) wanted (id) JOIN legacy_image i ON i.repository_id = here.id AND i.v1_id = wanted.id"
    )
}

type Row = (
    i32,
    Option<Vec<u8>>,
    Option<String>,
    Option<String>,
    Option<i64>,
    Option<i64>,
    Option<i64>,
    Option<bool>,
    Option<String>,
    Option<Vec<u8>>,
    Option<Vec<u8>>,
);

/// The facts so far, and the labels of children with their ids.
struct Found {
    facts: PushFacts,
    labels: Vec<(i64, Digest, String, String)>,
}

impl Found {
    fn add(&mut self, row: Row) -> Port<()> {
        let facts = &mut self.facts;
        match row.0 {
            0 => facts.repository = Column("repository", "state").repository_state(row.4.unwrap_or_default())?,
            1 => facts.existing = Some(existing(row)?),
            2 => facts.blobs.extend([blob(row)?]),
            3 => facts.children.extend([child(row)?]),
            4 => facts.tags.extend([tag(row)?]),
            5 => facts.tags_of.extend([tag(row)?]),
            6 => facts.labels.push(label(row)?),
            7 => self.labels.push(label_of_child(row)?),
            _ => facts.legacy_images.extend([image(row)?]),
        }
        Ok(())
    }

    /// With the labels in the order in which they were stored, of which the last of a key counts for a child.
    fn facts(mut self) -> PushFacts {
        self.facts.labels.sort_unstable_by_key(|label| label.id);
        self.labels.sort_unstable_by_key(|(id, ..)| *id);
        for (_, child, key, value) in self.labels {
            if let Some(child) = self.facts.children.get_mut(&child) {
                child.labels.insert(key, value);
            }
        }
        self.facts
    }
}

const fn manifest(column: &'static str) -> Column {
    Column("manifest", column)
}

fn existing((_, _, _, media_type, expires_after, state, _, immutable, ..): Row) -> Port<Existing> {
    let media_type = manifest("media_type").present(media_type)?;
    Ok(Existing {
        media_type: manifest("media_type").text(&media_type)?,
        acting: Acting { expires_after, immutable: immutable.unwrap_or_default() },
        deleted: state == Some(2),
        visible: state == Some(0),
    })
}

fn blob((_, digest, _, _, size, _, _, _, location, ..): Row) -> Port<(Digest, Blob)> {
    let column = |column| Column("repository_blob", column);
    let (digest, location) = (column("digest").present(digest)?, column("location").present(location)?);
    let blob = blobs::read("repository_blob", (size.unwrap_or_default(), location))?;
    Ok((column("digest").digest(&digest)?, blob))
}

fn child((_, digest, image, media_type, size, _, _, _, platform, ..): Row) -> Port<(Digest, Child)> {
    let media_type = manifest("media_type").present(media_type)?;
    let child = Child {
        media_type: manifest("media_type").text(&media_type)?,
        size: manifest("bytes").size(size.unwrap_or_default())?,
        platform: manifest("platform").platform(platform)?,
        labels: BTreeMap::new(),
        legacy_image: image.map(|id| manifest("legacy_image").nul_free(&id)).transpose()?,
    };
    let digest = manifest("digest").present(digest)?;
    Ok((manifest("digest").digest(&digest)?, child))
}

fn tag((_, digest, name, _, start, expires, _, immutable, actor, ..): Row) -> Port<(TagName, TagState)> {
    let column = |column| Column("tag", column);
    let target = column("manifest_id").present(digest)?;
    let state = TagState {
        target: manifest("digest").digest(&target)?,
        start: start.unwrap_or_default(),
        expires: expires.unwrap_or_default(),
        immutable: immutable.unwrap_or_default(),
        actor: column("actor").actor(actor)?,
    };
    let name = column("name").present(name)?;
    Ok((column("name").text(&name)?, state))
}

fn label((_, _, _, _, id, source, _, json, _, key, value): Row) -> Port<LabelRow> {
    let column = |column| Column("label", column);
    let (key, value) = (column("key").present(key)?, column("value").present(value)?);
    let (id, source) = (column("id").present(id)?, column("source").present(source)?);
    labels::read(id, key, value, json.unwrap_or_default(), source)
}

fn label_of_child((_, digest, _, _, id, _, _, _, _, key, value): Row) -> Port<(i64, Digest, String, String)> {
    let column = |column| Column("label", column);
    let (key, value) = (column("key").present(key)?, column("value").present(value)?);
    let digest = manifest("digest").digest(&manifest("digest").present(digest)?)?;
    Ok((column("id").present(id)?, digest, column("key").utf8(key)?, column("value").utf8(value)?))
}

fn image((_, blob, id, _, size, _, _, _, parent, _, _): Row) -> Port<(String, KnownImage)> {
    let column = |column| Column("legacy_image", column);
    let blob = column("blob").digest(&column("blob").present(blob)?)?;
    let parent = parent.map(|parent| column("parent").nul_free(&parent)).transpose()?;
    let known = KnownImage { blob, parent, aggregate_size: column("aggregate_size").optional_size(size)? };
    Ok((column("v1_id").nul_free(&column("v1_id").present(id)?)?, known))
}
