use super::change::{Guard, Plan, TagChange};
use super::empty::{empty_ask, empty_plan};
use crate::access::Context;
use crate::facts::{PushAsk, PushFacts, RepositoryState, TagState};
use crate::policy::Policy;
use crate::time::Millis;
use oci_types::{Digest, RepositoryName, TagName};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Where and when something is purged.
#[derive(Clone, Copy, Debug)]
pub struct PurgeCase<'a> {
    /// Where.
    pub repository: &'a RepositoryName,
    /// Who, and when the purge was planned.
    pub context: &'a Context,
    /// What the operator chose.
    pub policy: &'a Policy,
}

/// What a purge would do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PurgePlan {
    /// Write this.
    Write(Box<Plan>),
    /// Delete this repository whole.
    Repository(RepositoryPurge),
}

/// A repository that is to be deleted whole: which one, and what it held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepositoryPurge {
    /// Its name.
    pub repository: RepositoryName,
    /// Since when it is there: another one of the same name is another one.
    pub created: Millis,
    /// How many manifests it holds, deleted or not.
    pub manifests: u64,
    /// How many tags are alive in it.
    pub tags: u64,
    /// When the purge was planned.
    pub now: Millis,
}

impl PurgePlan {
    /// As JSON, in the forms of [`plan_to_json`](super::plan_to_json).
    #[must_use]
    pub fn to_json(&self) -> Value {
        match self {
            Self::Write(plan) => super::plan_to_json(plan),
            Self::Repository(RepositoryPurge { repository, created, manifests, tags, now }) => json!({
                "purgeRepository": repository.as_str(),
                "created": created,
                "manifests": manifests,
                "tags": tags,
                "now": now,
            }),
        }
    }
}

/// Why nothing is purged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PurgeRejection {
    /// There is no such repository.
    RepositoryUnknown,
    /// The repository takes no writes.
    ReadOnly,
    /// There is no such tag alive.
    TagUnknown(TagName),
    /// There is no such manifest, not even a deleted one.
    ManifestUnknown(Digest),
    /// An immutable tag is named, or points at a manifest that would go.
    Immutable(TagName),
}

/// What purging a manifest needs to know of it.
#[must_use]
pub fn purge_manifest_ask(case: &PurgeCase<'_>, digest: &Digest) -> PushAsk {
    PushAsk { digest: Some(*digest), tags_of: Some(*digest), ..empty_ask(case.repository, case.context) }
}

/// What purging tags needs to know of them; what they point at is asked next.
#[must_use]
pub fn purge_tags_ask(case: &PurgeCase<'_>, tags: &BTreeSet<TagName>) -> PushAsk {
    PushAsk { tags: tags.clone(), ..empty_ask(case.repository, case.context) }
}

/// The manifests at which those tags point.
///
/// # Errors
///
/// [`PurgeRejection`]; never `ManifestUnknown`.
pub fn purge_targets(
    case: &PurgeCase<'_>,
    tags: &BTreeSet<TagName>,
    facts: &PushFacts,
) -> Result<BTreeMap<TagName, Digest>, PurgeRejection> {
    writable(facts)?;
    let target = |name: &TagName| match facts.tags.get(name).filter(|state| state.alive(case.context.now)) {
        None => Err(PurgeRejection::TagUnknown(name.clone())),
        Some(state) if state.immutable => Err(PurgeRejection::Immutable(name.clone())),
        Some(state) => Ok((name.clone(), state.target)),
    };
    tags.iter().map(target).collect()
}

/// Decides about a purge of manifests, given the facts about each: it goes for good with its alive tags. That no
/// visible index lists it is found by the write itself.
///
/// ```
/// # use manifest_core::facts::{Acting, Existing, PushFacts, RepositoryState};
/// # use manifest_core::plan::{PlanId, PurgeCase, PurgeRejection, plan_purge_manifests};
/// # use manifest_core::oci_types::{Algorithm, Digest, MediaType};
/// # use manifest_core::{Context, Policy};
/// # let repository = "team/app".parse().unwrap();
/// # let (context, policy, digest) = (Context::anonymous(0), Policy::default(), Digest::of(Algorithm::Sha256, b""));
/// let case = PurgeCase { repository: &repository, context: &context, policy: &policy };
/// let mut facts = PushFacts::nothing_in(RepositoryState::Open);
/// let refused = plan_purge_manifests(&case, &[(digest, facts.clone())].into());
/// assert_eq!(refused, Err(PurgeRejection::ManifestUnknown(digest)));
///
/// let media_type = MediaType::from_static(MediaType::OCI_MANIFEST);
/// facts.existing = Some(Existing { media_type, acting: Acting::default(), deleted: true, visible: false });
/// let plan = plan_purge_manifests(&case, &[(digest, facts)].into()).unwrap();
/// assert!(plan.purge.contains(&digest));
/// println!("confirm with {}", PlanId::of(&plan));
/// ```
///
/// # Errors
///
/// [`PurgeRejection`]; never `TagUnknown`.
pub fn plan_purge_manifests(case: &PurgeCase<'_>, facts: &BTreeMap<Digest, PushFacts>) -> Result<Plan, PurgeRejection> {
    let mut ends = BTreeMap::new();
    for (digest, facts) in facts {
        writable(facts)?;
        if facts.existing.is_none() {
            return Err(PurgeRejection::ManifestUnknown(*digest));
        }
        for (name, state) in &facts.tags_of {
            ends.insert(name.clone(), mutable_target(name, state)?);
        }
    }
    Ok(plan(case, ends, facts.keys().copied().collect()))
}

/// Decides about a purge of tags: they end, and the manifests that no other alive tag holds go for good. `targets` is
/// what [`purge_targets`] found, `facts` those about each of them. A manifest that another tag holds stays, without a
/// pin; and so does what the tags pointed at before.
///
/// # Errors
///
/// [`PurgeRejection`]; never `TagUnknown`.
pub fn plan_purge_tags(
    case: &PurgeCase<'_>,
    targets: &BTreeMap<TagName, Digest>,
    facts: &BTreeMap<Digest, PushFacts>,
) -> Result<Plan, PurgeRejection> {
    let mut purge = BTreeSet::new();
    for (digest, facts) in facts {
        writable(facts)?;
        if facts.tags_of.keys().all(|name| targets.contains_key(name)) {
            purge.insert(*digest);
        }
    }
    Ok(plan(case, targets.clone(), purge))
}

fn plan(case: &PurgeCase<'_>, ends: BTreeMap<TagName, Digest>, purge: BTreeSet<Digest>) -> Plan {
    let end = |(name, target)| TagChange::End { name, guard: Guard::Is(target) };
    Plan {
        tags: ends.into_iter().map(end).collect(),
        // What would be pinned is what is to go.
        displaced_until: None,
        purge,
        ..empty_plan(case.repository, case.policy, case.context)
    }
}

fn mutable_target(name: &TagName, state: &TagState) -> Result<Digest, PurgeRejection> {
    if state.immutable { Err(PurgeRejection::Immutable(name.clone())) } else { Ok(state.target) }
}

fn writable(facts: &PushFacts) -> Result<(), PurgeRejection> {
    match facts.repository {
        RepositoryState::Absent => Err(PurgeRejection::RepositoryUnknown),
        RepositoryState::ReadOnly => Err(PurgeRejection::ReadOnly),
        RepositoryState::Open => Ok(()),
    }
}

#[cfg(test)]
mod tests;
