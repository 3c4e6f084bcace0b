use crate::faulty::{Fault, Faulty};
use manifest_contract::rows::{Fixture, Rows};
use manifest_contract::{bytes, rows};
use manifest_core::ports::BlobStore;
use manifest_memory::MemoryStore;
use std::future::ready;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// Panics unless each of these clauses finds the fault, and finds nothing where there is none.
pub(crate) fn caught<const N: usize>(clauses: [&str; N], fault: &(impl Fault + Clone)) {
    for clause in clauses {
        rows::check(clause, ready(Rows::of(Arc::new(MemoryStore::new()))));
        let broken = Rows::of(Arc::new(Faulty::new(fault.clone())));
        found(clause, || rows::check(clause, ready(broken)));
    }
}

/// The same for a fault that only a prepared fixture shows.
pub(crate) fn caught_in(clause: &str, fixture: Fixture) {
    found(clause, || rows::check(clause, ready(fixture)));
}

/// The same for a blob store.
pub(crate) fn caught_bytes<const N: usize>(clauses: [&str; N], broken: impl Fn() -> bytes::Fixture) {
    for clause in clauses {
        found(clause, || bytes::check(clause, ready(broken())));
    }
}

/// A fixture of a blob store that cannot be made full.
pub(crate) fn plain(store: impl BlobStore + 'static) -> bytes::Fixture {
    bytes::Fixture::new(Arc::new(store))
}

fn found(clause: &str, check: impl FnOnce()) {
    let outcome = catch_unwind(AssertUnwindSafe(check));
    assert!(outcome.is_err(), "{clause} did not find the fault");
}
