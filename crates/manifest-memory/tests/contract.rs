//! The memory adapter keeps every promise of the ports.

use manifest_contract::rows::Rows;
use manifest_memory::MemoryStore;
use std::future::{Ready, ready};
use std::sync::Arc;

fn rows() -> Ready<Rows> {
    ready(Rows::of(Arc::new(MemoryStore::new())))
}

manifest_contract::rows!(rows);
