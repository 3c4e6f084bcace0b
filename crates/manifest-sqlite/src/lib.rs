#![doc = include_str!("../README.md")]

#[macro_use]
mod statement;

mod backup;
mod connection;
mod driver;
mod export;
mod migrate;
mod open;
mod ops;
mod ports;
mod reader;
mod rows;
mod schema;
mod sets;
mod store;
mod writer;

#[cfg(test)]
mod tests;

pub use export::ExportColumn;
pub use open::{OpenError, Opened};
pub use store::{SqliteOptions, SqliteStore};
