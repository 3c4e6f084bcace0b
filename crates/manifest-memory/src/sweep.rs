//! The sweeps. [`State::look`] finds what a step is about, and both the dry run and the sweep go by what it found, so that neither
//! can name what the other leaves.

use crate::state::State;
use manifest_core::ports::{Doomed, HistoryCursor, SweepAsk, SweepCursor, SweepDone, SweepKind};
use manifest_core::{Millis, Port, PortError, PortErrorKind};
use oci_types::{Digest, RepositoryName, TagName};
use std::error::Error;
use std::ops::Bound;
use std::str::FromStr;

/// As many rows are looked at in one step at most.
const MAX_STEP: u32 = 200;

/// What a step found.
pub(crate) struct Step {
    pub(crate) doomed: Vec<(Row, Doomed)>,
    pub(crate) next: Option<SweepCursor>,
}

/// A row that goes.
pub(crate) enum Row {
    Interval(RepositoryName, TagName, Millis),
    Manifest(RepositoryName, Digest),
    Image(RepositoryName, String),
    Access(RepositoryName, Digest),
    Blob(Digest),
    Repository,
}

/// A row that was looked at: where it is, and what it is if it goes.
pub(crate) type Looked = (String, Option<(Row, Doomed)>);

impl State {
    /// One step: what goes among the rows that it is about.
    pub(crate) fn look(&self, ask: &SweepAsk) -> Port<Step> {
        let after = ask.after.as_ref().map(|cursor| cursor.0.as_str());
        Ok(match ask.kind {
            SweepKind::History => step(self.intervals(parse_pair(after, start_and_name)?, ask), ask.limit),
            SweepKind::Manifests => step(self.manifests(parse_pair(after, parse)?, ask), ask.limit),
            SweepKind::LegacyImages => step(self.images(parse_pair(after, parse)?), ask.limit),
            SweepKind::Access => step(self.accesses(parse_pair(after, parse)?, ask), ask.limit),
            SweepKind::Blobs => step(self.unheld(after.map(parse).transpose()?), ask.limit),
            SweepKind::Repositories => step(self.marked(after.map(parse).transpose()?), ask.limit),
        })
    }

    /// One step: removes what goes.
    pub(crate) fn sweep(&mut self, ask: &SweepAsk) -> Port<SweepDone> {
        if ask.kind == SweepKind::Repositories {
            return self.sweep_repositories(ask);
        }
        let Step { doomed, next } = self.look(ask)?;
        let removed = doomed.len() as u64;
        for (row, _) in doomed {
            self.remove(&row, ask.now);
        }
        Ok(SweepDone { removed, next, busy: false })
    }

    /// The rows of marked repositories go in batches, so a step ends where its batch does, and the next one goes on there.
    fn sweep_repositories(&mut self, ask: &SweepAsk) -> Port<SweepDone> {
        let after = ask.after.as_ref().map(|cursor| parse::<u64>(&cursor.0)).transpose()?.unwrap_or_default();
        let limit = room(ask.limit);
        let mut removed = 0;
        let behind = (Bound::Excluded(after), Bound::Unbounded);
        while removed < limit {
            let Some(id) = self.doomed.repositories.range(behind).next().map(|(id, _)| *id) else { break };
            removed += self.shed(id, limit - removed, ask.now);
        }
        let more = self.doomed.repositories.range(behind).next().is_some();
        Ok(SweepDone { removed: removed as u64, next: more.then(|| SweepCursor(after.to_string())), busy: false })
    }

    fn remove(&mut self, row: &Row, now: Millis) {
        match row {
            Row::Interval(repository, name, start) => {
                if let Some(repository) = self.repositories.get_mut(repository.as_str()) {
                    repository.tags.remove(name, *start);
                }
            }
            Row::Manifest(repository, digest) => {
                if let Some(repository) = self.repositories.get_mut(repository.as_str()) {
                    repository.remove(digest);
                }
            }
            Row::Image(repository, id) => {
                if let Some(repository) = self.repositories.get_mut(repository.as_str()) {
                    repository.images.drop(id);
                }
            }
            Row::Access(repository, digest) => self.revoke(repository, digest),
            Row::Blob(digest) => self.drop_blob(digest, now),
            Row::Repository => {}
        }
    }
}

