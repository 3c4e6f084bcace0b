//! Everything a developer or CI runs, as Rust: `cargo xtask help` lists it.
//!
//! Each command is one module. A command that needs a tool asks [`setup`] for it, so no command skips silently what
//! it could not run. Nothing here is part of what operators or embedders use, and no other crate may depend on it.
#![expect(clippy::print_stdout, reason = "the output of these commands is what they are for")]

mod bench;
mod check_deps;
mod ci;
mod clients;
mod conformance;
mod count;
mod crash;
mod databases;
mod durability;
mod fuzz;
mod http;
mod images;
mod process;
mod server;
mod setup;
mod test;
mod tidy;
mod vectors;
mod workspace;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::workspace::Workspace;

/// Everything that a developer or CI of this workspace runs.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run all tests and doc-tests; the last line is `N passed, M failed`.
    Test(test::Arguments),
    /// Run everything that guards a change and print the time of each step.
    Ci(ci::Arguments),
    /// Prove that dependencies between crates follow the architecture.
    CheckDeps,
    /// Prove the habits of the code that no compiler lint covers.
    Tidy,
    /// Drive real container clients against the registry; the last line is `N passed, M failed`.
    Clients(clients::Arguments),
    /// Run the conformance suite of the OCI distribution specification; the last line is `N passed, M failed`.
    Conformance(conformance::Arguments),
    /// Prove by its system calls that what the registry accepts is on the disk; the last line is `N passed, M failed`.
    Durability(durability::Arguments),
    /// Kill the registry, or fail it, at each sync and rename of a push; the last line is `N passed, M failed`.
    Crash(crash::Arguments),
    /// Throw mutated inputs at every parser; the last line is `N passed, M failed`.
    Fuzz(fuzz::Arguments),
    /// Judge golden vectors of what Quay answers; the last line is `N passed, M failed, K deviations`.
    Vectors(vectors::Arguments),
    /// Print the tables that the migrations make, or prove that they are what the adapters were written for.
    Schema(databases::SchemaArguments),
    /// Prove that no hot operation becomes slower with a million manifests.
    Scale(databases::ScaleArguments),
    /// Run the same load on this registry and on others and print one table; `bench --help` says more.
    Bench(bench::Arguments),
    /// Install the tools that the other commands need; quick when they are there.
    Setup(setup::Arguments),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(arguments.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => vectors::exit_code(&error).unwrap_or_else(|| {
            // After the closing line of a count nothing more may be printed to standard output.
            report(&error);
            ExitCode::FAILURE
        }),
    }
}

fn run(command: Command) -> Result<()> {
    let workspace = Workspace::find()?;
    match command {
        Command::Test(arguments) => test::run(&workspace, &arguments),
        Command::Ci(arguments) => ci::run(&workspace, &arguments),
        Command::CheckDeps => check_deps::run(&workspace),
        Command::Tidy => tidy::run(&workspace),
        Command::Clients(arguments) => clients::run(&workspace, &arguments),
        Command::Conformance(arguments) => conformance::run(&workspace, &arguments),
        Command::Durability(arguments) => durability::run(&workspace, &arguments),
        Command::Crash(arguments) => crash::run(&workspace, &arguments),
        Command::Fuzz(arguments) => fuzz::run(&workspace, &arguments),
        Command::Vectors(arguments) => vectors::run(&workspace, &arguments),
        Command::Schema(arguments) => databases::schema(&workspace, &arguments),
        Command::Scale(arguments) => databases::scale(&workspace, &arguments),
        Command::Bench(arguments) => bench::run(&workspace, &arguments),
        Command::Setup(arguments) => setup::run(&workspace, &arguments),
    }
}

#[expect(clippy::print_stderr, reason = "an error goes to standard error")]
fn report(error: &anyhow::Error) {
    eprintln!("error: {error:#}");
}
