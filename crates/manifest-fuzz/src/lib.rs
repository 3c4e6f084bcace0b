#![doc = include_str!("../README.md")]

mod budget;
mod corpus;
mod failure;
mod mutate;
mod rng;
mod run;
mod shape;
mod target;
mod targets;

pub use budget::Budget;
pub use corpus::{UnreadableCorpus, corpus};
pub use failure::{Failure, escaped};
pub use run::{Summary, run};
pub use target::{ALL, Broken, Outcome, Target, named};
