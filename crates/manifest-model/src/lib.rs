#![doc = include_str!("../README.md")]

mod adapter;
mod bytes;
mod check;
mod looks;
mod manage;
mod op;
mod pool;
mod postgres;
mod pushes;
mod rows;
mod sequence;
mod side;
mod tags;
mod text;

pub use adapter::{Adapter, Memory, Sqlite, Store};
pub use check::{Ran, check};
pub use op::Op;
pub use postgres::Postgres;
pub use sequence::{Difference, Sequence};
