//! The memory adapter keeps every promise of the ports.

use manifest_contract::bytes::Fixture;
use manifest_contract::rows::Rows;
use manifest_core::ports::SigningKeys;
use manifest_memory::{MemoryBlobs, MemorySigningKeys, MemoryStore};
use std::future::{Ready, ready};
use std::sync::Arc;

fn rows() -> Ready<Rows> {
    ready(Rows::of(Arc::new(MemoryStore::new())))
}

manifest_contract::rows!(rows);

fn bytes() -> Ready<Fixture> {
    let store = MemoryBlobs::new(1 << 30);
    let full = Arc::new(store.with_cap(512 << 10));
    ready(Fixture::new(Arc::new(store)).full(full))
}

manifest_contract::bytes!(bytes);

fn keys() -> Ready<Arc<dyn SigningKeys>> {
    ready(Arc::new(MemorySigningKeys::new()))
}

manifest_contract::keys!(keys);
