//! Tests of the store as a whole, and of what only this crate can see.

mod corrupt;
mod faults;
mod open;
mod plans;
mod schema;
mod values;
mod world;
mod writer;
