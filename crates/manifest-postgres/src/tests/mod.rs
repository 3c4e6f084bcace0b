//! Tests of the store as a whole, and of what only this crate can see.

mod plans;
mod scale;
mod statements;
mod world;
