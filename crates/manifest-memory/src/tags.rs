use crate::interval::{Interval, start_of_move, start_of_return};
use crate::page::behind;
use manifest_core::facts::TagState;
use manifest_core::ports::{HistoryCursor, HistoryRow};
use manifest_core::{Actor, Millis};
use oci_types::{Digest, TagName};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Bound, RangeBounds};

/// The tags of a repository: each name's newest interval, and those before it.
///
/// Every interval that ends goes through [`Tags::close`], so none can be forgotten.
#[derive(Debug, Default)]
pub(crate) struct Tags {
    rows: BTreeMap<TagName, Interval>,
    /// Closed intervals by name, the newest first.
    closed: BTreeMap<TagName, BTreeMap<Reverse<Millis>, Interval>>,
    /// Every interval, closed or not, as the history of a repository lists them.
    timeline: BTreeSet<(Reverse<Millis>, TagName)>,
    /// The names whose rows point at a manifest.
    pointing: BTreeMap<Digest, BTreeSet<TagName>>,
    /// The latest end of a closed interval that pointed at a manifest.
    last_ends: BTreeMap<Digest, Millis>,
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

    /// Whether the name ever had an interval.
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

    /// Whether a closed interval that pointed at a manifest ends later than that.
    pub(crate) fn ended_after(&self, target: &Digest, now: Millis) -> bool {
        self.last_ends.get(target).is_some_and(|end| *end > now)
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

    /// Ends a tag. Answers what it pointed at.
    pub(crate) fn end(&mut self, name: &TagName, now: Millis) -> Option<Digest> {
        let row = self.rows.remove(name)?;
        let target = row.state.target;
        self.close(name, row, now);
        Some(target)
    }

    /// The intervals of one name behind a cursor, the newest first.
    pub(crate) fn history_of<'a>(
        &'a self,
        name: &'a TagName,
        after: Option<&HistoryCursor>,
    ) -> impl Iterator<Item = HistoryRow> {
        // A cursor of another name stands before or behind the row of this one that starts when it does.
        let start = match after {
            None => Bound::Unbounded,
            Some(cursor) if cursor.name >= *name => Bound::Excluded(Reverse(cursor.start)),
            Some(cursor) => Bound::Included(Reverse(cursor.start)),
        };
        let follows = (start, Bound::Unbounded);
        let row = self.rows.get(name).filter(|row| follows.contains(&Reverse(row.state.start)));
        let closed = self.closed.get(name).into_iter();
        let closed = closed.flat_map(move |closed| closed.range(follows));
        row.into_iter()
            .map(|row| history_row(name, row, true))
            .chain(closed.map(|(_, interval)| history_row(name, interval, false)))
    }

    /// The intervals of all names behind a cursor, the newest first, then by name.
    pub(crate) fn history(&self, after: Option<&HistoryCursor>) -> impl Iterator<Item = HistoryRow> {
        let after = after.map(|cursor| (Reverse(cursor.start), cursor.name.clone()));
        self.timeline.range((behind(after), Bound::Unbounded)).filter_map(|(start, name)| {
            let row = self.rows.get(name).filter(|row| row.state.start == start.0);
            match row {
                Some(row) => Some(history_row(name, row, true)),
                None => self.closed.get(name)?.get(start).map(|interval| history_row(name, interval, false)),
            }
        })
    }

    fn last_closed(&self, name: &TagName) -> Option<&Interval> {
        self.closed.get(name)?.first_key_value().map(|(_, interval)| interval)
    }

    fn close(&mut self, name: &TagName, row: Interval, end: Millis) {
        let closed = row.closed_at(end);
        let TagState { target, start, expires, .. } = closed.state;
        if let Some(names) = self.pointing.get_mut(&target) {
            names.remove(name);
        }
        let last_end = self.last_ends.entry(target).or_insert(expires);
        *last_end = expires.max(*last_end);
        self.closed.entry(name.clone()).or_default().insert(Reverse(start), closed);
    }
}

fn history_row(name: &TagName, interval: &Interval, current: bool) -> HistoryRow {
    HistoryRow {
        name: name.clone(),
        target: interval.state.target,
        start: interval.state.start,
        end: interval.state.expires,
        current,
        reversion: interval.reversion,
        previous: interval.previous,
        actor: interval.state.actor.clone(),
    }
}
