//! Whether a plan may be applied: everything is looked at before anything is changed.
//!
//! What is looked at first is refused first: the repository, the manifest, its blobs, its children, each tag in the order of
//! its name (alive, guard, immutability, target), the pin, the deletion.

use crate::repository::{ManifestRow, Repository};
use crate::state::{Admission, State};
use manifest_core::Millis;
use manifest_core::empty_layer;
use manifest_core::facts::Visibility;
use manifest_core::plan::{Applied, ManifestChange, Need, NewManifest, Plan, TagChange};
use oci_types::{Digest, TagName};
use std::collections::BTreeSet;

impl State {
    /// Applies a plan whole, or answers why not and changes nothing.
    pub(crate) fn apply(&mut self, plan: &Plan) -> Applied {
        match self.refusal(plan) {
            Some(refusal) => refusal,
            None => self.commit(plan),
        }
    }

    fn refusal(&self, plan: &Plan) -> Option<Applied> {
        match self.admit(&plan.repository, plan.create_repository) {
            Admission::Gone => return Some(Applied::RepositoryGone),
            Admission::ReadOnly => return Some(Applied::ReadOnly),
            Admission::Open => {}
        }
        let unborn;
        let repository = if let Some(repository) = self.repository(&plan.repository) {
            repository
        } else {
            unborn = Repository::new(plan.repository.clone(), Visibility::Private, plan.now);
            &unborn
        };
        manifest_refusal(repository, plan.manifest.as_ref())
            .or_else(|| plan.tags.iter().find_map(|change| tag_refusal(repository, plan, change)))
            .or_else(|| pin_refusal(repository, plan))
            .or_else(|| delete_refusal(repository, plan.delete?, plan.now))
    }
}

fn manifest_refusal(repository: &Repository, change: Option<&ManifestChange>) -> Option<Applied> {
    match change? {
        ManifestChange::Keep(digest) => match repository.manifest(digest) {
            Some(row) => link_refusal(repository, &row.stored),
            None => Some(Applied::ManifestGone),
        },
        ManifestChange::Create(new) => {
            // Another writer may have been first, and with other links: those that are stored count.
            let stored = repository.manifest(&new.digest).map(|row: &ManifestRow| &row.stored);
            link_refusal(repository, stored.unwrap_or(new))
        }
    }
}

fn link_refusal(repository: &Repository, manifest: &NewManifest) -> Option<Applied> {
    let builtin = manifest.empty_layer.then(empty_layer::digest);
    let required = manifest.blobs.iter().filter(|(_, need)| **need == Need::Required);
    let missing: BTreeSet<Digest> = required
        .map(|(digest, _)| *digest)
        .filter(|digest| !repository.blobs.contains_key(digest) && builtin != Some(*digest))
        .collect();
    if !missing.is_empty() {
        return Some(Applied::MissingBlobs(missing));
    }
    let required = manifest.children.iter().filter(|child| child.need == Need::Required);
    let missing: BTreeSet<Digest> =
        required.map(|child| child.digest).filter(|digest| repository.undeleted(digest).is_none()).collect();
    (!missing.is_empty()).then_some(Applied::MissingChildren(missing))
}

fn tag_refusal(repository: &Repository, plan: &Plan, change: &TagChange) -> Option<Applied> {
    let (guard, to) = match change {
        TagChange::Point { guard, to, .. } => (guard, Some(to)),
        TagChange::End { guard, .. } => (guard, None),
    };
    let name = change.name();
    let alive = repository.tags.alive(name, plan.now);
    if to.is_none() && alive.is_none() {
        return Some(Applied::TagGone(name.clone()));
    }
    if !guard.holds(alive.map(|state| &state.target)) {
        return Some(Applied::GuardFailed(name.clone()));
    }
    if alive.is_some_and(|state| state.immutable) {
        return Some(Applied::Immutable(name.clone()));
    }
    to.is_some_and(|digest| !will_be_there(repository, plan, digest)).then_some(Applied::ManifestGone)
}

fn pin_refusal(repository: &Repository, plan: &Plan) -> Option<Applied> {
    let pin = plan.pin?;
    (!will_be_there(repository, plan, &pin.digest)).then_some(Applied::ManifestGone)
}

fn delete_refusal(repository: &Repository, digest: Digest, now: Millis) -> Option<Applied> {
    if repository.undeleted(&digest).is_none() {
        return Some(Applied::ManifestGone);
    }
    let immutable: Option<&TagName> =
        repository.tags.alive_at(&digest, now).find_map(|(name, state)| state.immutable.then_some(name));
    if let Some(name) = immutable {
        return Some(Applied::Immutable(name.clone()));
    }
    let parents: BTreeSet<Digest> =
        repository.parents_of(&digest).filter(|parent| repository.visible(parent, now)).copied().collect();
    (!parents.is_empty()).then_some(Applied::ListedBy(parents))
}

/// Whether a manifest is undeleted once the plan's own manifest is stored or revived.
fn will_be_there(repository: &Repository, plan: &Plan, digest: &Digest) -> bool {
    let written = plan.manifest.as_ref().is_some_and(|change| change.digest() == *digest);
    written || repository.undeleted(digest).is_some()
}
