//! What was acknowledged, as if each request had happened in one moment: what the rows are held against.

use crate::liveness::{Definitions, linked, undeleted, visible};
use crate::planner::{Change, Planned, TagStep};
use crate::rows::{BLOBS, MANIFESTS, NEVER, REPOSITORIES, Repository, Tag, Time};
use crate::world::Op;

/// Acknowledged requests, in the order of their commits. Collection does not touch it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Spec {
    /// Manifests and tags; the access rows in it are not used.
    pub repositories: [Repository; REPOSITORIES],
    /// Until when an upload or mount was promised to last, by repository and blob.
    pub leases: [[Time; BLOBS]; REPOSITORIES],
}

/// A request was acknowledged, or ended, that should not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Broken {
    /// A guarded write was acknowledged though its guard did not hold.
    Guard,
    /// The end of a tag was acknowledged that was not alive.
    TagGone,
    /// A deletion was acknowledged of what is not there undeleted.
    ManifestGone,
    /// A deletion was acknowledged of what a visible index lists.
    Listed,
    /// An index was acknowledged whose child is deleted.
    ChildDeleted,
    /// A deletion was acknowledged of a blob that a visible manifest links.
    Linked,
    /// The collector's delete ended with a foreign-key error.
    CollectorFailed,
    /// `seal` answered a location that was there before.
    LocationReused,
}

impl Broken {
    /// In words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Guard => "a guarded write was acknowledged though its guard did not hold",
            Self::TagGone => "the end of a tag was acknowledged that was not alive",
            Self::ManifestGone => "the deletion of a manifest was acknowledged that was not there",
            Self::Listed => "the deletion of a manifest was acknowledged that a visible index lists",
            Self::ChildDeleted => "an index was acknowledged whose child is deleted",
            Self::Linked => "the deletion of a blob was acknowledged that a visible manifest links",
            Self::CollectorFailed => "the collector's delete of blob rows ended with a foreign-key error",
            Self::LocationReused => "a location was used twice",
        }
    }
}

/// The times of a request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct When {
    /// As the request knew it, read once at its start.
    pub(crate) now: Time,
    /// The true time of its commit.
    pub(crate) clock: Time,
    /// Until when access lasts that it was promised.
    pub(crate) lease: Time,
}

impl Spec {
    /// Does a request in one moment. `plan` is what the core planned for it.
    pub(crate) fn acknowledge(
        &mut self,
        definitions: &Definitions,
        op: Op,
        plan: Option<Planned>,
        when: When,
    ) -> Option<Broken> {
        match (op, plan) {
            (Op::Upload { repository, blob, .. } | Op::Mount { to: repository, blob, .. }, _) => {
                let until = &mut self.leases[usize::from(repository)][usize::from(blob)];
                *until = when.lease.max(*until);
                None
            }
            (Op::DeleteBlob { repository, blob }, _) => {
                self.leases[usize::from(repository)][usize::from(blob)] = 0;
                let rows = &self.repositories[usize::from(repository)];
                // One that is not kept may have been collected.
                linked(definitions, blob, |m| visible(rows, definitions, m, when.clock)).then_some(Broken::Linked)
            }
            (Op::Push { repository, manifest, .. }, Some(plan)) => {
                self.push(definitions, repository, manifest, plan, when.now)
            }
            (Op::DeleteTag { repository, .. }, Some(plan)) => self.write_tag(None, repository, plan, when.now),
            (Op::DeleteManifest { repository, manifest }, Some(_)) => {
                self.delete(definitions, repository, manifest, when)
            }
            (Op::Push { .. } | Op::DeleteTag { .. } | Op::DeleteManifest { .. }, None) => None,
        }
    }

    fn push(&mut self, definitions: &Definitions, r: u8, m: u8, plan: Planned, now: Time) -> Option<Broken> {
        let rows = &mut self.repositories[usize::from(r)];
        let child = definitions[usize::from(m)].child;
        if child.is_some_and(|child| !undeleted(rows, child)) {
            return Some(Broken::ChildDeleted);
        }
        let row = &mut rows.manifests[usize::from(m)];
        debug_assert!(plan.manifest != Change::Delete, "a push deletes nothing");
        (row.there, row.deleted) = (true, NEVER);
        let broken = self.write_tag(Some(m), r, plan, now);
        if let Some(until) = plan.pin {
            self.pin(r, m, until);
        }
        broken
    }

    fn write_tag(&mut self, to: Option<u8>, r: u8, plan: Planned, now: Time) -> Option<Broken> {
        let rows = &mut self.repositories[usize::from(r)];
        let current = rows.tag.filter(|tag| tag.expires > now).map(|tag| tag.to);
        let guard = match (plan.tag, to) {
            (TagStep::Point { expires, guard }, Some(to)) => {
                rows.point(Tag { to, start: now, expires });
                guard
            }
            (TagStep::End { guard }, _) => {
                if current.is_none() {
                    return Some(Broken::TagGone);
                }
                rows.end(now);
                guard
            }
            (TagStep::None, _) | (TagStep::Point { .. }, None) => return None,
        };
        let left = current.filter(|left| Some(*left) != to);
        if let (Some(left), Some(until)) = (left, plan.displaced_until) {
            self.pin(r, left, until);
        }
        (!guard.holds(current)).then_some(Broken::Guard)
    }

    fn delete(&mut self, definitions: &Definitions, r: u8, m: u8, when: When) -> Option<Broken> {
        let rows = &mut self.repositories[usize::from(r)];
        let lists = |parent: u8| {
            definitions[usize::from(parent)].child == Some(m) && visible(rows, definitions, parent, when.clock)
        };
        if (0..).take(MANIFESTS).any(lists) {
            return Some(Broken::Listed);
        }
        if !undeleted(rows, m) {
            return Some(Broken::ManifestGone);
        }
        if rows.tag.is_some_and(|tag| tag.to == m && tag.expires > when.now) {
            rows.end(when.now);
        }
        let row = &mut rows.manifests[usize::from(m)];
        (row.deleted, row.pinned) = (when.now, 0);
        None
    }

    fn pin(&mut self, r: u8, m: u8, until: Time) {
        let row = &mut self.repositories[usize::from(r)].manifests[usize::from(m)];
        row.pinned = row.pinned.max(until);
    }
}
