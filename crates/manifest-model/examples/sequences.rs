//! Runs many sequences: `cargo run --release -p manifest-model --example sequences -- [--postgres] [count] [seed]`.
//!
//! Memory is compared with SQLite, or with Postgres, on a server of its own or the one that `TEST_DATABASE_URL` names.

#![expect(clippy::print_stdout, reason = "printing is what it is for")]

use manifest_model::{Adapter, Memory, Op, Postgres, Ran, Sqlite, check};
use postgres_fixture::Database;
use std::collections::BTreeSet;
use std::error::Error;
use std::process::ExitCode;
use std::time::Instant;

/// Sequences between two lines of output.
const BATCH: u32 = 500;

/// Operations in a sequence, on the average, besides those that furnish it.
const OPS: usize = 40;

fn main() -> ExitCode {
    let (flags, numbers): (Vec<String>, Vec<String>) =
        std::env::args().skip(1).partition(|word| word.starts_with("--"));
    let mut numbers = numbers.iter().map(|number| number.parse::<u32>());
    let (Ok(count), Ok(seed), true) = (
        numbers.next().unwrap_or(Ok(10_000)),
        numbers.next().unwrap_or(Ok(1)),
        flags.iter().all(|flag| flag == "--postgres"),
    ) else {
        println!("usage: sequences [--postgres] [count] [seed]");
        return ExitCode::from(2);
    };
    match run(!flags.is_empty(), count, seed) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(on_postgres: bool, count: u32, seed: u32) -> Result<(), Box<dyn Error>> {
    let database = if on_postgres { Some(fresh()?) } else { None };
    let other = || -> Box<dyn Adapter> {
        match &database {
            Some(database) => Box::new(Postgres::emptying(database.url())),
            None => Box::new(Sqlite),
        }
    };
    println!("{count} sequences from seed {seed} on {}", other().name());
    let start = Instant::now();
    let (mut done, mut operations, mut kinds) = (0, 0, BTreeSet::new());
    while done < count {
        let batch = BATCH.min(count - done);
        let ran: Ran = check(&[&Memory, &*other()], batch, OPS, u64::from(seed) << 32 | u64::from(done))?;
        operations += ran.operations;
        kinds.extend(ran.kinds);
        done += batch;
        println!(
            "{done} sequences, {operations} operations of {} kinds out of {}, no difference, {:.0} s",
            kinds.len(),
            Op::kinds(),
            start.elapsed().as_secs_f64()
        );
    }
    Ok(())
}

fn fresh() -> Result<Database, Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    Ok(runtime.block_on(Database::fresh()))
}
