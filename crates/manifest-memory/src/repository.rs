use crate::tags::Tags;
use manifest_core::facts::{Acting, Blob, RepositoryState, Visibility};
use manifest_core::plan::{LabelId, LabelRow, LabelsChange, NewManifest};
use manifest_core::ports::RepositoryRow;
use manifest_core::{Actor, Millis};
use oci_types::{Digest, RepositoryName};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A repository with all that is in it.
#[derive(Clone, Debug)]
pub(crate) struct Repository {
    /// Its own for ever: a later one of the same name has another.
    pub(crate) id: u64,
    pub(crate) row: RepositoryRow,
    pub(crate) manifests: BTreeMap<Digest, ManifestRow>,
    /// The manifests that name a digest as a child, deleted ones too.
    parents: BTreeMap<Digest, BTreeSet<Digest>>,
    /// The manifests that name a digest as their subject, deleted ones too.
    referrers: BTreeMap<Digest, BTreeSet<Digest>>,
    /// The manifests that name a digest as a blob, deleted ones too.
    linking: BTreeMap<Digest, BTreeSet<Digest>>,
    pub(crate) tags: Tags,
    /// Access rows.
    pub(crate) blobs: BTreeMap<Digest, Access>,
}

/// A manifest with what it names.
#[derive(Clone, Debug)]
pub(crate) struct ManifestRow {
    /// As it was pushed; its labels and what they make of tags are below, for they change.
    pub(crate) stored: Arc<NewManifest>,
    pub(crate) labels: Vec<LabelRow>,
    pub(crate) acting: Acting,
    /// 0 if it never was.
    pub(crate) pinned_until: Millis,
    pub(crate) deleted: Option<Millis>,
    pub(crate) created: Millis,
    pub(crate) actor: Option<Actor>,
}

/// An access row.
#[derive(Clone, Debug)]
pub(crate) struct Access {
    pub(crate) blob: Blob,
    pub(crate) lease_until: Millis,
}

impl Repository {
    pub(crate) fn new(id: u64, name: RepositoryName, visibility: Visibility, created: Millis) -> Self {
        Self {
            id,
            row: RepositoryRow { name, state: RepositoryState::Open, visibility, created },
            manifests: BTreeMap::new(),
            parents: BTreeMap::new(),
            referrers: BTreeMap::new(),
            linking: BTreeMap::new(),
            tags: Tags::default(),
            blobs: BTreeMap::new(),
        }
    }

    /// The row of a manifest, deleted or not.
    pub(crate) fn manifest(&self, digest: &Digest) -> Option<&ManifestRow> {
        self.manifests.get(digest)
    }

    /// The row of a manifest that is not deleted.
    pub(crate) fn undeleted(&self, digest: &Digest) -> Option<&ManifestRow> {
        self.manifest(digest).filter(|row| row.deleted.is_none())
    }

    pub(crate) fn undeleted_count(&self) -> usize {
        self.manifests.values().filter(|row| row.deleted.is_none()).count()
    }

    /// The manifests, deleted or not, that have this one as a child.
    pub(crate) fn parents_of(&self, digest: &Digest) -> impl Iterator<Item = &Digest> {
        self.parents.get(digest).into_iter().flatten()
    }

    /// The manifests, deleted or not, that are about a digest.
    pub(crate) fn referrers_of(&self, subject: &Digest) -> Option<&BTreeSet<Digest>> {
        self.referrers.get(subject)
    }

    /// The manifests, deleted or not, that link a blob.
    pub(crate) fn linking(&self, blob: &Digest) -> impl Iterator<Item = &Digest> {
        self.linking.get(blob).into_iter().flatten()
    }

    /// Whether an undeleted manifest links a blob.
    pub(crate) fn links(&self, blob: &Digest) -> bool {
        self.linking(blob).any(|digest| self.undeleted(digest).is_some())
    }

    /// The blob, if the repository grants access to it, and by more than a lease that ends by then.
    pub(crate) fn grants(&self, digest: &Digest, usable_after: Millis) -> Option<&Blob> {
        let access = self.blobs.get(digest)?;
        (access.lease_until > usable_after || self.links(digest)).then_some(&access.blob)
    }

    /// Whether there is an access row for a blob whose lease had ended by then, and which no manifest row links, deleted or not.
    pub(crate) fn is_idle(&self, blob: &Digest, time: Millis) -> bool {
        let over = self.blobs.get(blob).is_some_and(|access| access.lease_until <= time);
        over && self.linking(blob).next().is_none()
    }

    /// Stores a manifest; the ids of its labels start behind `label_id`.
    pub(crate) fn insert(&mut self, new: &Arc<NewManifest>, now: Millis, actor: Option<Actor>, label_id: &mut u64) {
        let digest = new.digest;
        for child in &new.children {
            self.parents.entry(child.digest).or_default().insert(digest);
        }
        for blob in new.blobs.keys() {
            self.linking.entry(*blob).or_default().insert(digest);
        }
        if let Some(subject) = new.subject {
            self.referrers.entry(subject).or_default().insert(digest);
        }
        let row = ManifestRow {
            stored: Arc::clone(new),
            labels: new.labels.iter().map(|label| LabelRow { id: next(label_id), label: label.clone() }).collect(),
            acting: new.acting,
            pinned_until: 0,
            deleted: None,
            created: now,
            actor,
        };
        self.manifests.insert(digest, row);
    }

    pub(crate) fn change_labels(&mut self, change: &LabelsChange, label_id: &mut u64) {
        if let Some(row) = self.manifests.get_mut(&change.manifest) {
            row.labels.retain(|label| Some(label.id) != change.remove);
            row.labels.extend(change.add.iter().map(|label| LabelRow { id: next(label_id), label: label.clone() }));
            row.acting = change.acting;
        }
    }

    pub(crate) fn revive(&mut self, digest: &Digest) {
        if let Some(row) = self.manifests.get_mut(digest) {
            row.deleted = None;
        }
    }

    /// Keeps a manifest until then, or longer if it already is.
    pub(crate) fn pin(&mut self, digest: &Digest, until: Millis) {
        if let Some(row) = self.manifests.get_mut(digest) {
            row.pinned_until = row.pinned_until.max(until);
        }
    }

    /// Marks a manifest deleted and clears its pin. Its tags are the caller's business.
    pub(crate) fn bury(&mut self, digest: &Digest, now: Millis) {
        if let Some(row) = self.manifests.get_mut(digest) {
            row.deleted = Some(now);
            row.pinned_until = 0;
        }
    }

    /// Removes a manifest for good, with its links, its labels, and every interval of a tag that points at it.
    pub(crate) fn remove(&mut self, digest: &Digest) -> Option<ManifestRow> {
        let row = self.manifests.remove(digest)?;
        for child in &row.stored.children {
            unlink(&mut self.parents, &child.digest, digest);
        }
        for blob in row.stored.blobs.keys() {
            unlink(&mut self.linking, blob, digest);
        }
        if let Some(subject) = &row.stored.subject {
            unlink(&mut self.referrers, subject, digest);
        }
        self.tags.forget(digest);
        Some(row)
    }
}

fn next(label_id: &mut u64) -> LabelId {
    *label_id += 1;
    LabelId(*label_id)
}

fn unlink(links: &mut BTreeMap<Digest, BTreeSet<Digest>>, to: &Digest, from: &Digest) {
    if let Some(linking) = links.get_mut(to) {
        linking.remove(from);
        if linking.is_empty() {
            links.remove(to);
        }
    }
}
