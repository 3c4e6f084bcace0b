#![doc = include_str!("../README.md")]

mod apply;
mod blob_store;
mod blobs;
mod chunks;
mod collection;
mod commit;
mod deleting;
mod interval;
mod kept;
mod listings;
mod looks;
mod manifests;
mod page;
mod reclaim;
mod records;
mod repositories;
mod repository;
mod state;
mod store;
mod sweep;
mod tags;
mod timeline;
mod trash;
mod uploads;

pub use crate::blob_store::MemoryBlobs;
pub use crate::store::{MemoryStore, ports};

/// The examples of the core's use cases, run as this crate's documentation tests: they need adapters, and the core has none.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/embedding.md")]
mod embedding {}