/// Looks at as many rows as a step may.
fn step(mut rows: impl Iterator<Item = Looked>, limit: u32) -> Step {
    let mut found = Step { doomed: Vec::new(), next: None };
    let mut last = None;
    for (at, row) in rows.by_ref().take(room(limit)) {
        found.doomed.extend(row);
        last = Some(at);
    }
    if rows.next().is_some() {
        found.next = last.map(SweepCursor);
    }
    found
}

/// A step that looked at nothing would never come to an end, so it looks at one row at least.
fn room(limit: u32) -> usize {
    usize::try_from(limit.clamp(1, MAX_STEP)).unwrap_or(usize::MAX)
}

fn parse<T: FromStr<Err: Error + Send + Sync + 'static>>(text: &str) -> Port<T> {
    text.parse().map_err(|error| no_cursor(text).with_source(error))
}

fn parse_pair<K>(after: Option<&str>, key: impl Fn(&str) -> Port<K>) -> Port<Option<(RepositoryName, K)>> {
    let Some(text) = after else { return Ok(None) };
    let (repository, rest) = text.split_once(' ').ok_or_else(|| no_cursor(text))?;
    Ok(Some((parse(repository)?, key(rest)?)))
}

fn start_and_name(text: &str) -> Port<HistoryCursor> {
    let (start, name) = text.split_once(' ').ok_or_else(|| no_cursor(text))?;
    Ok(HistoryCursor { start: parse(start)?, name: parse(name)? })
}

fn no_cursor(text: &str) -> PortError {
    PortError::new(PortErrorKind::Internal, format!("`{text}` is no cursor of this sweep"))
}

#[cfg(test)]
mod tests {
    use super::{Step, room};
    use crate::state::State;
    use manifest_core::PortErrorKind;
    use manifest_core::facts::Visibility;
    use manifest_core::ports::{SweepAsk, SweepCursor, SweepKind};

    fn ask(kind: SweepKind, after: &str) -> SweepAsk {
        SweepAsk { kind, after: Some(SweepCursor(after.to_owned())), limit: 1, now: 0, window: 0, grace: 0 }
    }

    #[test]
    fn a_step_looks_at_something_and_at_not_too_much() {
        assert_eq!((room(0), room(1), room(200), room(u32::MAX)), (1, 1, 200, 200));
    }

    #[test]
    fn a_cursor_that_is_none_is_refused() {
        let mut state = State::default();
        let mut refused = |kind, after: &str| {
            let look = state.look(&ask(kind, after)).map(|Step { next, .. }| next);
            assert_eq!(look.unwrap_err().kind(), PortErrorKind::Internal, "{kind:?} {after:?}");
            assert_eq!(state.sweep(&ask(kind, after)).unwrap_err().kind(), PortErrorKind::Internal);
        };
        refused(SweepKind::History, "app");
        refused(SweepKind::History, "app x v1");
        refused(SweepKind::Manifests, "app sha256:ab");
        refused(SweepKind::Manifests, "App nothing");
        refused(SweepKind::Access, "");
        refused(SweepKind::Blobs, "blob");
        refused(SweepKind::Repositories, "app");
    }

    #[test]
    fn a_cursor_of_a_repository_that_is_gone_goes_on_behind_it() {
        let mut state = State::default();
        for name in ["a", "c"] {
            state.repository_mut(&name.parse().unwrap(), Some(Visibility::Private), 0);
        }
        let zeros = "0".repeat(64);
        let found = state.look(&ask(SweepKind::Manifests, &format!("b sha256:{zeros}"))).unwrap();
        assert!(found.doomed.is_empty() && found.next.is_none());
    }
}
