use crate::deleting::Doomed;
use crate::repository::{Access, Repository};
use crate::trash::Trash;
use bytes::Bytes;
use manifest_core::Millis;
use manifest_core::empty_layer;
use manifest_core::facts::{Blob, Location, RepositoryState, Visibility};
use manifest_core::ports::{Part, UploadId};
use oci_types::{Digest, RepositoryName};
use std::collections::{BTreeMap, BTreeSet};

/// Everything that a store holds, behind its one lock.
#[derive(Debug)]
pub(crate) struct State {
    /// By name, as bytes, so that a range of a scope is a range of the map.
    pub(crate) repositories: BTreeMap<Box<str>, Repository>,
    /// The names of those that are public.
    pub(crate) public: BTreeSet<RepositoryName>,
    /// Where the bytes of each digest are.
    pub(crate) blobs: BTreeMap<Digest, Blob>,
    /// The locations of `blobs`.
    named: BTreeSet<Location>,
    /// The repositories that have an access row for a digest.
    pub(crate) holders: BTreeMap<Digest, BTreeSet<RepositoryName>>,
    /// Repositories that are marked for deletion, in the order in which they were created.
    pub(crate) doomed: Doomed,
    pub(crate) uploads: BTreeMap<UploadId, UploadRow>,
    /// `uploads` by when they end.
    pub(crate) upload_ends: BTreeSet<(Millis, UploadId)>,
    /// The locations of the parts of `uploads`.
    pub(crate) parts: BTreeSet<Location>,
    pub(crate) trash: Trash,
    /// The id of the newest repository.
    last_repository: u64,
    /// The id of the newest label.
    pub(crate) last_label: u64,
}

/// An upload. It counts until `expires`, finished or not.
#[derive(Debug)]
pub(crate) struct UploadRow {
    /// The repository's id.
    pub(crate) repository: u64,
    pub(crate) offset: u64,
    pub(crate) hash_state: Bytes,
    pub(crate) parts: Vec<Part>,
    pub(crate) finished: Option<(Digest, Blob)>,
    pub(crate) expires: Millis,
}

impl Default for State {
    fn default() -> Self {
        let mut state = Self {
            repositories: BTreeMap::new(),
            public: BTreeSet::new(),
            blobs: BTreeMap::new(),
            named: BTreeSet::new(),
            holders: BTreeMap::new(),
            doomed: Doomed::default(),
            uploads: BTreeMap::new(),
            upload_ends: BTreeSet::new(),
            parts: BTreeSet::new(),
            trash: Trash::default(),
            last_repository: 0,
            last_label: 0,
        };
        // The shared empty layer is part of the program, so every store has it from the start.
        state.keep_blob(empty_layer::digest(), empty_layer::blob());
        state
    }
}

/// What a write may do in a repository, before it does anything.
pub(crate) enum Admission {
    /// It is there, or will be once [`State::repository_mut`] is called.
    Open,
    /// It is not there, and is not to be created.
    Gone,
    /// It takes no writes.
    ReadOnly,
}

impl State {
    pub(crate) fn repository(&self, name: &RepositoryName) -> Option<&Repository> {
        self.repositories.get(name.as_str())
    }

    /// Whether there is such a repository and it takes no writes.
    pub(crate) fn is_read_only(&self, name: &RepositoryName) -> bool {
        self.repository(name).is_some_and(|repository| repository.row.state == RepositoryState::ReadOnly)
    }

    /// Whether a write that would create the repository with that visibility may go on.
    pub(crate) fn admit(&self, name: &RepositoryName, create: Option<Visibility>) -> Admission {
        match self.repository(name).map(|repository| repository.row.state) {
            Some(RepositoryState::Open) => Admission::Open,
            Some(RepositoryState::ReadOnly) => Admission::ReadOnly,
            None if create.is_some() => Admission::Open,
            Some(RepositoryState::Absent) | None => Admission::Gone,
        }
    }

    /// The repository, created if it is absent.
    pub(crate) fn repository_mut(
        &mut self,
        name: &RepositoryName,
        create: Option<Visibility>,
        now: Millis,
    ) -> &mut Repository {
        let (public, last) = (&mut self.public, &mut self.last_repository);
        self.repositories.entry(name.as_str().into()).or_insert_with(|| {
            let visibility = create.unwrap_or_default();
            if visibility == Visibility::Public {
                public.insert(name.clone());
            }
            *last += 1;
            Repository::new(*last, name.clone(), visibility, now)
        })
    }

    /// Records where the bytes of a digest are, unless that is known. Answers where they are.
    pub(crate) fn keep_blob(&mut self, digest: Digest, blob: Blob) -> Blob {
        let kept = self.blobs.entry(digest).or_insert(blob).clone();
        self.named.insert(kept.location.clone());
        self.trash.forget(&kept.location);
        kept
    }

    /// Gives a repository an access row, or a longer lease on the one it has.
    pub(crate) fn grant(&mut self, repository: &RepositoryName, digest: Digest, blob: &Blob, lease_until: Millis) {
        if let Some(row) = self.repositories.get_mut(repository.as_str()) {
            let access = row.blobs.entry(digest).or_insert_with(|| Access { blob: blob.clone(), lease_until });
            access.lease_until = access.lease_until.max(lease_until);
            self.holders.entry(digest).or_default().insert(repository.clone());
        }
    }

    /// Takes a repository's access row away.
    pub(crate) fn revoke(&mut self, repository: &RepositoryName, digest: &Digest) {
        if let Some(row) = self.repositories.get_mut(repository.as_str()) {
            row.blobs.remove(digest);
        }
        self.let_go(repository, digest);
    }

    /// Forgets that a repository has an access row.
    pub(crate) fn let_go(&mut self, repository: &RepositoryName, digest: &Digest) {
        if let Some(holders) = self.holders.get_mut(digest) {
            holders.remove(repository);
            if holders.is_empty() {
                self.holders.remove(digest);
            }
        }
    }

    /// Removes a blob row; its location is trash.
    pub(crate) fn drop_blob(&mut self, digest: &Digest, now: Millis) {
        if let Some(blob) = self.blobs.remove(digest) {
            self.named.remove(&blob.location);
            self.discard(&blob.location, now);
        }
    }

    /// Puts a location into the trash, unless a blob row or an upload still names it.
    pub(crate) fn discard(&mut self, location: &Location, now: Millis) {
        if !self.named.contains(location) && !self.parts.contains(location) {
            self.trash.put(location, now);
        }
    }

    /// Whether a blob row, an upload's part or the trash names a location.
    pub(crate) fn names(&self, location: &Location) -> bool {
        self.named.contains(location) || self.parts.contains(location) || self.trash.contains(location)
    }

    /// The upload, if it is one of that repository and has not expired.
    pub(crate) fn upload(&self, repository: &RepositoryName, id: &UploadId, now: Millis) -> Option<&UploadRow> {
        let home = self.repository(repository)?.id;
        self.uploads.get(id).filter(|upload| upload.repository == home && upload.expires > now)
    }
}
