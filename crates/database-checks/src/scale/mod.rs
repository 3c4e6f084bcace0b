//! `cargo xtask scale`: a small and a large database side by side, how the hot operations are run on each, and how long
//! they take.

mod data;
mod measure;
mod operations;
mod plan;
mod postgres;
mod sqlite;
mod uploads;
mod verdict;

use anyhow::{Result, ensure};
use clap::ValueEnum;
use data::Size;
use measure::Latency;
use operations::{Ask, Asker, Operation, Ports};
use plan::Plans;
use std::path::Path;
use std::time::Instant;

/// How many manifests the small database has.
const SMALL: Size = Size(10_000);

/// Arguments of `scale`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The engine.
    #[arg(long, value_enum)]
    backend: Backend,
    /// How many manifests the larger database has
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(20_000..))]
    manifests: u64,
}

/// Arguments of `fill`.
#[derive(Debug, clap::Args)]
pub(crate) struct FillArguments {
    /// An empty database: `sqlite:FILE`, or `postgres://…` of a superuser
    to: String,
    /// How many manifests it gets
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1_000..))]
    manifests: u64,
}

/// An engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Backend {
    /// One file.
    Sqlite,
    /// A server.
    Postgres,
}

/// A filled database, asked through an adapter.
struct Filled {
    ports: Ports,
    asker: Asker,
}

impl Filled {
    /// The next question for an operation, for which everything is ready.
    async fn next(&mut self, operation: Operation) -> Result<Ask> {
        let ask = self.asker.next(operation)?;
        ask.prepare(&self.ports).await?;
        Ok(ask)
    }
}

/// An operation on both databases.
struct Comparison {
    operation: Operation,
    small: (Plans, Latency),
    large: (Plans, Latency),
}

/// Fills, measures, prints a table, and fails where the large database is asked in another way.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    // A whole number of repositories.
    let large = Size(arguments.manifests.next_multiple_of(1_000));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let compared = runtime.block_on(async {
        match arguments.backend {
            Backend::Sqlite => sqlite::compare(SMALL, large).await,
            Backend::Postgres => postgres::compare(SMALL, large).await,
        }
    })?;
    println!("{}", verdict::table(large, &compared));
    let wrong: Vec<String> = compared.iter().flat_map(verdict::wrong).collect();
    for sentence in &wrong {
        println!("FAILED {sentence}");
    }
    ensure!(wrong.is_empty(), "{} of {} operations do not hold at {} manifests", wrong.len(), compared.len(), large.0);
    Ok(())
}

/// Fills a database with what the comparison has, for whoever wants to try something else at that size. There are no blobs
/// behind the rows.
pub(crate) fn fill(arguments: &FillArguments) -> Result<()> {
    let (size, start) = (Size(arguments.manifests.next_multiple_of(1_000)), Instant::now());
    match arguments.to.strip_prefix("sqlite:") {
        Some(file) => sqlite::fill(Path::new(file), size)?,
        None => tokio::runtime::Runtime::new()?.block_on(postgres::fill(&arguments.to, size))?,
    }
    filled(size, start);
    Ok(())
}

/// Says how long filling a database took.
fn filled(size: Size, start: Instant) {
    println!("{} manifests: filled in {:.1} s", size.0, start.elapsed().as_secs_f64());
}
