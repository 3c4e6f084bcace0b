#![doc = include_str!("../README.md")]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "the output of this program is what it is for")]

mod scale;
mod schema;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Holds the databases of the SQL adapters to what the project says of them.
#[derive(Debug, Parser)]
#[command(name = "database-checks")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// The tables that the migrations make, on both engines
    Schema(schema::Arguments),
    /// Plans and latencies of the hot operations on a small and on a large database
    Scale(scale::Arguments),
    /// Fill a database with very many rows
    Fill(scale::FillArguments),
}

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Schema(arguments) => schema::run(&arguments),
        Command::Scale(arguments) => scale::run(&arguments),
        Command::Fill(arguments) => scale::fill(&arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
