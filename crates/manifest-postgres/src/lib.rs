#![doc = include_str!("../README.md")]

#[macro_use]
mod statement;

mod condition;
mod connect;
mod connection;
mod driver;
mod identity;
mod import;
mod language;
mod look;
mod migrate;
mod ops;
mod planning;
mod pool;
mod pooler;
mod ports;
mod retry;
mod server;
mod sets;
mod store;
mod tls;
mod url;

#[cfg(test)]
mod tests;

pub use condition::{Condition, Writable};
pub use connect::ConnectError;
pub use import::{ImportColumn, ImportTable, line_sum};
pub use migrate::Migrations;
pub use pool::PoolState;
pub use store::{PostgresOptions, PostgresStore};
pub use tls::TlsError;
pub use url::{DatabaseUrl, ParseDatabaseUrlError};
