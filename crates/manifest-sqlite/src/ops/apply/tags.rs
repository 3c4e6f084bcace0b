use super::{Displaced, Place, Step, Stop};
use crate::driver::Doing;
use crate::rows::Column;
use crate::sets;
use diesel::sql_types::{BigInt, Binary, Bool, Nullable, Text};
use diesel::{RunQueryDsl, SqliteConnection};
use manifest_core::access::Actor;
use manifest_core::plan::{Applied, Plan, TagChange};
use manifest_core::time::Millis;
use serde_json::{Value, json};

/// The changes as statements take them: `[name, target, expires, immutable, reversion]`, or `[name]` for an end.
pub(super) fn bound(changes: &[TagChange]) -> String {
    let form = |change: &TagChange| match change {
        TagChange::Point { name, to, expires, immutable, reversion, .. } => {
            json!([name.as_str(), sets::hex_text(to.as_bytes()), expires, i64::from(*immutable), i64::from(*reversion)])
        }
        TagChange::End { name, .. } => json!([name.as_str()]),
    };
    changes.iter().map(form).collect::<Value>().to_string()
}

/// Holds the changes against the tags as they are, then points and ends tags. The intervals that this closes go to the history by
/// trigger. Which alive tags are displaced.
pub(super) fn change(connection: &mut SqliteConnection, place: Place, plan: &Plan, bound: &str) -> Step<Displaced> {
    if plan.tags.is_empty() {
        return Ok(Displaced::new());
    }
    let displaced = check(connection, place, plan, bound)?;
    let ended: Vec<&str> = plan.tags.iter().filter_map(ended).collect();
    if ended.len() < plan.tags.len() {
        let statement = PointTags {
            now: place.now,
            repository: place.repository,
            actor: plan.actor.as_ref().map(Actor::as_str),
            points: bound,
        };
        statement.execute(connection).doing("pointing tags")?;
    }
    if !ended.is_empty() {
        end(connection, place, ended)?;
    }
    Ok(displaced)
}

fn check(connection: &mut SqliteConnection, place: Place, plan: &Plan, bound: &str) -> Step<Displaced> {
    let statement = TagsBefore { repository: place.repository, now: place.now, changes: bound };
    let rows: Vec<(Option<i64>, Option<Vec<u8>>, bool)> = statement.load(connection).doing("looking up tags")?;
    let mut displaced = Displaced::new();
    for (change, (immutable, target, is_there)) in plan.tags.iter().zip(rows) {
        let name = change.name();
        let (guard, to) = match change {
            TagChange::Point { guard, to, .. } => (guard, Some(to)),
            TagChange::End { guard, .. } => (guard, None),
        };
        let alive = immutable.map(|flag| Column("tag", "immutable").flag(flag)).transpose()?;
        let target = match alive {
            Some(_) => Some(Column("manifest", "digest").digest(&Column("tag", "manifest_id").present(target)?)?),
            None if to.is_none() => return Err(Stop::Refused(Applied::TagGone(name.clone()))),
            None => None,
        };
        if !guard.holds(target.as_ref()) {
            return Err(Stop::Refused(Applied::GuardFailed(name.clone())));
        }
        if alive == Some(true) {
            return Err(Stop::Refused(Applied::Immutable(name.clone())));
        }
        if !is_there {
            return Err(Stop::Refused(Applied::ManifestGone));
        }
        if let Some(left) = target.filter(|target| to != Some(target)) {
            displaced.insert(name.clone(), left);
        }
    }
    Ok(displaced)
}

fn ended(change: &TagChange) -> Option<&str> {
    match change {
        TagChange::Point { .. } => None,
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
    let Place { repository, now } = place;
    let names = names.as_str();
    CloseTags { now, repository, names }.execute(connection).doing("closing the intervals of tags")?;
    RemoveTags { repository, names }.execute(connection).doing("removing tags")?;
    Ok(())
}

statement! {
    /// A row for each change, in order: whether the tag is immutable and what it points at, if it is alive, and whether the
    /// manifest to point at is there.
    struct TagsBefore<'a> { repository: i64 => BigInt, changes: &'a str => Text, now: Millis => BigInt }
    -> (Nullable<BigInt>, Nullable<Binary>, Bool);
    "SELECT t.immutable, m.digest, j.value->>1 IS NULL OR EXISTS (SELECT 1 FROM manifest n INDEXED BY manifest_digest \
     WHERE n.repository_id = +?1 AND n.digest = unhex(j.value->>1) AND n.deleted_ms IS NULL) \
     FROM json_each(?2) j \
     LEFT JOIN tag t ON t.repository_id = +?1 AND t.name = j.value->>0 AND t.expires_ms > +?3 \
     LEFT JOIN manifest m ON m.id = t.manifest_id ORDER BY j.key"
}

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
    /// Tags end now, or where they start if that is later, or where they had expired.
    struct CloseTags<'a> { now: Millis => BigInt, repository: i64 => BigInt, names: &'a str => Text }
    "UPDATE tag SET expires_ms = min(expires_ms, max(+?1, start_ms)) \
     WHERE repository_id = +?2 AND name IN (SELECT value FROM json_each(?3))"
}

statement! {
    struct RemoveTags<'a> { repository: i64 => BigInt, names: &'a str => Text }
    "DELETE FROM tag WHERE repository_id = +?1 AND name IN (SELECT value FROM json_each(?2))"
}
