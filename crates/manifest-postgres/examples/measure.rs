//! Measures the store on this machine, in a cluster that is made for it and writes durably: the very plans that are measured of `SQLite`.
//!
//! `cargo run --release -p manifest-postgres --example measure`

#[path = "../../manifest-sqlite/examples/measure/plans.rs"]
mod plans;

use manifest_postgres::{PostgresOptions, PostgresStore};
use postgres_fixture::Cluster;
use std::error::Error;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let cluster = Cluster::durable()?;
    let database = cluster.fresh()?;
    let store = PostgresStore::connect(PostgresOptions::new(database.url().parse()?)).await?;
    plans::measure(&store).await
}
