//! What became of a push whose answer was lost. Its rows tell: a manifest that is there, and intervals of tags that stay in the history.

use crate::sets;
use crate::store::PostgresStore;
use diesel::sql_types::{Array, BigInt, Binary, Bool, Nullable, Text};
use manifest_core::access::Actor;
use manifest_core::error::Port;
use manifest_core::plan::{Applied, ManifestChange, Plan, TagChange};
use manifest_core::stored::Column;
use manifest_core::time::Millis;
use oci_types::{Digest, TagName};
use std::collections::{BTreeMap, BTreeSet};

/// Whether a plan stores or keeps a manifest, points tags and pins, and does nothing else: then making it twice takes nothing away.
pub(super) fn is_push(plan: &Plan) -> bool {
    let points = plan.tags.iter().all(|change| pointed(change).is_some());
    plan.manifest.is_some() && points && plan.delete.is_none() && plan.labels.is_none() && plan.purge.is_empty()
}

/// What a tag is pointed at, and whether that is a reversion.
fn pointed(change: &TagChange) -> Option<(Digest, bool)> {
    match change {
        TagChange::Point { to, reversion, .. } => Some((*to, *reversion)),
        TagChange::Amend { .. } | TagChange::End { .. } => None,
    }
}

/// Whether a push was executed whose answer was lost, by what is there now: what it answered then.
pub(super) async fn look(store: &PostgresStore, plan: &Plan) -> Port<Option<Applied>> {
    Ok(judge(plan, &see(store, plan).await?))
}

/// What is there of what a push is about.
#[derive(Debug, Default)]
struct Seen {
    manifests: BTreeMap<Digest, Manifest>,
    /// Intervals of the tags that the plan names that end after its time or at it.
    intervals: Vec<Interval>,
}

#[derive(Clone, Debug)]
struct Manifest {
    created: Millis,
    actor: Option<String>,
    is_deleted: bool,
    pinned: Millis,
}

#[derive(Clone, Debug)]
struct Interval {
    name: TagName,
    start: Millis,
    end: Millis,
    target: Digest,
    reversion: bool,
    actor: Option<String>,
}

/// The push was executed if all that it wants is so. Where that was so before, nothing is lost by saying so.
fn judge(plan: &Plan, seen: &Seen) -> Option<Applied> {
    let actor = plan.actor.as_ref().map(Actor::as_str);
    let undeleted = |digest: &Digest| seen.manifests.get(digest).filter(|row| !row.is_deleted);
    let mut created = false;
    if let Some(change) = &plan.manifest {
        let row = undeleted(&change.digest())?;
        let is_ours = row.created == plan.now && row.actor.as_deref() == actor;
        created = matches!(change, ManifestChange::Create(_)) && is_ours;
    }
    let mut displaced = BTreeMap::new();
    for change in &plan.tags {
        let left = displaced_by(plan, change, &seen.intervals).ok()?;
        displaced.extend(left.map(|left| (change.name().clone(), left)));
    }
    let pins = plan.pin.iter().all(|pin| undeleted(&pin.digest).is_some_and(|row| row.pinned >= pin.until));
    pins.then_some(Applied::Done { created, displaced })
}

/// A tag that was not pointed.
struct NotPointed;

/// What the change displaced, if anything.
fn displaced_by(plan: &Plan, change: &TagChange, intervals: &[Interval]) -> Result<Option<Digest>, NotPointed> {
    let (to, reversion) = pointed(change).ok_or(NotPointed)?;
    let of_name = intervals.iter().filter(|interval| interval.name == *change.name());
    let actor = plan.actor.as_ref().map(Actor::as_str);
    let is_ours = |interval: &&Interval| {
        interval.start >= plan.now
            && interval.target == to
            && interval.reversion == reversion
            && interval.actor.as_deref() == actor
    };
    let ours = of_name.clone().filter(is_ours).min_by_key(|interval| interval.start).ok_or(NotPointed)?;
    let mut before = of_name.filter(|interval| interval.start < ours.start && interval.end == ours.start);
    Ok(before.find(|interval| interval.target != to).map(|interval| interval.target))
}

async fn see(store: &PostgresStore, plan: &Plan) -> Port<Seen> {
    let repository = plan.repository.as_str();
    let mut seen = Seen::default();
    let named = plan.manifest.iter().map(ManifestChange::digest).chain(plan.pin.map(|pin| pin.digest));
    let named: BTreeSet<Digest> = named.collect();
    let statement = SeenManifests { repository, digests: &sets::digests(&named) };
    let rows: Vec<ManifestRow> = store.rows(statement, "looking what became of a push").await?;
    for (digest, created, actor, is_deleted, pinned) in rows {
        let digest = Column("manifest", "digest").digest(&digest)?;
        seen.manifests.insert(digest, Manifest { created, actor, is_deleted, pinned });
    }
    let tags: Vec<&str> = plan.tags.iter().map(|change| change.name().as_str()).collect();
    let statement = SeenIntervals { names: &tags, now: plan.now, repository };
    let rows: Vec<IntervalRow> = store.rows(statement, "looking what became of tags").await?;
    for (name, start, end, target, reversion, actor) in rows {
        let name = Column("tag", "name").text(&name)?;
        let target = Column("manifest", "digest").digest(&target)?;
        seen.intervals.push(Interval { name, start, end, target, reversion, actor });
    }
    Ok(seen)
}

type ManifestRow = (Vec<u8>, Millis, Option<String>, bool, Millis);

statement! {
    struct SeenManifests<'a> { repository: &'a str => Text, digests: &'a [&'a [u8]] => Array<Binary> }
    -> (Binary, BigInt, Nullable<Text>, Bool, BigInt);
    "SELECT m.digest, m.created_ms, m.actor, m.deleted_ms IS NOT NULL, m.pinned_until_ms FROM repository r \
     JOIN manifest m ON m.repository_id = r.id WHERE r.name = $1 AND r.state <> 2 AND m.digest = ANY ($2)"
}

type IntervalRow = (String, Millis, Millis, Vec<u8>, bool, Option<String>);

statement! {
    /// The rows of tags, and what is in their history since then.
    struct SeenIntervals<'a> { names: &'a [&'a str] => Array<Text>, now: Millis => BigInt, repository: &'a str => Text }
    -> (Text, BigInt, BigInt, Binary, Bool, Nullable<Text>);
    "SELECT i.name, i.start_ms, i.end_ms, m.digest, i.reversion, i.actor FROM repository r CROSS JOIN LATERAL (\
     SELECT name, start_ms, expires_ms AS end_ms, manifest_id, reversion, actor \
     FROM tag WHERE repository_id = r.id AND name = ANY ($1) \
     UNION ALL \
     SELECT name, start_ms, end_ms, manifest_id, reversion, actor \
     FROM tag_history WHERE repository_id = r.id AND name = ANY ($1) AND end_ms >= $2\
     ) i JOIN manifest m ON m.repository_id = r.id AND m.id = i.manifest_id WHERE r.name = $3 AND r.state <> 2"
}

#[cfg(test)]
mod tests;
