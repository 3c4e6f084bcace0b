//! How much would be free if rows went: each blob once, and only those that nobody holds any more.

use crate::repository::Repository;
use crate::state::State;
use manifest_core::Millis;
use manifest_core::empty_layer;
use manifest_core::ports::Reclaim;
use oci_types::{Digest, RepositoryName};
use std::collections::{BTreeMap, BTreeSet};

/// Manifests that go, by repository.
type Going<'a> = BTreeMap<&'a str, BTreeSet<&'a Digest>>;

impl State {
    /// What a purge of these manifests would free.
    pub(crate) fn freed_by(&self, name: &RepositoryName, digests: &[Digest], now: Millis) -> Reclaim {
        let Some(repository) = self.repository(name) else {
            return Reclaim::default();
        };
        let going: BTreeSet<&Digest> = digests.iter().filter(|digest| repository.manifest(digest).is_some()).collect();
        let rows = going.iter().filter_map(|digest| repository.manifest(digest));
        let links: BTreeSet<&Digest> = rows.flat_map(|row| row.stored.blobs.keys()).collect();
        let manifests = going.len() as u64;
        let going = Going::from([(name.as_str(), going)]);
        // A purge takes no access rows but those of what it purges: another repository holds its own, lease or not, and so does one
        // on its way out. What nobody holds is free already.
        let alone = |blob: &Digest| self.holders.get(blob).is_some_and(|holders| holders.iter().eq([name]));
        let free =
            links.into_iter().filter(|blob| !self.doomed.hold(blob) && alone(blob) && self.would_go(blob, &going, now));
        self.sum(manifests, free)
    }

    /// What a whole collection would free.
    pub(crate) fn reclaimable(&self, now: Millis, window: i64, grace: i64) -> Reclaim {
        let time = now.saturating_sub(window);
        let mut going = Going::new();
        let mut manifests = 0;
        for (name, repository) in &self.repositories {
            let digests = repository.manifests.keys();
            let gone: BTreeSet<&Digest> = digests.filter(|digest| !repository.kept(digest, time, now)).collect();
            manifests += gone.len() as u64;
            going.insert(name, gone);
        }
        manifests += self.doomed.repositories.values().map(|(row, _)| row.manifests.len() as u64).sum::<u64>();
        let lease = now.saturating_sub(grace);
        let free = self.blobs.keys().filter(|blob| self.would_go(blob, &going, lease));
        self.sum(manifests, free)
    }

    /// Whether every access row for a blob would go in the repositories that are not going themselves, if these manifests went and
    /// leases counted until then.
    fn would_go(&self, blob: &Digest, going: &Going<'_>, lease: Millis) -> bool {
        let goes = |name: &RepositoryName| {
            let row = self.repository(name);
            row.is_none_or(|row| loses(row, blob, going.get(name.as_str()), lease))
        };
        *blob != empty_layer::digest() && self.holders.get(blob).into_iter().flatten().all(goes)
    }

    fn sum<'a>(&self, manifests: u64, blobs: impl Iterator<Item = &'a Digest>) -> Reclaim {
        let mut sum = Reclaim { manifests, ..Reclaim::default() };
        for blob in blobs.filter_map(|digest| self.blobs.get(digest)) {
            sum.blobs += 1;
            sum.bytes += blob.size;
        }
        sum
    }
}

fn loses(repository: &Repository, blob: &Digest, going: Option<&BTreeSet<&Digest>>, lease: Millis) -> bool {
    let over = repository.blobs.get(blob).is_none_or(|access| access.lease_until <= lease);
    over && repository.linking(blob).all(|digest| going.is_some_and(|going| going.contains(digest)))
}
