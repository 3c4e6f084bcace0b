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

const WHAT: &str = "looking up facts";

/// Looks up what a write needs to know: one statement, so one state of the store.
pub(crate) async fn push_facts(store: &PostgresStore, ask: &PushAsk) -> Port<PushFacts> {
    let (blobs, children) = (sets::digests(&ask.blobs), sets::digests(&ask.children));
    let tags: Vec<&str> = ask.tags.iter().map(TagName::as_str).collect();
    let images: Vec<Cow<'_, str>> = ask.legacy_images.iter().map(|id| nul_free(id)).collect();
    let (repository, now) = (ask.repository.as_str(), ask.now);
    let digest = ask.digest.as_ref().map(Digest::as_bytes);
    let (blobs, tags, images) = (&blobs[..], &tags[..], &images[..]);
    let rows: Vec<Row> = if ask.visibility || ask.labels || ask.tags_of.is_some() || !children.is_empty() {
        let (visibility, labels) = (ask.visibility, ask.labels);
        let tags_of = ask.tags_of.as_ref().map(Digest::as_bytes);
        let children = &children;
        let all = Facts { visibility, now, digest, blobs, children, tags, tags_of, labels, images, repository };
        store.rows(all, WHAT).await?
    } else {
        store.rows(ImageFacts { digest, blobs, now, tags, images, repository }, WHAT).await?
    };
    let mut found = Found { facts: PushFacts::nothing_in(RepositoryState::Absent), labels: Vec::new() };
    for row in rows {
        found.add(row)?;
    }
    Ok(found.facts())
}

// The parts that both statements have. Each row is looked up by its key, one after the other: what a connection plans while tables are
// empty would otherwise read all of them later on.

macro_rules! state {
    () => {
        "SELECT 0, NULL::bytea, NULL, NULL, r.state::bigint, NULL::bigint, NULL::bigint, NULL::boolean, NULL, NULL::bytea, NULL::bytea"
    };
}

/// The manifest of that digest, and a number that says how it is.
macro_rules! existing {
    ($digest:literal, $state:expr) => {
        concat!(
            "SELECT 1, NULL, NULL, m.media_type, m.expires_after_ms, ",
            $state,
            ", NULL, m.immutable, NULL, NULL, NULL FROM manifest m WHERE m.repository_id = r.id AND m.digest = ",
            $digest
        )
    };
}

macro_rules! blobs {
    ($digests:literal, $now:literal) => {
        concat!(
            "SELECT 2, b.digest, NULL, NULL, b.size, NULL, NULL, NULL, b.location, NULL, NULL FROM unnest(",
            $digests,
            ") wanted (digest) CROSS JOIN LATERAL (SELECT * FROM repository_blob b \
             WHERE b.repository_id = r.id AND b.digest = wanted.digest OFFSET 0) b WHERE ",
            granted!("b", $now)
        )
    };
}

macro_rules! tags {
    ($names:literal) => {
        concat!(
            "SELECT 4, m.digest, t.name, NULL, t.start_ms, t.expires_ms, NULL, t.immutable, t.actor, NULL, NULL FROM unnest(",
            $names,
            ") wanted (name) CROSS JOIN LATERAL (SELECT * FROM tag t WHERE t.repository_id = r.id AND t.name = wanted.name OFFSET 0) t LEFT JOIN LATERAL ",
            manifest_by_id!("m.digest", "r.id", "t.manifest_id"),
            " m ON true"
        )
    };
}

macro_rules! images {
    ($ids:literal) => {
        concat!(
            "SELECT 8, i.blob, i.v1_id, NULL, i.aggregate_size, NULL, NULL, NULL, i.parent, NULL, NULL FROM unnest(",
            $ids,
            ") wanted (id) CROSS JOIN LATERAL (SELECT i.blob, i.v1_id, i.aggregate_size, i.parent FROM legacy_image i \
             WHERE i.repository_id = r.id AND i.v1_id = wanted.id OFFSET 0) i"
        )
    };
}

/// The kind, a digest, a name, a type, three numbers, a truth, a text, and two texts as bytes. What they hold for each kind is read in
/// [`Found::add`].
type Columns = (
    Integer,
    Nullable<Binary>,
    Nullable<Text>,
    Nullable<Text>,
    Nullable<BigInt>,
    Nullable<BigInt>,
    Nullable<BigInt>,
    Nullable<Bool>,
    Nullable<Text>,
    Nullable<Binary>,
    Nullable<Binary>,
);

