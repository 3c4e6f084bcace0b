#![doc = include_str!("../README.md")]

#[macro_use]
mod statement;

mod backup;
mod connection;
mod driver;
mod export;
mod known_images;
mod lookups;
mod migrate;
mod open;
mod ops;
mod ports;
mod reader;
mod rows;
mod schema;
mod sets;
mod signing_keys;
mod store;
mod writer;

#[cfg(test)]
mod tests;

pub use export::{ExportBatch, ExportColumn};
pub use open::{OpenError, Opened};
pub use signing_keys::{PemError, SigningKeyFile, from_pem, to_pem};
pub use store::{SqliteOptions, SqliteStore};
