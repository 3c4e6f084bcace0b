#![doc = include_str!("../README.md")]

pub mod bytes;
pub mod keys;
pub mod rows;

mod clause;
mod world;

pub use clause::Clause;
