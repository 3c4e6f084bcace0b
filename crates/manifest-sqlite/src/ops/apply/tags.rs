use super::{Displaced, Place, Step, Stop};
use crate::driver::Doing;
use crate::rows::Column;
use crate::sets;
use diesel::sql_types::{BigInt, Binary, Bool, Nullable, Text};
use diesel::{RunQueryDsl, SqliteConnection};
use manifest_core::access::Actor;
use manifest_core::error::Port;
use manifest_core::plan::{Applied, ManifestChange, Plan, TagChange};
use manifest_core::time::Millis;
use oci_types::Digest;
use serde_json::{Value, json};

/// The changes as statements take them: `[name, target, expires, immutable, reversion]`, `[name, null, expires, immutable]` for an
/// amendment, or `[name]` for an end.
pub(super) fn bound(changes: &[TagChange]) -> String {
    let form = |change: &TagChange| match change {
        TagChange::Point { name, to, expires, immutable, reversion, .. } => {
            json!([name.as_str(), sets::hex_text(to.as_bytes()), expires, i64::from(*immutable), i64::from(*reversion)])
        }
        TagChange::Amend { name, expires, immutable, .. } => {
            json!([name.as_str(), null, expires, i64::from(*immutable)])
        }
        TagChange::End { name, .. } => json!([name.as_str()]),
    };
    changes.iter().map(form).collect::<Value>().to_string()
}

/// Holds the changes against the tags as they are, then points, amends and ends tags. The intervals that this closes go to the history by
/// trigger. Which alive tags are displaced.
pub(super) fn change(connection: &mut SqliteConnection, place: Place, plan: &Plan, bound: &str) -> Step<Displaced> {
    if plan.tags.is_empty() {
        return Ok(Displaced::new());
    }
    let displaced = check(connection, place, plan, bound)?;
    let has = |is_one: fn(&TagChange) -> bool| plan.tags.iter().any(is_one);
    if has(|change| matches!(change, TagChange::Point { .. })) {
        let statement = PointTags {
            now: place.now,
            repository: place.repository,
            actor: plan.actor.as_ref().map(Actor::as_str),
            points: bound,
        };
        statement.execute(connection).doing("pointing tags")?;
    }
    if has(|change| matches!(change, TagChange::Amend { .. })) {
        let statement = AmendTags { amendments: bound, repository: place.repository };
        statement.execute(connection).doing("amending tags")?;
    }
    let ended: Vec<&str> = plan.tags.iter().filter_map(ended).collect();
    if !ended.is_empty() {
        end(connection, place, ended)?;
    }
    Ok(displaced)
}

/// A tag that is alive before the plan.
#[derive(Clone, Copy, Debug)]
struct Alive {
    start: Millis,
    immutable: bool,
    target: Digest,
}

fn check(connection: &mut SqliteConnection, place: Place, plan: &Plan, bound: &str) -> Step<Displaced> {
    let rows = if place.is_new { in_new_repository(plan) } else { tags_before(connection, place, bound)? };
    let mut displaced = Displaced::new();
    for (change, (start, immutable, target, is_there)) in plan.tags.iter().zip(rows) {
        let name = change.name();
        let tag = alive(start, immutable, target)?;
        hold(change, tag, is_there).map_err(Stop::Refused)?;
        let leaves = |tag: &Alive| match change {
            TagChange::Point { to, .. } => tag.target != *to,
            TagChange::Amend { .. } => false,
            TagChange::End { .. } => true,
        };
        if let Some(left) = tag.filter(leaves) {
            displaced.insert(name.clone(), left.target);
        }
    }
    Ok(displaced)
}

fn tags_before(connection: &mut SqliteConnection, place: Place, changes: &str) -> Port<Vec<Row>> {
    let statement = TagsBefore { repository: place.repository, now: place.now, changes };
    statement.load(connection).doing("looking up tags")
}

/// The same without asking: a repository that this plan made has no tags, and no manifest but the plan's.
fn in_new_repository(plan: &Plan) -> Vec<Row> {
    let written = plan.manifest.as_ref().map(ManifestChange::digest);
    let row = |change: &TagChange| match change {
        TagChange::Point { to, .. } => (None, None, None, written == Some(*to)),
        TagChange::Amend { .. } | TagChange::End { .. } => (None, None, None, true),
    };
    plan.tags.iter().map(row).collect()
}

fn alive(start: Option<Millis>, immutable: Option<i64>, target: Option<Vec<u8>>) -> Port<Option<Alive>> {
    let Some((start, immutable)) = start.zip(immutable) else { return Ok(None) };
    let target = Column("tag", "manifest_id").present(target)?;
    Ok(Some(Alive {
        start,
        immutable: Column("tag", "immutable").flag(immutable)?,
        target: Column("manifest", "digest").digest(&target)?,
    }))
}

/// Whether a tag, if it is alive, may be changed so; `is_there` is about the manifest to point at.
fn hold(change: &TagChange, tag: Option<Alive>, is_there: bool) -> Result<(), Applied> {
    let name = change.name();
    let guard = match change {
        TagChange::Amend { start, was_immutable, .. } => {
            let is_seen = tag.is_some_and(|tag| tag.start == *start && tag.immutable == *was_immutable);
            return if is_seen { Ok(()) } else { Err(Applied::GuardFailed(name.clone())) };
        }
        TagChange::End { .. } if tag.is_none() => return Err(Applied::TagGone(name.clone())),
        TagChange::Point { guard, .. } | TagChange::End { guard, .. } => guard,
    };
    if !guard.holds(tag.as_ref().map(|tag| &tag.target)) {
        return Err(Applied::GuardFailed(name.clone()));
    }
    if tag.is_some_and(|tag| tag.immutable) {
        return Err(Applied::Immutable(name.clone()));
    }
    if is_there { Ok(()) } else { Err(Applied::ManifestGone) }
}

