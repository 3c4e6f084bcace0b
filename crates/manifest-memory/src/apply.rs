//! Whether a plan may be applied: everything is looked at before anything is changed.
//!
//! What is looked at first is refused first: the repository, the manifest, its blobs, its children, its legacy images, each tag in
//! the order of its name (alive, guard, immutability, target), the pin, the labels, the deletion, what is purged.

use crate::commit;
use crate::repository::Repository;
use crate::state::{Admission, State};
use manifest_core::Millis;
use manifest_core::empty_layer;
use manifest_core::facts::Visibility;
use manifest_core::plan::{Applied, ManifestChange, Need, NewManifest, Plan, TagChange};
use oci_types::Digest;
use std::borrow::Cow;
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
            unborn = Repository::new(0, plan.repository.clone(), Visibility::Private, plan.now);
            &unborn
        };
        manifest_refusal(repository, plan.manifest.as_ref())
            .or_else(|| plan.tags.iter().find_map(|change| tag_refusal(repository, plan, change)))
            .or_else(|| pin_refusal(repository, plan))
            .or_else(|| labels_refusal(repository, plan))
            .or_else(|| removal_refusal(repository, plan))
    }
}

fn manifest_refusal(repository: &Repository, change: Option<&ManifestChange>) -> Option<Applied> {
    match change? {
        ManifestChange::Keep(digest) => match repository.manifest(digest) {
            Some(row) => link_refusal(repository, &row.stored),
            None => Some(Applied::ManifestGone),
        },
        ManifestChange::Create(new) => match repository.manifest(&new.digest) {
            // Another writer was first, perhaps with other links: those that are stored count.
            Some(row) => link_refusal(repository, &row.stored),
            None => link_refusal(repository, new).or_else(|| image_refusal(repository, new)),
        },
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

fn image_refusal(repository: &Repository, new: &NewManifest) -> Option<Applied> {
    let taken = new.legacy_images.iter().filter(|image| repository.images.is_taken(image));
    let taken: BTreeSet<String> = taken.map(|image| image.id.clone()).collect();
    (!taken.is_empty()).then_some(Applied::ImagesTaken(taken))
}

fn tag_refusal(repository: &Repository, plan: &Plan, change: &TagChange) -> Option<Applied> {
    let (guard, to) = match change {
        TagChange::Point { guard, to, .. } => (guard, Some(to)),
        TagChange::End { guard, .. } => (guard, None),
        TagChange::Amend { name, start, was_immutable, .. } => {
            let seen = repository.tags.alive(name, plan.now);
            let same = seen.is_some_and(|row| row.start == *start && row.immutable == *was_immutable);
            return (!same).then(|| Applied::GuardFailed(name.clone()));
        }
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

fn labels_refusal(repository: &Repository, plan: &Plan) -> Option<Applied> {
    let change = plan.labels.as_ref()?;
    if !will_be_there(repository, plan, &change.manifest) {
        return Some(Applied::ManifestGone);
    }
    let gone = change.remove.is_some_and(|id| {
        let row = repository.manifest(&change.manifest);
        !row.is_some_and(|row| row.labels.iter().any(|label| label.id == id))
    });
    gone.then_some(Applied::LabelGone)
}

/// Manifests are removed after all else, so what the rest of the plan makes of tags and pins decides whether they may be. It is tried on a
/// copy, for nothing may be changed yet; a plan that only deletes needs none.
fn removal_refusal(repository: &Repository, plan: &Plan) -> Option<Applied> {
    if plan.delete.is_none() && plan.purge.is_empty() {
        return None;
    }
    let mut after = Cow::Borrowed(repository);
    if plan.manifest.is_some() || !plan.tags.is_empty() || plan.pin.is_some() {
        commit::write(after.to_mut(), plan, &mut 0);
    }
    if let Some(digest) = &plan.delete {
        let refusal = delete_refusal(&after, digest, plan.now);
        if refusal.is_some() || plan.purge.is_empty() {
            return refusal;
        }
        commit::delete(after.to_mut(), digest, plan);
    }
    // What goes makes nothing visible any more. (Its tags are still asked whether they let it go.)
    for digest in &plan.purge {
        after.to_mut().bury(digest, plan.now);
    }
    plan.purge.iter().find_map(|digest| purge_refusal(&after, plan, digest))
}

fn delete_refusal(repository: &Repository, digest: &Digest, now: Millis) -> Option<Applied> {
    if repository.undeleted(digest).is_none() {
        return Some(Applied::ManifestGone);
    }
    held_refusal(repository, digest, now).or_else(|| listed_refusal(repository, digest, &BTreeSet::new(), now))
}

/// A manifest that is not there any more is purged already.
fn purge_refusal(repository: &Repository, plan: &Plan, digest: &Digest) -> Option<Applied> {
    repository.manifest(digest)?;
    held_refusal(repository, digest, plan.now).or_else(|| listed_refusal(repository, digest, &plan.purge, plan.now))
}

fn held_refusal(repository: &Repository, digest: &Digest, now: Millis) -> Option<Applied> {
    let mut tags = repository.tags.alive_at(digest, now);
    tags.find_map(|(name, state)| state.immutable.then(|| Applied::Immutable(name.clone())))
}

/// Refused by the visible manifests that list this one, but for those that go with it.
fn listed_refusal(repository: &Repository, digest: &Digest, going: &BTreeSet<Digest>, now: Millis) -> Option<Applied> {
    let parents = repository.parents_of(digest).filter(|parent| !going.contains(*parent));
    let parents: BTreeSet<Digest> = parents.filter(|parent| repository.visible(parent, now)).copied().collect();
    (!parents.is_empty()).then_some(Applied::ListedBy(parents))
}

/// Whether a manifest is undeleted once the plan's own manifest is stored or revived.
fn will_be_there(repository: &Repository, plan: &Plan, digest: &Digest) -> bool {
    let written = plan.manifest.as_ref().is_some_and(|change| change.digest() == *digest);
    written || repository.undeleted(digest).is_some()
}
