//! The writes of a plan that nothing speaks against. None of them can fail.

use crate::repository::Repository;
use crate::state::State;
use crate::tags::Target;
use manifest_core::empty_layer;
use manifest_core::plan::{Applied, ManifestChange, Plan, TagChange};
use oci_types::{Digest, TagName};
use std::collections::{BTreeMap, BTreeSet};

impl State {
    pub(crate) fn commit(&mut self, plan: &Plan) -> Applied {
        let mut label_id = self.last_label;
        let repository = self.repository_mut(&plan.repository, plan.create_repository, plan.now);
        let (created, mut displaced) = write(repository, plan, &mut label_id);
        if let Some(digest) = &plan.delete {
            displaced.extend(delete(repository, digest, plan));
        }
        for digest in &plan.purge {
            let tags = repository.tags.alive_at(digest, plan.now);
            displaced.extend(tags.map(|(name, _)| (name.clone(), *digest)).collect::<Vec<_>>());
        }
        self.last_label = label_id;
        self.grant_empty_layer(plan);
        self.purge(plan);
        Applied::Done { created, displaced }
    }

    /// Removes manifests for good, and the access rows that only they needed.
    fn purge(&mut self, plan: &Plan) {
        let Some(repository) = self.repositories.get_mut(plan.repository.as_str()) else { return };
        let mut links = BTreeSet::new();
        for digest in &plan.purge {
            links.extend(
                repository
                    .remove(digest)
                    .into_iter()
                    .flat_map(|row| row.stored.blobs.keys().copied().collect::<Vec<_>>()),
            );
        }
        links.retain(|blob| repository.is_idle(blob, plan.now));
        for blob in &links {
            self.revoke(&plan.repository, blob);
        }
    }

    /// The shared empty layer is never uploaded, so the manifest that has it brings its access row along.
    fn grant_empty_layer(&mut self, plan: &Plan) {
        let stored = plan.manifest.as_ref().and_then(|change| {
            let repository = self.repository(&plan.repository)?;
            Some(repository.manifest(&change.digest())?.stored.empty_layer)
        });
        if stored == Some(true) {
            self.grant(&plan.repository, empty_layer::digest(), &empty_layer::blob(), plan.now);
        }
    }
}

/// What comes before anything is deleted or purged. Whether the manifest's row is new, and which alive tags point elsewhere now.
pub(crate) fn write(repository: &mut Repository, plan: &Plan, label_id: &mut u64) -> (bool, BTreeMap<TagName, Digest>) {
    let created = plan.manifest.as_ref().is_some_and(|change| store(repository, plan, change, label_id));
    let mut displaced = BTreeMap::new();
    for change in &plan.tags {
        if let Some(left) = change_tag(repository, plan, change) {
            displaced.insert(change.name().clone(), left);
        }
    }
    if let Some(pin) = &plan.pin {
        repository.pin(&pin.digest, pin.until);
    }
    if let Some(until) = plan.displaced_until {
        for left in displaced.values() {
            repository.pin(left, until);
        }
    }
    if let Some(change) = &plan.labels {
        repository.change_labels(change, label_id);
    }
    (created, displaced)
}

/// Marks a manifest deleted and ends its alive tags. Which they were.
pub(crate) fn delete(repository: &mut Repository, digest: &Digest, plan: &Plan) -> BTreeMap<TagName, Digest> {
    let names: Vec<TagName> = repository.tags.alive_at(digest, plan.now).map(|(name, _)| name.clone()).collect();
    repository.bury(digest, plan.now);
    names
        .into_iter()
        .filter_map(|name| {
            let left = repository.tags.end(&name, plan.now)?;
            Some((name, left))
        })
        .collect()
}

/// Stores or revives a manifest. Whether its row is new.
fn store(repository: &mut Repository, plan: &Plan, change: &ManifestChange, label_id: &mut u64) -> bool {
    match change {
        ManifestChange::Create(new) if repository.manifest(&new.digest).is_none() => {
            repository.insert(new, plan.now, plan.actor.clone(), label_id);
            true
        }
        ManifestChange::Create(_) | ManifestChange::Keep(_) => {
            repository.revive(&change.digest());
            false
        }
    }
}

/// Answers what the tag pointed at, if it was alive and no longer points there.
fn change_tag(repository: &mut Repository, plan: &Plan, change: &TagChange) -> Option<Digest> {
    match change {
        TagChange::End { name, .. } => repository.tags.end(name, plan.now),
        TagChange::Amend { name, expires, immutable, .. } => {
            repository.tags.amend(name, *expires, *immutable);
            None
        }
        TagChange::Point { name, to, expires, immutable, reversion, .. } => {
            let target = Target {
                to: *to,
                expires: *expires,
                immutable: *immutable,
                reversion: *reversion,
                actor: plan.actor.clone(),
            };
            repository.tags.point(name, target, plan.now)
        }
    }
}
