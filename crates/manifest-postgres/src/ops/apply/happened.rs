use crate::ops::labels::labels;
use crate::sets;
use crate::store::PostgresStore;
use diesel::sql_types::{Array, BigInt, Binary, Bool, Nullable, Text};
use manifest_core::access::Actor;
use manifest_core::error::Port;
use manifest_core::plan::{Applied, LabelRow, LabelsChange, ManifestChange, Plan, TagChange};
use manifest_core::stored::Column;
use manifest_core::time::Millis;
use oci_types::{Digest, TagName};
use std::collections::{BTreeMap, BTreeSet};

/// Whether a plan was executed whose answer was lost, by what is there now: what it answered then.
pub(super) async fn look(store: &PostgresStore, plan: &Plan) -> Port<Option<Applied>> {
    Ok(judge(plan, &see(store, plan).await?))
}

/// What is there of what a plan is about.
#[derive(Debug, Default)]
struct Seen {
    manifests: BTreeMap<Digest, Manifest>,
    /// Intervals of the tags that the plan names, and of the manifest that it deletes, that end after its time or at it.
    intervals: Vec<Interval>,
    /// Of the manifest whose labels it changes.
    labels: Vec<LabelRow>,
}

#[derive(Clone, Debug)]
struct Manifest {
    created: Millis,
    actor: Option<String>,
    deleted: Option<Millis>,
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
    /// Whether it is the tag's row.
    newest: bool,
    /// Of the tag's row.
    immutable: bool,
}

/// The plan was executed if all that it wants is so. Where that was so before, nothing is lost by saying so.
fn judge(plan: &Plan, seen: &Seen) -> Option<Applied> {
    let actor = plan.actor.as_ref().map(Actor::as_str);
    let undeleted = |digest: &Digest| seen.manifests.get(digest).filter(|row| row.deleted.is_none());
    let mut created = false;
    if let Some(change) = &plan.manifest {
        let row = undeleted(&change.digest())?;
        let is_ours = row.created == plan.now && row.actor.as_deref() == actor;
        created = matches!(change, ManifestChange::Create(_)) && is_ours;
    }
    let mut displaced = BTreeMap::new();
    for change in &plan.tags {
        displaced.extend(changed(plan, change, &seen.intervals).ok()?.map(|left| (change.name().clone(), left)));
    }
    let pins = plan.pin.iter().all(|pin| undeleted(&pin.digest).is_some_and(|row| row.pinned >= pin.until));
    let labels = plan.labels.iter().all(|change| relabelled(change, &seen.labels));
    let deletes =
        plan.delete.iter().all(|digest| seen.manifests.get(digest).is_some_and(|row| row.deleted == Some(plan.now)));
    let purges = plan.purge.iter().all(|digest| !seen.manifests.contains_key(digest));
    if let Some(digest) = &plan.delete {
        let ended = seen.intervals.iter().filter(|interval| interval.target == *digest && ended_at(interval, plan.now));
        displaced.extend(ended.map(|interval| (interval.name.clone(), *digest)));
    }
    (pins && labels && deletes && purges).then_some(Applied::Done { created, displaced })
}

/// A change of a tag that was not made.
struct NotMade;

/// What the change displaced, if anything.
fn changed(plan: &Plan, change: &TagChange, intervals: &[Interval]) -> Result<Option<Digest>, NotMade> {
    let mut of_name = intervals.iter().filter(|interval| interval.name == *change.name());
    match change {
        TagChange::Point { to, reversion, .. } => {
            let actor = plan.actor.as_ref().map(Actor::as_str);
            let is_ours = |interval: &&Interval| {
                interval.start >= plan.now
                    && interval.target == *to
                    && interval.reversion == *reversion
                    && interval.actor.as_deref() == actor
            };
            let ours = of_name.clone().filter(is_ours).min_by_key(|interval| interval.start).ok_or(NotMade)?;
            let before = of_name.filter(|interval| interval.start < ours.start && interval.end == ours.start);
            Ok(before.map(|interval| interval.target).find(|target| target != to))
        }
        TagChange::Amend { start, expires, immutable, .. } => {
            let is_amended = |interval: &Interval| {
                let ends = interval.end == *expires.max(start);
                interval.newest && interval.start == *start && ends && interval.immutable == *immutable
            };
            if of_name.any(is_amended) { Ok(None) } else { Err(NotMade) }
        }
        TagChange::End { .. } => {
            let newest = of_name.max_by_key(|interval| interval.start);
            let ours = newest.filter(|interval| ended_at(interval, plan.now)).ok_or(NotMade)?;
            Ok(Some(ours.target))
        }
    }
}

