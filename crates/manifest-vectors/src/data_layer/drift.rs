//! What Quay has and we do not, or the other way round, through a deviation earlier in the case.

use crate::deviations::Rule;
use manifest_core::oci_types::{Digest, RepositoryName, TagName};
use std::collections::{BTreeMap, BTreeSet};

type Of<K> = BTreeMap<(RepositoryName, K), Rule>;

/// In what the two worlds differ, and by which rule.
#[derive(Debug, Default)]
pub(super) struct Drift {
    manifests: Of<Digest>,
    tags: Of<TagName>,
    blobs: Of<String>,
}

impl Drift {
    /// One world may have this manifest, which needs these blobs, and the other not.
    pub(super) fn manifest(
        &mut self,
        repo: &RepositoryName,
        digest: &Digest,
        blobs: impl IntoIterator<Item = String>,
        rule: Rule,
    ) {
        self.manifests.entry((repo.clone(), *digest)).or_insert(rule);
        for blob in blobs {
            self.blobs.entry((repo.clone(), blob)).or_insert(rule);
        }
    }

    /// This tag may have other intervals in one world than in the other, so that other manifests are kept: at least this one.
    pub(super) fn tag(&mut self, repo: &RepositoryName, tag: &TagName, rule: Rule) {
        self.tags.entry((repo.clone(), tag.clone())).or_insert(rule);
    }

    pub(super) fn of_manifest(&self, repo: &RepositoryName, digest: &Digest) -> Option<Rule> {
        self.manifests.get(&(repo.clone(), *digest)).copied()
    }

    pub(super) fn of_tag(&self, repo: &RepositoryName, tag: &TagName) -> Option<Rule> {
        self.tags.get(&(repo.clone(), tag.clone())).copied()
    }

    pub(super) fn of_blob(&self, repo: &RepositoryName, digest: &str) -> Option<Rule> {
        self.blobs.get(&(repo.clone(), digest.to_owned())).copied()
    }

    /// Any of the manifests that has drifted.
    pub(super) fn of_any(&self, repo: &RepositoryName, digests: &BTreeSet<Digest>) -> Option<Rule> {
        digests.iter().find_map(|digest| self.of_manifest(repo, digest))
    }

    /// A blob that may be stored in one world only, in whatever repository.
    pub(super) fn of_bytes(&self, digest: &str) -> Option<Rule> {
        self.blobs.iter().find(|((_, blob), _)| blob == digest).map(|(_, rule)| *rule)
    }

    /// Anything of a repository.
    pub(super) fn in_repository(&self, repo: &RepositoryName) -> Option<Rule> {
        let manifests = self.manifests.iter().find(|((of, _), _)| of == repo).map(|(_, rule)| *rule);
        manifests.or_else(|| self.tags_in(repo))
    }

    /// Any tag of a repository.
    pub(super) fn tags_in(&self, repo: &RepositoryName) -> Option<Rule> {
        self.tags.iter().find(|((of, _), _)| of == repo).map(|(_, rule)| *rule)
    }
}
