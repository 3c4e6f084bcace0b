//! Tests of the store as a whole, and of what only this crate can see.

#[macro_use]
mod corrupt;
mod corrupt_wide;
mod empty;
mod plans;
mod prepared;
mod prepared_writes;
mod scale;
mod statements;
mod values;
mod world;
