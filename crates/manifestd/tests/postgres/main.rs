//! The real binary on a real Postgres: one node and several, outages, and what is said of bad input.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends by panicking")]

#[path = "../common/mod.rs"]
mod common;

mod backup;
mod clocks;
mod commands;
mod copy;
mod nodes;
mod outages;
mod pooler;
mod read_only;
mod signing;

use common::Server;
use postgres_fixture::Database;
use std::path::Path;

/// Serves the rows in that database and the blobs in that directory.
fn node(url: &str, blobs: &Path) -> Server {
    Server::start(&["--database-url", url, "--data-dir", blobs.to_str().unwrap()])
}

/// The same, without a log: nobody reads it while a load test runs, and a full pipe would stop the server.
fn silent_node(url: &str, blobs: &Path) -> Server {
    Server::start(&["--database-url", url, "--data-dir", blobs.to_str().unwrap(), "--log-level", "off"])
}

/// A database for one test, where no runtime waits for it.
fn fresh() -> Database {
    runtime().block_on(Database::fresh())
}

fn empty() -> Database {
    runtime().block_on(Database::empty())
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}
