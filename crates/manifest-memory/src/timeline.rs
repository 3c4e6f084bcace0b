//! What tags pointed at, and when: the questions about intervals that are not about now.

use crate::interval::Interval;
use crate::page::behind;
use crate::tags::Tags;
use manifest_core::Millis;
use manifest_core::facts::TagState;
use manifest_core::ports::{HistoryCursor, HistoryRow, TagCursor};
use oci_types::{Digest, TagName};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::ops::{Bound, RangeBounds};

impl Tags {
    /// The interval that a name was in at a time. One that is closed is immutable no more.
    pub(crate) fn at(&self, name: &TagName, time: Millis) -> Option<TagState> {
        let holds = |state: &TagState| state.start <= time && time < state.expires;
        if let Some(row) = self.row(name).filter(|state| holds(state)) {
            return Some(row.clone());
        }
        // Intervals of one name do not overlap: only the newest that had started can hold the time.
        let (_, interval) = self.closed.get(name)?.range(Reverse(time)..).next()?;
        let state = TagState { immutable: false, ..interval.state.clone() };
        holds(&state).then_some(state)
    }

    /// Whether an interval that points or pointed at a manifest ends later than that.
    pub(crate) fn supports(&self, target: &Digest, time: Millis) -> bool {
        self.alive_at(target, time).next().is_some() || self.closed_end(target).is_some_and(|end| end > time)
    }

    /// The latest end of an interval that points or pointed at a manifest.
    pub(crate) fn last_end(&self, target: &Digest) -> Option<Millis> {
        let rows = self.pointing.get(target).into_iter().flatten();
        let rows = rows.filter_map(|name| self.row(name)).map(|state| state.expires);
        rows.chain(self.closed_end(target)).max()
    }

    /// The names whose intervals on a manifest end later than that, with the latest end of each; the latest first, then by name.
    pub(crate) fn supporting(&self, target: &Digest, time: Millis) -> Vec<(TagName, Millis)> {
        let mut ends: BTreeMap<&TagName, Millis> =
            self.alive_at(target, time).map(|(name, state)| (name, state.expires)).collect();
        for (end, name, _) in self.ends.get(target).into_iter().flatten().filter(|(end, ..)| *end > time) {
            let latest = ends.entry(name).or_insert(*end);
            *latest = (*latest).max(*end);
        }
        let mut ends: Vec<_> = ends.into_iter().map(|(name, end)| (name.clone(), end)).collect();
        ends.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        ends
    }

    /// Alive tags behind a cursor, the newest start first, then by name.
    pub(crate) fn newest_after<'a>(
        &'a self,
        after: Option<&TagCursor>,
        now: Millis,
    ) -> impl Iterator<Item = (&'a TagName, &'a TagState)> {
        let after = after.map(|cursor| (Reverse(cursor.start), cursor.name.clone()));
        self.timeline
            .range((behind(after), Bound::Unbounded))
            .filter_map(move |(start, name)| Some((name, self.alive(name, now).filter(|row| row.start == start.0)?)))
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
    pub(crate) fn history<'a>(&'a self, after: Option<&HistoryCursor>) -> impl Iterator<Item = HistoryRow> + use<'a> {
        let after = after.map(|cursor| (Reverse(cursor.start), cursor.name.clone()));
        self.timeline.range((behind(after), Bound::Unbounded)).filter_map(|(start, name)| {
            let row = self.rows.get(name).filter(|row| row.state.start == start.0);
            match row {
                Some(row) => Some(history_row(name, row, true)),
                None => self.closed.get(name)?.get(start).map(|interval| history_row(name, interval, false)),
            }
        })
    }

    fn closed_end(&self, target: &Digest) -> Option<Millis> {
        self.ends.get(target)?.last().map(|(end, ..)| *end)
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

#[cfg(test)]
mod tests {
    use crate::tags::{Tags, Target};
    use manifest_core::{Millis, NEVER};
    use oci_types::{Algorithm, Digest, TagName};

    fn digest(name: &str) -> Digest {
        Digest::of(Algorithm::Sha256, name.as_bytes())
    }

    fn name(name: &str) -> TagName {
        name.parse().unwrap()
    }

    fn point(tags: &mut Tags, at: &str, to: &str, expires: Millis, now: Millis) {
        let target = Target { to: digest(to), expires, immutable: true, reversion: false, actor: None };
        tags.point(&name(at), target, now);
    }

    fn moved() -> Tags {
        let mut tags = Tags::default();
        point(&mut tags, "v1", "a", 15, 10);
        point(&mut tags, "v1", "b", NEVER, 20);
        point(&mut tags, "v1", "a", NEVER, 30);
        point(&mut tags, "v2", "a", 40, 30);
        tags
    }

    #[test]
    fn a_name_at_a_time() {
        let tags = moved();
        let check = |time, expected: Option<&str>| {
            assert_eq!(tags.at(&name("v1"), time).map(|state| state.target), expected.map(digest), "at {time}");
        };
        check(9, None);
        check(10, Some("a"));
        check(15, None);
        check(20, Some("b"));
        check(29, Some("b"));
        check(30, Some("a"));
        check(NEVER - 1, Some("a"));
        assert!(!tags.at(&name("v1"), 20).unwrap().immutable, "what is closed is mutable");
        assert!(tags.at(&name("v1"), 30).unwrap().immutable);
    }

    #[test]
    fn what_supports_a_manifest() {
        let tags = moved();
        assert_eq!(tags.supporting(&digest("a"), 14), [(name("v1"), NEVER), (name("v2"), 40)]);
        assert_eq!(tags.supporting(&digest("b"), 29), [(name("v1"), 30)]);
        assert_eq!(tags.supporting(&digest("b"), 30), []);
        assert!(tags.supports(&digest("b"), 29) && !tags.supports(&digest("b"), 30));
        assert_eq!((tags.last_end(&digest("b")), tags.last_end(&digest("c"))), (Some(30), None));
    }

    #[test]
    fn what_is_removed_leaves_no_trace() {
        let mut tags = moved();
        tags.remove(&name("v1"), 20);
        tags.remove(&name("v1"), 7);
        assert_eq!(tags.last_end(&digest("b")), None);
        assert_eq!(tags.history(None).map(|row| row.start).collect::<Vec<_>>(), [30, 30, 10]);
        tags.forget(&digest("a"));
        assert!(!tags.existed(&name("v1")) && !tags.existed(&name("v2")));
        assert_eq!(tags.history(None).count(), 0);
        assert!(tags.pointing.is_empty() && tags.ends.is_empty() && tags.closed.is_empty() && tags.rows.is_empty());
    }
}
