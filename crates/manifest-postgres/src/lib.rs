#![doc = include_str!("../README.md")]

#[macro_use]
mod statement;

mod connect;
mod connection;
mod driver;
mod migrate;
mod ops;
mod pool;
mod ports;
mod retry;
mod sets;
mod store;
mod url;

pub use connect::ConnectError;
pub use store::{PostgresOptions, PostgresStore};
pub use url::{DatabaseUrl, ParseDatabaseUrlError};