statement! {
    /// What a push of an image asks for, which is most of what is asked: rows of five of the kinds that [`Facts`] has.
    struct ImageFacts<'a> {
        digest: Option<&'a [u8]> => Nullable<Binary>,
        blobs: &'a [&'a [u8]] => Array<Binary>,
        now: Millis => BigInt,
        tags: &'a [&'a str] => Array<Text>,
        images: &'a [Cow<'a, str>] => Array<Text>,
        repository: &'a str => Text,
    }
    -> Columns;
    concat!(
        "SELECT f.* FROM repository r CROSS JOIN LATERAL (",
        state!(),
        " UNION ALL ",
        existing!("$1", "CASE WHEN m.deleted_ms IS NOT NULL THEN 2 ELSE 0 END"),
        " UNION ALL ",
        blobs!("$2", "$3"),
        " UNION ALL ",
        tags!("$4"),
        " UNION ALL ",
        images!("$5"),
        " OFFSET 0) f WHERE r.name = $6 AND r.state <> 2"
    )
}

statement! {
    /// Rows of nine kinds: the repository, the manifest, blobs, children, tags, the tags of a manifest, labels, labels of children, legacy
    /// images.
    struct Facts<'a> {
        visibility: bool => Bool,
        now: Millis => BigInt,
        digest: Option<&'a [u8]> => Nullable<Binary>,
        blobs: &'a [&'a [u8]] => Array<Binary>,
        children: &'a [&'a [u8]] => Array<Binary>,
        tags: &'a [&'a str] => Array<Text>,
        tags_of: Option<&'a [u8]> => Nullable<Binary>,
        labels: bool => Bool,
        images: &'a [Cow<'a, str>] => Array<Text>,
        repository: &'a str => Text,
    }
    -> Columns;
    concat!(
        "SELECT f.* FROM repository r CROSS JOIN LATERAL (",
        state!(),
        " UNION ALL ",
        existing!("$3", concat!(
            "CASE WHEN m.deleted_ms IS NOT NULL THEN 2 WHEN $1 AND NOT ", kept!("r.id", "m", "$2", "$2"), " THEN 1 ELSE 0 END"
        )),
        " UNION ALL ",
        blobs!("$4", "$2"),
        " UNION ALL \
         SELECT 3, m.digest, m.legacy_image, m.media_type, m.size, NULL, NULL, NULL, m.platform, NULL, NULL \
         FROM unnest($5) wanted (digest) CROSS JOIN LATERAL (SELECT m.digest, m.legacy_image, m.media_type, length(m.bytes) AS size, m.platform \
         FROM manifest m WHERE m.repository_id = r.id AND m.digest = wanted.digest AND m.deleted_ms IS NULL OFFSET 0) m \
         UNION ALL ",
        tags!("$6"),
        " UNION ALL \
         SELECT 5, m.digest, t.name, NULL, t.start_ms, t.expires_ms, NULL, t.immutable, t.actor, NULL, NULL \
         FROM (SELECT id, digest FROM manifest WHERE repository_id = r.id AND digest = $7 OFFSET 0) m \
         CROSS JOIN LATERAL (SELECT * FROM tag t WHERE t.repository_id = r.id AND t.manifest_id = m.id AND t.expires_ms > $2 OFFSET 0) t \
         UNION ALL \
         SELECT 6, NULL, NULL, NULL, l.id, l.source, NULL, l.json, NULL, l.key, l.value \
         FROM (SELECT id FROM manifest WHERE $8 AND repository_id = r.id AND digest = $3 OFFSET 0) m \
         CROSS JOIN LATERAL (SELECT * FROM label l WHERE l.repository_id = r.id AND l.manifest_id = m.id OFFSET 0) l \
         UNION ALL \
         SELECT 7, m.digest, NULL, NULL, l.id, NULL, NULL, NULL, NULL, l.key, l.value \
         FROM unnest($5) wanted (digest) CROSS JOIN LATERAL (SELECT m.id, m.digest \
         FROM manifest m WHERE m.repository_id = r.id AND m.digest = wanted.digest AND m.deleted_ms IS NULL OFFSET 0) m \
         CROSS JOIN LATERAL (SELECT * FROM label l WHERE l.repository_id = r.id AND l.manifest_id = m.id AND l.source = 0 OFFSET 0) l \
         UNION ALL ",
        images!("$9"),
        " OFFSET 0) f WHERE r.name = $10 AND r.state <> 2"
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