/// Whether the interval is over since then.
fn ended_at(interval: &Interval, now: Millis) -> bool {
    !interval.newest && interval.end == now.max(interval.start)
}

fn relabelled(change: &LabelsChange, labels: &[LabelRow]) -> bool {
    let removed = change.remove.is_none_or(|id| labels.iter().all(|row| row.id != id));
    removed && change.add.iter().all(|label| labels.iter().any(|row| row.label == *label))
}

async fn see(store: &PostgresStore, plan: &Plan) -> Port<Seen> {
    let repository = plan.repository.as_str();
    let mut seen = Seen::default();
    let of_labels = plan.labels.iter().map(|change| change.manifest);
    let named = plan.manifest.iter().map(ManifestChange::digest).chain(plan.pin.map(|pin| pin.digest));
    let named: BTreeSet<Digest> = named.chain(plan.delete).chain(of_labels).chain(plan.purge.iter().copied()).collect();
    let statement = SeenManifests { repository, digests: &sets::digests(&named) };
    let rows: Vec<ManifestRow> = store.rows(statement, "looking what became of a plan").await?;
    for (digest, created, actor, deleted, pinned) in rows {
        let digest = Column("manifest", "digest").digest(&digest)?;
        seen.manifests.insert(digest, Manifest { created, actor, deleted, pinned });
    }
    let tags: Vec<&str> = plan.tags.iter().map(|change| change.name().as_str()).collect();
    let deletion = plan.delete.as_ref().map(Digest::as_bytes);
    let statement = SeenIntervals { names: &tags, deletion, now: plan.now, repository };
    let rows: Vec<IntervalRow> = store.rows(statement, "looking what became of tags").await?;
    for (name, start, end, target, reversion, actor, newest, immutable) in rows {
        let name = Column("tag", "name").text(&name)?;
        let target = Column("manifest", "digest").digest(&target)?;
        seen.intervals.push(Interval { name, start, end, target, reversion, actor, newest, immutable });
    }
    if let Some(change) = &plan.labels {
        seen.labels = labels(store, &plan.repository, &change.manifest, "").await?.unwrap_or_default();
    }
    Ok(seen)
}

type ManifestRow = (Vec<u8>, Millis, Option<String>, Option<Millis>, Millis);

statement! {
    struct SeenManifests<'a> { repository: &'a str => Text, digests: &'a [&'a [u8]] => Array<Binary> }
    -> (Binary, BigInt, Nullable<Text>, Nullable<BigInt>, BigInt);
    "SELECT m.digest, m.created_ms, m.actor, m.deleted_ms, m.pinned_until_ms FROM repository r \
     JOIN manifest m ON m.repository_id = r.id WHERE r.name = $1 AND r.state <> 2 AND m.digest = ANY ($2)"
}

type IntervalRow = (String, Millis, Millis, Vec<u8>, bool, Option<String>, bool, bool);

statement! {
    /// The rows of tags, and what is in their history since then.
    struct SeenIntervals<'a> {
        names: &'a [&'a str] => Array<Text>,
        deletion: Option<&'a [u8]> => Nullable<Binary>,
        now: Millis => BigInt,
        repository: &'a str => Text,
    }
    -> (Text, BigInt, BigInt, Binary, Bool, Nullable<Text>, Bool, Bool);
    "SELECT i.name, i.start_ms, i.end_ms, m.digest, i.reversion, i.actor, i.newest, i.immutable FROM repository r CROSS JOIN LATERAL (\
     SELECT name, start_ms, expires_ms AS end_ms, manifest_id, reversion, actor, true AS newest, immutable \
     FROM tag WHERE repository_id = r.id AND name = ANY ($1) \
     UNION ALL \
     SELECT name, start_ms, end_ms, manifest_id, reversion, actor, false, false FROM tag_history WHERE repository_id = r.id \
     AND (name = ANY ($1) OR manifest_id = (SELECT id FROM manifest WHERE repository_id = r.id AND digest = $2)) AND end_ms >= $3\
     ) i JOIN manifest m ON m.repository_id = r.id AND m.id = i.manifest_id WHERE r.name = $4 AND r.state <> 2"
}

#[cfg(test)]
mod tests;
