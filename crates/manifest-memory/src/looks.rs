//! What each sweep looks at: rows behind a cursor in the order of their keys, and which of them go.

use crate::page::behind;
use crate::repository::Repository;
use crate::state::State;
use crate::sweep::{Looked, Row};
use manifest_core::Millis;
use manifest_core::empty_layer;
use manifest_core::ports::{Doomed, HistoryCursor, SweepAsk};
use oci_types::{Digest, RepositoryName};
use std::ops::Bound;

impl State {
    /// Intervals of tags; those go that had ended at the start of the window.
    pub(crate) fn intervals(
        &self,
        after: Option<(RepositoryName, HistoryCursor)>,
        ask: &SweepAsk,
    ) -> impl Iterator<Item = Looked> {
        let time = ask.now.saturating_sub(ask.window);
        self.from(after).flat_map(move |(repository, after)| {
            let name = &repository.row.name;
            repository.tags.history(after.as_ref()).map(move |row| {
                let doomed = (row.end <= time).then(|| {
                    let what = format!("{}@{}", row.name, row.start);
                    let gone = Row::Interval(name.clone(), row.name.clone(), row.start);
                    (gone, doomed(name, what, Some(row.end)))
                });
                (format!("{name} {} {}", row.start, row.name), doomed)
            })
        })
    }

    /// Manifests; those go that are not retained.
    pub(crate) fn manifests(
        &self,
        after: Option<(RepositoryName, Digest)>,
        ask: &SweepAsk,
    ) -> impl Iterator<Item = Looked> {
        let (time, now) = (ask.now.saturating_sub(ask.window), ask.now);
        self.from(after).flat_map(move |(repository, after)| {
            let name = &repository.row.name;
            repository.manifests.range((behind(after), Bound::Unbounded)).map(move |(digest, _)| {
                let doomed = (!repository.kept(digest, time, now)).then(|| {
                    let since = repository.let_go(digest, time);
                    (Row::Manifest(name.clone(), *digest), doomed(name, digest.to_string(), since))
                });
                (format!("{name} {digest}"), doomed)
            })
        })
    }

    /// Legacy images; those go that no manifest row reaches.
    pub(crate) fn images(&self, after: Option<(RepositoryName, String)>) -> impl Iterator<Item = Looked> {
        self.from(after).flat_map(move |(repository, after)| {
            let name = &repository.row.name;
            repository.images.rows.range((behind(after), Bound::Unbounded)).map(move |(id, _)| {
                let doomed = (!repository.images.is_reached(id))
                    .then(|| (Row::Image(name.clone(), id.clone()), doomed(name, id.clone(), None)));
                (format!("{name} {id}"), doomed)
            })
        })
    }

    /// Access rows; those go whose lease and grace are over, and which no manifest row links.
    pub(crate) fn accesses(
        &self,
        after: Option<(RepositoryName, Digest)>,
        ask: &SweepAsk,
    ) -> impl Iterator<Item = Looked> {
        let time = ask.now.saturating_sub(ask.grace);
        self.from(after).flat_map(move |(repository, after)| {
            let name = &repository.row.name;
            repository.blobs.range((behind(after), Bound::Unbounded)).map(move |(digest, access)| {
                let doomed = repository.is_idle(digest, time).then(|| {
                    let since = Some(access.lease_until);
                    (Row::Access(name.clone(), *digest), doomed(name, digest.to_string(), since))
                });
                (format!("{name} {digest}"), doomed)
            })
        })
    }

    /// Blob rows; those go to which no access row refers.
    pub(crate) fn unheld(&self, after: Option<Digest>) -> impl Iterator<Item = Looked> {
        self.blobs.range((behind(after), Bound::Unbounded)).map(|(digest, blob)| {
            let doomed = (!self.is_held(digest) && *digest != empty_layer::digest()).then(|| {
                let (what, bytes) = (digest.to_string(), blob.size);
                (Row::Blob(*digest), Doomed { repository: None, what, since: None, bytes })
            });
            (digest.to_string(), doomed)
        })
    }

    /// Repositories that are marked for deletion; all of them go.
    pub(crate) fn marked(&self, after: Option<u64>) -> impl Iterator<Item = Looked> {
        let marked = self.doomed.repositories.range((behind(after), Bound::Unbounded));
        marked.map(|(id, (repository, since))| {
            let name = &repository.row.name;
            (id.to_string(), Some((Row::Repository, doomed(name, name.to_string(), Some(*since)))))
        })
    }

    /// Repositories from that of a cursor on, the first with the rest of the cursor if it is still there.
    fn from<K: Clone>(&self, after: Option<(RepositoryName, K)>) -> impl Iterator<Item = (&Repository, Option<K>)> {
        let (name, key) = after.unzip();
        let start = name.as_ref().map_or(Bound::Unbounded, |name| Bound::Included(name.as_str()));
        let repositories = self.repositories.range::<str, _>((start, Bound::Unbounded));
        repositories.map(move |(_, repository)| {
            let is_first = name.as_ref() == Some(&repository.row.name);
            (repository, key.clone().filter(|_| is_first))
        })
    }
}

fn doomed(repository: &RepositoryName, what: String, since: Option<Millis>) -> Doomed {
    Doomed { repository: Some(repository.clone()), what, since, bytes: 0 }
}
