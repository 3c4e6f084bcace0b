//! What keeps a manifest. Lookup, deletion and collection all ask [`Repository::kept`], so none can differ from the others.

use crate::repository::Repository;
use manifest_core::Millis;
use manifest_core::ports::{Support, SupportAsk, SupportLink, SupportNode};
use oci_types::Digest;
use std::collections::{BTreeSet, VecDeque};

/// After so many ancestors a walk ends, and the manifest counts as kept.
const MAX_ANCESTORS: usize = 1_000;

/// As many tags of one manifest are named as its support.
const MAX_TAGS: usize = 100;

impl Repository {
    /// Whether a manifest is undeleted, and kept now.
    pub(crate) fn visible(&self, digest: &Digest, now: Millis) -> bool {
        self.undeleted(digest).is_some() && self.kept(digest, now, now)
    }

    /// Whether a manifest is not dead at a time, and it, or an ancestor at any depth through rows that are not, has a tag or an
    /// interval that ends after that time, a pin that is later than now, or was deleted after that time.
    pub(crate) fn kept(&self, digest: &Digest, time: Millis, now: Millis) -> bool {
        let mut ancestors = Walk::new(self, digest, time).enumerate();
        ancestors.any(|(number, step)| number > MAX_ANCESTORS || self.holds(&step.digest, time, now))
    }

    /// Everything by which a manifest is kept now, or was at the start of the window.
    pub(crate) fn support(&self, ask: &SupportAsk) -> Option<Support> {
        self.manifest(&ask.digest)?;
        let time = ask.now.saturating_sub(ask.window);
        let mut walk = Walk::new(self, &ask.digest, time);
        let mut nodes: Vec<_> =
            walk.by_ref().take(MAX_ANCESTORS + 1).filter_map(|step| self.support_node(&step, time)).collect();
        if nodes.is_empty() {
            // It is dead, and nothing can keep it any more.
            let alone = Step { digest: ask.digest, via: None };
            nodes.extend(self.support_node(&alone, time));
        }
        Some(Support { nodes, more: walk.next().is_some() })
    }

    /// Since when nothing keeps a manifest that is not kept: when the last thing that did was over, if anything is known that did.
    pub(crate) fn let_go(&self, digest: &Digest, time: Millis) -> Option<Millis> {
        let row = self.manifest(digest)?;
        if let Some(deleted) = row.deleted.filter(|deleted| *deleted <= time) {
            return Some(deleted);
        }
        let ancestors = Walk::new(self, digest, time);
        ancestors.filter_map(|step| self.held_until(&step.digest)).max()
    }

    fn held_until(&self, digest: &Digest) -> Option<Millis> {
        let pinned = self.manifest(digest).map(|row| row.pinned_until).filter(|until| *until > 0);
        self.tags.last_end(digest).max(pinned)
    }

    /// Whether a manifest that is not dead at a time is kept by itself.
    fn holds(&self, digest: &Digest, time: Millis, now: Millis) -> bool {
        self.tags.supports(digest, time)
            || self.manifest(digest).is_some_and(|row| row.pinned_until > now || row.deleted.is_some())
    }

    fn alive_at(&self, digest: &Digest, time: Millis) -> bool {
        self.manifest(digest).is_some_and(|row| row.deleted.is_none_or(|deleted| deleted > time))
    }

    fn support_node(&self, step: &Step, time: Millis) -> Option<SupportNode> {
        let row = self.manifest(&step.digest)?;
        let mut tags = self.tags.supporting(&step.digest, time);
        tags.truncate(MAX_TAGS);
        Some(SupportNode {
            digest: step.digest,
            via: step.via,
            deleted: row.deleted,
            pinned_until: row.pinned_until,
            tags,
        })
    }
}

/// A manifest that was reached from another one: from which, by its place in the walk, and how.
struct Step {
    digest: Digest,
    via: Option<(usize, SupportLink)>,
}

/// A manifest and its ancestors, breadth first, through rows that are not dead at a time. Nothing is walked twice, so a cycle ends.
struct Walk<'a> {
    repository: &'a Repository,
    time: Millis,
    seen: BTreeSet<Digest>,
    queue: VecDeque<Step>,
    /// The manifest that was given out last, with its place. What is above it is looked up only if somebody goes on.
    last: Option<(usize, Digest)>,
}

impl<'a> Walk<'a> {
    fn new(repository: &'a Repository, digest: &Digest, time: Millis) -> Self {
        let start = repository.alive_at(digest, time).then_some(Step { digest: *digest, via: None });
        Self { repository, time, seen: BTreeSet::from([*digest]), queue: start.into_iter().collect(), last: None }
    }

    fn climb(&mut self, place: usize, from: &Digest) {
        let parents = self.repository.parents_of(from).map(|parent| (parent, SupportLink::Parent));
        let subject = self.repository.manifest(from).and_then(|row| row.stored.subject.as_ref());
        for (digest, link) in parents.chain(subject.map(|subject| (subject, SupportLink::Subject))) {
            if self.repository.alive_at(digest, self.time) && self.seen.insert(*digest) {
                self.queue.push_back(Step { digest: *digest, via: Some((place, link)) });
            }
        }
    }
}

impl Iterator for Walk<'_> {
    type Item = Step;

    fn next(&mut self) -> Option<Step> {
        let place = match self.last.take() {
            Some((place, last)) => {
                self.climb(place, &last);
                place + 1
            }
            None => 0,
        };
        let step = self.queue.pop_front()?;
        self.last = Some((place, step.digest));
        Some(step)
    }
}