fn ended(change: &TagChange) -> Option<&str> {
    match change {
        TagChange::Point { .. } | TagChange::Amend { .. } => None,
        TagChange::End { name, .. } => Some(name.as_str()),
    }
}

/// Ends tags by name.
pub(super) fn end<'a>(
    connection: &mut SqliteConnection,
    place: Place,
    names: impl IntoIterator<Item = &'a str>,
) -> Step<()> {
    let names = sets::texts(names);
    let Place { repository, now, .. } = place;
    let names = names.as_str();
    CloseTags { now, repository, names }.execute(connection).doing("closing the intervals of tags")?;
    RemoveTags { repository, names }.execute(connection).doing("removing tags")?;
    Ok(())
}

statement! {
    /// A row for each change, in order: since when the tag points where it does, whether it is immutable and what it points at, if
    /// it is alive, and whether the manifest to point at is there.
    struct TagsBefore<'a> { repository: i64 => BigInt, changes: &'a str => Text, now: Millis => BigInt }
    -> (Nullable<BigInt>, Nullable<BigInt>, Nullable<Binary>, Bool);
    "SELECT t.start_ms, t.immutable, m.digest, j.value->>1 IS NULL OR EXISTS (SELECT 1 FROM manifest n INDEXED BY manifest_digest \
     WHERE n.repository_id = +?1 AND n.digest = unhex(j.value->>1) AND n.deleted_ms IS NULL) \
     FROM json_each(?2) j \
     LEFT JOIN tag t ON t.repository_id = +?1 AND t.name = j.value->>0 AND t.expires_ms > +?3 \
     LEFT JOIN manifest m ON m.id = t.manifest_id ORDER BY j.key"
}

type Row = (Option<Millis>, Option<i64>, Option<Vec<u8>>, bool);

statement! {
    /// A new interval starts behind the one before it, whatever the clock says, and does not end before it starts. A name that
    /// comes back has its last interval in the history, else it is the row.
    struct PointTags<'a> {
        points: &'a str => Text,
        now: Millis => BigInt,
        repository: i64 => BigInt,
        actor: Option<&'a str> => Nullable<Text>,
    }
    "WITH point (name, digest, expires_ms, immutable, reversion) AS (\
     SELECT value->>0, unhex(value->>1), value->>2, value->>3, value->>4 FROM json_each(?1) WHERE value->>1 IS NOT NULL), \
     interval AS (SELECT p.name, m.id AS manifest_id, p.expires_ms, p.immutable, p.reversion, \
     coalesce(o.manifest_id, h.manifest_id) AS old_id, \
     max(+?2, coalesce(o.start_ms + 1, h.start_ms + 1, +?2), coalesce(h.end_ms, +?2)) AS start_ms \
     FROM point p CROSS JOIN manifest m INDEXED BY manifest_digest \
     LEFT JOIN tag o ON o.repository_id = +?3 AND o.name = p.name \
     LEFT JOIN tag_history h ON o.name IS NULL AND h.repository_id = +?3 AND h.name = p.name AND h.start_ms = \
     (SELECT max(start_ms) FROM tag_history WHERE repository_id = +?3 AND name = p.name) \
     WHERE m.repository_id = +?3 AND m.digest = p.digest AND m.deleted_ms IS NULL) \
     INSERT INTO tag (repository_id, name, manifest_id, start_ms, expires_ms, immutable, reversion, previous, actor) \
     SELECT +?3, i.name, i.manifest_id, i.start_ms, max(i.expires_ms, i.start_ms), i.immutable, i.reversion, \
     (SELECT digest FROM manifest WHERE id = i.old_id), +?4 FROM interval i WHERE true \
     ON CONFLICT (repository_id, name) DO UPDATE SET manifest_id = excluded.manifest_id, start_ms = excluded.start_ms, \
     expires_ms = excluded.expires_ms, immutable = excluded.immutable, reversion = excluded.reversion, \
     previous = excluded.previous, actor = excluded.actor"
}

statement! {
    /// The interval stays the same one, so its start does, and nothing goes to the history.
    struct AmendTags<'a> { amendments: &'a str => Text, repository: i64 => BigInt }
    "WITH amendment (name, expires_ms, immutable) AS MATERIALIZED (\
     SELECT value->>0, value->>2, value->>3 FROM json_each(?1) WHERE value->>1 IS NULL AND value->>2 IS NOT NULL) \
     UPDATE tag SET expires_ms = max(amendment.expires_ms, tag.start_ms), immutable = amendment.immutable \
     FROM amendment WHERE tag.repository_id = +?2 AND tag.name = amendment.name"
}

statement! {
    /// Tags end now, or where they start if that is later, or where they had expired.
    struct CloseTags<'a> { now: Millis => BigInt, repository: i64 => BigInt, names: &'a str => Text }
    "UPDATE tag SET expires_ms = min(expires_ms, max(+?1, start_ms)) \
     WHERE repository_id = +?2 AND name IN (SELECT value FROM json_each(?3))"
}

statement! {
    struct RemoveTags<'a> { repository: i64 => BigInt, names: &'a str => Text }
    "DELETE FROM tag WHERE repository_id = +?1 AND name IN (SELECT value FROM json_each(?2))"
}
