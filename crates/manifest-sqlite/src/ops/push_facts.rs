use super::blobs;
use crate::driver::Doing;
use crate::rows::{self, Column};
use crate::sets;
use diesel::sql_types::{BigInt, Binary, Nullable, Text};
use diesel::{RunQueryDsl, SqliteConnection};
use manifest_core::error::Port;
use manifest_core::facts::{Acting, Blob, Child, Existing, PushAsk, PushFacts, RepositoryState, TagState};
use manifest_core::legacy::KnownImage;
use manifest_core::plan::LabelRow;
use manifest_core::stored::nul_free;
use manifest_core::time::Millis;
use oci_types::{Digest, TagName};

/// Looks up what a write needs to know: one statement, so one state of the store.
pub(crate) fn push_facts(connection: &mut SqliteConnection, ask: &PushAsk) -> Port<PushFacts> {
    let (blobs, children) = (sets::digests(&ask.blobs), sets::digests(&ask.children));
    let tags = sets::texts(ask.tags.iter().map(TagName::as_str));
    let images: Vec<_> = ask.legacy_images.iter().map(|id| nul_free(id)).collect();
    let images = sets::texts(images.iter().map(AsRef::as_ref));
    let statement = Facts {
        repository: ask.repository.as_str(),
        digest: ask.digest.as_ref().map(Digest::as_bytes),
        visibility: i64::from(ask.visibility),
        now: ask.now,
        blobs: &blobs,
        children: &children,
        tags: &tags,
        tags_of: ask.tags_of.as_ref().map(Digest::as_bytes),
        labels: i64::from(ask.labels),
        images: &images,
    };
    let rows: Vec<Row> = statement.load(connection).doing("looking up facts")?;
    let mut facts = PushFacts::nothing_in(RepositoryState::Absent);
    for row in rows {
        add(&mut facts, row)?;
    }
    Ok(facts)
}

statement! {
    /// Rows of eight kinds: the repository, the manifest, blobs, children, tags, the tags of a manifest, labels, legacy images. The columns behind
    /// the kind are a digest, a name, a type, three numbers, and two texts; what they hold for each kind is read in [`add`].
    struct Facts<'a> {
        repository: &'a str => Text,
        visibility: i64 => BigInt,
        now: Millis => BigInt,
        digest: Option<&'a [u8]> => Nullable<Binary>,
        blobs: &'a str => Text,
        children: &'a str => Text,
        tags: &'a str => Text,
        tags_of: Option<&'a [u8]> => Nullable<Binary>,
        labels: i64 => BigInt,
        images: &'a str => Text,
    }
    -> (
        BigInt, Nullable<Binary>, Nullable<Text>, Nullable<Text>,
        Nullable<BigInt>, Nullable<BigInt>, Nullable<BigInt>, Nullable<Text>, Nullable<Text>,
    );
    concat!(
        "WITH here (id, state) AS MATERIALIZED (SELECT id, state FROM repository INDEXED BY repository_name WHERE name = +?1 AND state <> 2) \
         SELECT 0, NULL, NULL, NULL, here.state, NULL, NULL, NULL, NULL FROM here \
         UNION ALL \
         SELECT 1, NULL, NULL, m.media_type, m.immutable, m.expires_after_ms, \
         CASE WHEN m.deleted_ms IS NOT NULL THEN 2 WHEN +?2 THEN NOT ",
        kept!("here.id", "m", "+?3", "+?3"),
        " ELSE 0 END, NULL, NULL \
         FROM here CROSS JOIN manifest m INDEXED BY manifest_digest WHERE m.repository_id = here.id AND m.digest = +?4 \
         UNION ALL \
         SELECT 2, b.digest, NULL, NULL, b.size, NULL, NULL, b.location, NULL \
         FROM here CROSS JOIN json_each(?5) j CROSS JOIN repository_blob b \
         WHERE b.repository_id = here.id AND b.digest = unhex(j.value) AND ",
        granted!("b", "+?3"),
        " UNION ALL \
         SELECT 3, m.digest, m.legacy_image, m.media_type, length(m.bytes), NULL, NULL, m.platform, \
         (SELECT json_group_array(json_array(key, value)) FROM \
         (SELECT key, value FROM label WHERE repository_id = here.id AND manifest_id = m.id AND source = 0 ORDER BY id)) \
         FROM here CROSS JOIN json_each(?6) j CROSS JOIN manifest m INDEXED BY manifest_digest \
         WHERE m.repository_id = here.id AND m.digest = unhex(j.value) AND m.deleted_ms IS NULL \
         UNION ALL \
         SELECT 4, m.digest, t.name, NULL, t.start_ms, t.expires_ms, t.immutable, t.actor, NULL \
         FROM here CROSS JOIN json_each(?7) j CROSS JOIN tag t LEFT JOIN manifest m ON m.id = t.manifest_id \
         WHERE t.repository_id = here.id AND t.name = j.value \
         UNION ALL \
         SELECT 5, m.digest, t.name, NULL, t.start_ms, t.expires_ms, t.immutable, t.actor, NULL \
         FROM here CROSS JOIN manifest m INDEXED BY manifest_digest CROSS JOIN tag t INDEXED BY tag_manifest \
         WHERE m.repository_id = here.id AND m.digest = +?8 \
         AND t.repository_id = here.id AND t.manifest_id = m.id AND t.expires_ms > +?3 \
         UNION ALL \
         SELECT 6, NULL, l.key, NULL, l.id, l.json, l.source, l.value, NULL \
         FROM here CROSS JOIN manifest m INDEXED BY manifest_digest CROSS JOIN label l INDEXED BY label_manifest \
         WHERE +?9 AND m.repository_id = here.id AND m.digest = +?4 AND l.repository_id = here.id AND l.manifest_id = m.id \
         UNION ALL \
         SELECT 7, i.blob, i.v1_id, NULL, i.aggregate_size, NULL, NULL, i.parent, NULL \
         FROM here CROSS JOIN json_each(?10) j CROSS JOIN legacy_image i WHERE i.repository_id = here.id AND i.v1_id = j.value"
    )
}

