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
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

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

/// Somebody at the database who has done something and not ended the transaction.
struct Other(Child);

impl Other {
    fn does(database: &Database, statements: &str) -> Self {
        let mut psql = Command::new("psql");
        let psql = psql.args(["--no-psqlrc", "--quiet", "--tuples-only", database.url()]);
        let mut child = psql.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        child.stdin.as_mut().unwrap().write_all(format!("BEGIN; {statements};\n\\echo done\n").as_bytes()).unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(lines.map(Result::unwrap).any(|line| line == "done"));
        Self(child)
    }

    fn ends(mut self) {
        drop(self.0.stdin.take());
        assert!(self.0.wait().unwrap().success());
    }
}
