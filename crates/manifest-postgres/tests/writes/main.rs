//! Writes when something goes wrong: others in the way, statements that fail, connections that go, answers that are lost.

#![expect(clippy::unwrap_used, reason = "a test that cannot ask its database has failed")]

mod concurrency;
mod faults;
mod liveness;
mod lost;
mod numbers;
mod ordered;
mod retries;
mod rounds;
mod script;
mod settled;
mod wire;
mod world;
