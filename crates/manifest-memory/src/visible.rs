use crate::repository::{ManifestRow, Repository};
use manifest_core::Millis;
use oci_types::Digest;
use std::collections::{BTreeSet, VecDeque};

/// After so many ancestors a walk ends, and the manifest counts as visible.
const MAX_ANCESTORS: usize = 1_000;

impl Repository {
    /// Whether a manifest is undeleted and kept by itself or an ancestor: one that has it as a child, or its subject, at
    /// any depth, through undeleted rows.
    pub(crate) fn visible(&self, digest: &Digest, now: Millis) -> bool {
        let mut seen = BTreeSet::from([*digest]);
        let mut queue = VecDeque::from([*digest]);
        while let Some(next) = queue.pop_front() {
            let Some(row) = self.undeleted(&next) else { continue };
            if self.kept_by_itself(&next, row, now) || seen.len() > MAX_ANCESTORS {
                return true;
            }
            let subject = row.stored.subject.as_ref();
            let subject = subject.filter(|subject| self.undeleted(subject).is_some());
            for ancestor in self.parents_of(&next).chain(subject) {
                // A cycle ends here: nothing is walked twice.
                if seen.insert(*ancestor) {
                    queue.push_back(*ancestor);
                }
            }
        }
        false
    }

    fn kept_by_itself(&self, digest: &Digest, row: &ManifestRow, now: Millis) -> bool {
        row.pinned_until.is_some_and(|until| until > now)
            || self.tags.alive_at(digest, now).next().is_some()
            || self.tags.ended_after(digest, now)
    }
}
