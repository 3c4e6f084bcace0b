use diesel::connection::{Instrumentation, InstrumentationEvent, set_default_instrumentation};
use manifest_sqlite::{SqliteOptions, SqliteStore};
use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tempfile::TempDir;

/// What the driver did, over all connections of the process.
pub(crate) static LOG: Mutex<Vec<Event>> = Mutex::new(Vec::new());
/// Tests of this file share the log, so one runs at a time.
static TURN: Mutex<()> = Mutex::new(());

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    Ran(String),
    Kept(String),
}

struct Recorder;

impl Instrumentation for Recorder {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        let entry = if let InstrumentationEvent::StartQuery { query, .. } = event {
            let text = query.to_string();
            Event::Ran(text.split(" -- binds").next().unwrap_or_default().to_owned())
        } else if let InstrumentationEvent::CacheQuery { sql, .. } = event {
            Event::Kept(sql.to_owned())
        } else {
            return;
        };
        LOG.lock().unwrap_or_else(PoisonError::into_inner).push(entry);
    }
}

pub(crate) struct Counted {
    pub(crate) store: SqliteStore,
    /// Every statement that diesel keeps prepared, whatever the connection.
    kept: BTreeSet<String>,
    _directory: TempDir,
    _turn: MutexGuard<'static, ()>,
}

impl Counted {
    pub(crate) fn new() -> Self {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        set_default_instrumentation(|| Some(Box::new(Recorder))).unwrap();
        let directory = tempfile::tempdir().unwrap();
        // Each question is one of the database.
        let options = SqliteOptions { lookups: 0, ..SqliteOptions::default() };
        let store = SqliteStore::open(&directory.path().join("registry.sqlite"), options).unwrap();
        let mut counted = Self { store, kept: BTreeSet::new(), _directory: directory, _turn: turn };
        counted.drain();
        counted
    }

    /// The statements that ran since the last call, but for those that set up a connection.
    pub(crate) fn drain(&mut self) -> Vec<String> {
        let events = std::mem::take(&mut *LOG.lock().unwrap_or_else(PoisonError::into_inner));
        let mut ran = Vec::new();
        for event in events {
            match event {
                Event::Kept(sql) => {
                    self.kept.insert(sql);
                }
                Event::Ran(sql) if sql.starts_with("PRAGMA") => {}
                Event::Ran(sql) => ran.push(sql),
            }
        }
        ran
    }

    /// How many statements ran, all of which must be kept prepared.
    pub(crate) fn statements(&mut self) -> usize {
        let ran = self.drain();
        for sql in &ran {
            assert!(self.kept.contains(sql), "prepared anew each time: {sql}");
        }
        ran.len()
    }
}
