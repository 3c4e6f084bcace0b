#![doc = include_str!("../README.md")]

mod cluster;
mod database;
mod error;
mod pooler;
mod programs;
mod psql;
mod template;

pub use cluster::Cluster;
pub use database::{CLEAR, Database, URL_VARIABLE};
pub use error::FixtureError;
pub use pooler::{PoolMode, Pooler};
