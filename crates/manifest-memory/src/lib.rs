#![doc = include_str!("../README.md")]

mod apply;
mod blob_store;
mod blobs;
mod chunks;
mod collection;
mod commit;
mod interval;
mod listings;
mod manifests;
mod page;
mod repositories;
mod repository;
mod state;
mod store;
mod tags;
mod trash;
mod uploads;
mod visible;

pub use crate::blob_store::MemoryBlobs;
pub use crate::store::{MemoryStore, ports};
