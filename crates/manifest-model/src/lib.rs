#![doc = include_str!("../README.md")]

mod adapters;
mod bytes;
mod looks;
mod manage;
mod op;
mod pool;
mod pushes;
mod rows;
mod sequence;
mod side;
mod tags;
mod text;

pub use adapters::{check, check_against, compare, memory};
pub use op::Op;
pub use sequence::{Difference, Sequence};
