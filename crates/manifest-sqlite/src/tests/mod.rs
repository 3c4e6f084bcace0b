//! Tests of the store as a whole, and of what only this crate can see.

#[macro_use]
mod corrupt;
mod corrupt_wide;
mod export;
mod faults;
mod faults_every;
mod faults_wide;
mod log;
mod lookups;
mod open;
mod plans;
mod scale;
mod schema;
mod values;
mod world;
mod writer;
