use crate::tags::Tags;
use manifest_core::Millis;
use manifest_core::facts::{Blob, RepositoryState, Visibility};
use manifest_core::plan::NewManifest;
use manifest_core::ports::RepositoryRow;
use oci_types::{Digest, RepositoryName};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A repository with all that is in it.
#[derive(Debug)]
pub(crate) struct Repository {
    pub(crate) row: RepositoryRow,
    manifests: BTreeMap<Digest, ManifestRow>,
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
#[derive(Debug)]
pub(crate) struct ManifestRow {
    pub(crate) stored: Arc<NewManifest>,
    pub(crate) pinned_until: Option<Millis>,
    pub(crate) deleted: bool,
}

/// An access row.
#[derive(Debug)]
pub(crate) struct Access {
    pub(crate) blob: Blob,
    pub(crate) lease_until: Millis,
}

impl Repository {
    pub(crate) fn new(name: RepositoryName, visibility: Visibility, created: Millis) -> Self {
        Self {
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
        self.manifest(digest).filter(|row| !row.deleted)
    }

    pub(crate) fn undeleted_count(&self) -> usize {
        self.manifests.values().filter(|row| !row.deleted).count()
    }

    /// The undeleted manifests that have this one as a child.
    pub(crate) fn parents_of(&self, digest: &Digest) -> impl Iterator<Item = &Digest> {
        self.undeleted_in(self.parents.get(digest))
    }

    /// The manifests, deleted or not, that are about a digest.
    pub(crate) fn referrers_of(&self, subject: &Digest) -> Option<&BTreeSet<Digest>> {
        self.referrers.get(subject)
    }

    /// Whether an undeleted manifest links a blob.
    pub(crate) fn links(&self, blob: &Digest) -> bool {
        self.undeleted_in(self.linking.get(blob)).next().is_some()
    }

    /// The blob, if the repository grants access to it, and by more than a lease that ends by then.
    pub(crate) fn grants(&self, digest: &Digest, usable_after: Millis) -> Option<&Blob> {
        let access = self.blobs.get(digest)?;
        (access.lease_until > usable_after || self.links(digest)).then_some(&access.blob)
    }

    pub(crate) fn insert(&mut self, new: &Arc<NewManifest>) {
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
        self.manifests.insert(digest, ManifestRow { stored: Arc::clone(new), pinned_until: None, deleted: false });
    }

    pub(crate) fn revive(&mut self, digest: &Digest) {
        if let Some(row) = self.manifests.get_mut(digest) {
            row.deleted = false;
        }
    }

    /// Keeps a manifest until then, or longer if it already is.
    pub(crate) fn pin(&mut self, digest: &Digest, until: Millis) {
        if let Some(row) = self.manifests.get_mut(digest) {
            row.pinned_until = row.pinned_until.max(Some(until));
        }
    }

    /// Marks a manifest deleted and clears its pin. Its tags are the caller's business.
    pub(crate) fn bury(&mut self, digest: &Digest) {
        if let Some(row) = self.manifests.get_mut(digest) {
            row.deleted = true;
            row.pinned_until = None;
        }
    }

    fn undeleted_in<'a>(&'a self, digests: Option<&'a BTreeSet<Digest>>) -> impl Iterator<Item = &'a Digest> {
        digests.into_iter().flatten().filter(|digest| self.undeleted(digest).is_some())
    }
}
