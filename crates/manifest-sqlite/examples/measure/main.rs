//! Measures the store on this machine, all durable; `plans.rs` says what.
//!
//! `cargo run --release -p manifest-sqlite --example measure -- [directory]`

mod plans;

use manifest_sqlite::{SqliteOptions, SqliteStore};
use std::error::Error;
use std::path::PathBuf;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let temporary = tempfile::tempdir()?;
    let directory = std::env::args_os().nth(1).map_or_else(|| temporary.path().to_owned(), PathBuf::from);
    let store = SqliteStore::open(&directory.join("measure.sqlite"), SqliteOptions::default())?;
    plans::measure(&store).await
}