type Row = (
    i64,
    Option<Vec<u8>>,
    Option<String>,
    Option<String>,
    Option<i64>,
    Option<i64>,
    Option<i64>,
    Option<String>,
    Option<String>,
);

fn add(facts: &mut PushFacts, row: Row) -> Port<()> {
    match row.0 {
        0 => facts.repository = Column("repository", "state").repository_state(row.4.unwrap_or_default())?,
        1 => facts.existing = Some(existing(row)?),
        2 => facts.blobs.extend([blob(row)?]),
        3 => facts.children.extend([child(row)?]),
        4 => facts.tags.extend([tag(row)?]),
        5 => facts.tags_of.extend([tag(row)?]),
        // Along an index whose last column is the id, so in the order in which they were stored.
        6 => facts.labels.push(label(row)?),
        _ => facts.legacy_images.extend([image(row)?]),
    }
    Ok(())
}

const fn manifest(column: &'static str) -> Column {
    Column("manifest", column)
}

fn existing((_, _, _, media_type, immutable, expires_after, state, _, _): Row) -> Port<Existing> {
    let media_type = manifest("media_type").present(media_type)?;
    let immutable = manifest("immutable").flag(immutable.unwrap_or_default())?;
    Ok(Existing {
        media_type: manifest("media_type").text(&media_type)?,
        acting: Acting { expires_after, immutable },
        deleted: state == Some(2),
        visible: state == Some(0),
    })
}

fn blob((_, digest, _, _, size, _, _, location, _): Row) -> Port<(Digest, Blob)> {
    let column = |column| Column("repository_blob", column);
    let (digest, location) = (column("digest").present(digest)?, column("location").present(location)?);
    let blob = blobs::read("repository_blob", (size.unwrap_or_default(), location))?;
    Ok((column("digest").digest(&digest)?, blob))
}

fn child((_, digest, image, media_type, size, _, _, platform, labels): Row) -> Port<(Digest, Child)> {
    let media_type = manifest("media_type").present(media_type)?;
    let labels: Vec<(String, String)> = Column("label", "value").json(labels.as_deref().unwrap_or("[]"))?;
    let child = Child {
        media_type: manifest("media_type").text(&media_type)?,
        size: manifest("bytes").size(size.unwrap_or_default())?,
        platform: manifest("platform").platform(platform)?,
        // Collecting keeps the last of a key. (A JSON object would cut keys at a NUL.)
        labels: labels.into_iter().collect(),
        legacy_image: image.map(|id| manifest("legacy_image").nul_free(&id)).transpose()?,
    };
    let digest = manifest("digest").present(digest)?;
    Ok((manifest("digest").digest(&digest)?, child))
}

fn tag((_, digest, name, _, start, expires, immutable, actor, _): Row) -> Port<(TagName, TagState)> {
    let column = |column| Column("tag", column);
    let target = column("manifest_id").present(digest)?;
    let state = TagState {
        target: manifest("digest").digest(&target)?,
        start: start.unwrap_or_default(),
        expires: expires.unwrap_or_default(),
        immutable: column("immutable").flag(immutable.unwrap_or_default())?,
        actor: column("actor").actor(actor)?,
    };
    let name = column("name").present(name)?;
    Ok((column("name").text(&name)?, state))
}

fn label((_, _, key, _, id, json, source, value, _): Row) -> Port<LabelRow> {
    let column = |column| Column("label", column);
    let number = |name, number: Option<i64>| column(name).present(number);
    let (key, value) = (column("key").present(key)?, column("value").present(value)?);
    rows::label((number("id", id)?, key, value, number("json", json)?, number("source", source)?))
}

fn image((_, blob, id, _, size, _, _, parent, _): Row) -> Port<(String, KnownImage)> {
    let column = |column| Column("legacy_image", column);
    let blob = column("blob").digest(&column("blob").present(blob)?)?;
    let parent = parent.map(|parent| column("parent").nul_free(&parent)).transpose()?;
    let known = KnownImage { blob, parent, aggregate_size: column("aggregate_size").optional_size(size)? };
    Ok((column("v1_id").nul_free(&column("v1_id").present(id)?)?, known))
}
