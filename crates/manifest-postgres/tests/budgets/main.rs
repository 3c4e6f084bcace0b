//! How many round trips each read makes, counted on the wire (architecture, "Budgets").

#![expect(clippy::unwrap_used, reason = "a test that lacks what it needs ends there")]

mod counted;
mod lookups;
mod pages;
#[path = "../writes/wire.rs"]
#[expect(dead_code, reason = "only the tests of writes lose answers")]
mod wire;
