use manifest_core::Millis;
use manifest_core::facts::Location;
use std::collections::{BTreeMap, BTreeSet};

/// Locations whose bytes are to be deleted, each once, with the time from which on they may be.
#[derive(Debug, Default)]
pub(crate) struct Trash {
    due: BTreeMap<Location, Millis>,
    by_time: BTreeSet<(Millis, Location)>,
}

impl Trash {
    pub(crate) fn contains(&self, location: &Location) -> bool {
        self.due.contains_key(location)
    }

    /// Adds a location; one that is there keeps its time.
    pub(crate) fn put(&mut self, location: &Location, not_before: Millis) {
        if !self.contains(location) {
            self.due.insert(location.clone(), not_before);
            self.by_time.insert((not_before, location.clone()));
        }
    }

    pub(crate) fn forget(&mut self, location: &Location) {
        if let Some(not_before) = self.due.remove(location) {
            self.by_time.remove(&(not_before, location.clone()));
        }
    }

    /// Keeps a location, if it is there, until that time.
    pub(crate) fn postpone(&mut self, location: &Location, not_before: Millis) {
        if self.contains(location) {
            self.forget(location);
            self.put(location, not_before);
        }
    }

    /// Locations whose time has come, the longest due first.
    pub(crate) fn due(&self, limit: usize, now: Millis) -> Vec<Location> {
        self.by_time
            .iter()
            .take_while(|(not_before, _)| *not_before <= now)
            .take(limit)
            .map(|(_, location)| location.clone())
            .collect()
    }
}
