#![doc = include_str!("../README.md")]

mod check;
mod describe;
pub mod explore;
mod fingerprint;
pub mod liveness;
pub mod locks;
mod model;
mod planner;
pub mod protocol;
pub mod rows;
pub mod spec;
pub mod state;
mod steps;
mod turn;
pub mod world;
pub mod worlds;

pub use explore::{Report, Violation, explore};
pub use model::{Label, Model};
pub use protocol::{CASES, Protocol, Rule};
pub use world::World;
