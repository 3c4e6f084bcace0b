#![doc = include_str!("../README.md")]

#[macro_use]
mod statement;

mod driver;
mod migrate;
mod ops;
mod pool;
mod ports;
mod store;

pub use store::{PostgresOptions, PostgresStore};
