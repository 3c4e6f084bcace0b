//! Repositories on their way out: unknown to everybody, but their rows still there.

use crate::repository::Repository;
use crate::state::State;
use manifest_core::Millis;
use manifest_core::ports::UploadId;
use oci_types::{Digest, RepositoryName};
use std::collections::BTreeMap;

/// Repositories that are marked for deletion.
#[derive(Debug, Default)]
pub(crate) struct Doomed {
    /// By id, with the time at which they were marked.
    pub(crate) repositories: BTreeMap<u64, (Repository, Millis)>,
    /// How many of them have an access row for a digest.
    holders: BTreeMap<Digest, u64>,
}

impl Doomed {
    /// Whether one of them has an access row for a digest.
    pub(crate) fn hold(&self, digest: &Digest) -> bool {
        self.holders.contains_key(digest)
    }

    fn let_go(&mut self, digest: &Digest) {
        if let Some(count) = self.holders.get_mut(digest) {
            *count -= 1;
            if *count == 0 {
                self.holders.remove(digest);
            }
        }
    }
}

impl State {
    /// Marks a repository for deletion. Whether there is one.
    pub(crate) fn doom(&mut self, name: &RepositoryName, now: Millis) -> bool {
        let Some(repository) = self.repositories.remove(name.as_str()) else {
            return false;
        };
        self.public.remove(name);
        for digest in repository.blobs.keys() {
            self.let_go(name, digest);
            *self.doomed.holders.entry(*digest).or_default() += 1;
        }
        self.doomed.repositories.insert(repository.id, (repository, now));
        true
    }

    /// Whether any repository, doomed ones included, has an access row for a digest.
    pub(crate) fn is_held(&self, digest: &Digest) -> bool {
        self.holders.contains_key(digest) || self.doomed.hold(digest)
    }

    /// Removes so many rows of a doomed repository, its own the last. How many were removed.
    pub(crate) fn shed(&mut self, id: u64, limit: usize, now: Millis) -> usize {
        let Some((repository, _)) = self.doomed.repositories.get_mut(&id) else {
            return 0;
        };
        let mut removed = repository.tags.shed(limit);
        while removed < limit
            && let Some(digest) = repository.manifests.keys().next().copied()
        {
            repository.remove(&digest);
            removed += 1;
        }
        while removed < limit
            && let Some(id) = repository.images.rows.keys().next().cloned()
        {
            repository.images.drop(&id);
            removed += 1;
        }
        let mut released = Vec::new();
        while removed < limit
            && let Some((digest, _)) = repository.blobs.pop_first()
        {
            released.push(digest);
            removed += 1;
        }
        for digest in released {
            self.doomed.let_go(&digest);
        }
        let uploads = self.uploads.iter().filter(|(_, upload)| upload.repository == id);
        let uploads: Vec<UploadId> = uploads.map(|(id, _)| *id).take(limit - removed).collect();
        for upload in &uploads {
            self.drop_upload(upload, now);
        }
        removed += uploads.len();
        if removed < limit {
            self.doomed.repositories.remove(&id);
            removed += 1;
        }
        removed
    }
}
