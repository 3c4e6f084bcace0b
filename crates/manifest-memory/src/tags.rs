use crate::interval::{Interval, start_of_move, start_of_return};
use crate::page::behind;
use manifest_core::facts::TagState;
use manifest_core::{Actor, Millis};
use oci_types::{Digest, TagName};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

/// The tags of a repository: each name's newest interval, and those before it.
///
/// Every interval that ends goes through [`Tags::close`], so none can be forgotten; every one that goes for good, through
/// [`Tags::remove`].
#[derive(Clone, Debug, Default)]
pub(crate) struct Tags {
    pub(crate) rows: BTreeMap<TagName, Interval>,
    /// Closed intervals by name, the newest first.
    pub(crate) closed: BTreeMap<TagName, BTreeMap<Reverse<Millis>, Interval>>,
    /// Every interval, closed or not, as the history of a repository lists them.
    pub(crate) timeline: BTreeSet<(Reverse<Millis>, TagName)>,
    /// The names whose rows point at a manifest.
    pub(crate) pointing: BTreeMap<Digest, BTreeSet<TagName>>,
    /// The closed intervals that pointed at a manifest: end, name, start.
    pub(crate) ends: BTreeMap<Digest, BTreeSet<(Millis, TagName, Millis)>>,
}

/// Where a tag is to point.
pub(crate) struct Target {
    pub(crate) to: Digest,
    pub(crate) expires: Millis,
    pub(crate) immutable: bool,
    pub(crate) reversion: bool,
    pub(crate) actor: Option<Actor>,
}

impl Tags {
    /// How many rows there are, expired ones included.
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The newest interval of a name, alive or expired, unless the tag was ended.
    pub(crate) fn row(&self, name: &TagName) -> Option<&TagState> {
        self.rows.get(name).map(|row| &row.state)
    }

    /// The tag, if it is alive.
    pub(crate) fn alive(&self, name: &TagName, now: Millis) -> Option<&TagState> {
        self.row(name).filter(|state| state.alive(now))
    }

    /// Whether the name ever had an interval that is still known.
    pub(crate) fn existed(&self, name: &TagName) -> bool {
        self.rows.contains_key(name) || self.closed.contains_key(name)
    }

    /// Alive tags behind a name.
    pub(crate) fn alive_after<'a>(
        &'a self,
        after: Option<&'a TagName>,
        now: Millis,
    ) -> impl Iterator<Item = (&'a TagName, &'a TagState)> {
        self.rows
            .range::<TagName, _>((behind(after), Bound::Unbounded))
            .map(|(name, row)| (name, &row.state))
            .filter(move |(_, state)| state.alive(now))
    }

    /// The alive tags that point at a manifest, in order of their names.
    pub(crate) fn alive_at<'a>(
        &'a self,
        target: &Digest,
        now: Millis,
    ) -> impl Iterator<Item = (&'a TagName, &'a TagState)> {
        self.pointing.get(target).into_iter().flatten().filter_map(move |name| Some((name, self.alive(name, now)?)))
    }

    /// Points a name at a manifest. Answers what it points away from, if it was alive and pointed elsewhere.
    pub(crate) fn point(&mut self, name: &TagName, target: Target, now: Millis) -> Option<Digest> {
        let old = self.rows.remove(name);
        let last = old.as_ref().or_else(|| self.last_closed(name));
        let previous = last.map(|interval| interval.state.target);
        let start = match (&old, last) {
            (Some(row), _) => start_of_move(now, row),
            (None, Some(closed)) => start_of_return(now, closed),
            (None, None) => now,
        };
        let displaced = old
            .as_ref()
            .filter(|row| row.state.alive(now) && row.state.target != target.to)
            .map(|row| row.state.target);
        if let Some(row) = old {
            self.close(name, row, start);
        }
        let state = TagState {
            target: target.to,
            start,
            expires: target.expires,
            immutable: target.immutable,
            actor: target.actor,
        };
        self.rows.insert(name.clone(), Interval::new(state, previous, target.reversion));
        self.timeline.insert((Reverse(start), name.clone()));
        self.pointing.entry(target.to).or_default().insert(name.clone());
        displaced
    }

    /// Changes the end and the immutability of the interval that a name is in.
    pub(crate) fn amend(&mut self, name: &TagName, expires: Millis, immutable: bool) {
        if let Some(row) = self.rows.get_mut(name) {
            row.state.expires = expires.max(row.state.start);
            row.state.immutable = immutable;
        }
    }

    /// Ends a tag. Answers what it pointed at.
    pub(crate) fn end(&mut self, name: &TagName, now: Millis) -> Option<Digest> {
        let row = self.rows.remove(name)?;
        let target = row.state.target;
        self.close(name, row, now);
        Some(target)
    }

    /// Removes one interval for good, whether it is the name's row or closed.
    pub(crate) fn remove(&mut self, name: &TagName, start: Millis) {
        self.timeline.remove(&(Reverse(start), name.clone()));
        if self.rows.get(name).is_some_and(|row| row.state.start == start) {
            if let Some(row) = self.rows.remove(name) {
                drop_from(&mut self.pointing, &row.state.target, name);
            }
            return;
        }
        let Some(closed) = self.closed.get_mut(name) else { return };
        if let Some(interval) = closed.remove(&Reverse(start)) {
            let end = (interval.state.expires, name.clone(), start);
            drop_from(&mut self.ends, &interval.state.target, &end);
        }
        if closed.is_empty() {
            self.closed.remove(name);
        }
    }

    /// Removes every interval that points at a manifest, for good.
    pub(crate) fn forget(&mut self, target: &Digest) {
        let rows: Vec<TagName> = self.pointing.get(target).into_iter().flatten().cloned().collect();
        for name in rows {
            if let Some(start) = self.row(&name).map(|state| state.start) {
                self.remove(&name, start);
            }
        }
        let closed: Vec<_> = self.ends.get(target).into_iter().flatten().cloned().collect();
        for (_, name, start) in closed {
            self.remove(&name, start);
        }
    }

    /// Removes so many intervals for good. How many were there to remove.
    pub(crate) fn shed(&mut self, limit: usize) -> usize {
        let batch: Vec<_> = self.timeline.iter().take(limit).cloned().collect();
        for (start, name) in &batch {
            self.remove(name, start.0);
        }
        batch.len()
    }

    fn last_closed(&self, name: &TagName) -> Option<&Interval> {
        self.closed.get(name)?.first_key_value().map(|(_, interval)| interval)
    }

    fn close(&mut self, name: &TagName, row: Interval, end: Millis) {
        let closed = row.closed_at(end);
        let TagState { target, start, expires, .. } = closed.state;
        drop_from(&mut self.pointing, &target, name);
        self.ends.entry(target).or_default().insert((expires, name.clone(), start));
        self.closed.entry(name.clone()).or_default().insert(Reverse(start), closed);
    }
}

/// Takes a value from the set of a manifest, and the set with its last one.
fn drop_from<T: Ord>(sets: &mut BTreeMap<Digest, BTreeSet<T>>, target: &Digest, value: &T) {
    if let Some(set) = sets.get_mut(target) {
        set.remove(value);
        if set.is_empty() {
            sets.remove(target);
        }
    }
}
