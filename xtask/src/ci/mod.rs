//! `cargo xtask ci`: every guard of a change, one after the other.
//!
//! A failed step does not end the run: one run shows all that is wrong. The run fails at its end and names the steps.

mod deny;

use std::{
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use clap::ValueEnum;

use crate::{
    check_deps, clients, conformance, crash, databases, databases::SchemaArguments, durability, process,
    server::Deployment, test, tidy, vectors, workspace, workspace::Workspace,
};

/// Arguments of `cargo xtask ci`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Leave a step out; may be given several times.
    #[arg(long, value_name = "STEP")]
    skip: Vec<Step>,
    /// Run only this step; may be given several times.
    #[arg(long, value_name = "STEP", conflicts_with = "skip")]
    only: Vec<Step>,
}

/// One guard. The cheap ones come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Step {
    /// The code is formatted as rustfmt.toml says.
    Fmt,
    /// The architecture's arrows.
    CheckDeps,
    /// The habits that no lint covers.
    Tidy,
    /// Licences, sources and bans of dependencies; advisories where that needs no download.
    Deny,
    /// Clippy's lints, none tolerated.
    Clippy,
    /// Rustdoc's warnings, none tolerated.
    Rustdoc,
    /// Every test and doc-test.
    Test,
    /// The tables that the migrations make.
    Schema,
    /// The golden vectors of the project, and those beside the checkout.
    Vectors,
    /// Real clients against the release binary.
    Clients,
    /// Real clients against two nodes on one database.
    ClientsPostgres,
    /// The conformance suite against the release binary.
    Conformance,
    /// The conformance suite against two nodes on one database.
    ConformancePostgres,
    /// The order of system calls of the release binary.
    Durability,
    /// Every fault at every call that makes a push to the release binary durable.
    Crash,
}

/// Runs the steps that were not left out and prints a table of their times.
pub(crate) fn run(workspace: &Workspace, arguments: &Arguments) -> Result<()> {
    let chosen =
        |step: &&Step| !arguments.skip.contains(step) && (arguments.only.is_empty() || arguments.only.contains(step));
    let mut table = Vec::new();
    for step in Step::value_variants().iter().filter(chosen) {
        println!("\n==> {}", name(*step));
        let start = Instant::now();
        let result = step_result(workspace, *step);
        let taken = start.elapsed();
        if let Err(error) = &result {
            println!("FAILED {}: {error:#}", name(*step));
        }
        println!("==> {}: {:.1} s", name(*step), taken.as_secs_f64());
        table.push((*step, taken, result.is_ok()));
    }
    print_table(&table);
    let failed: Vec<String> = table.iter().filter(|(.., ok)| !ok).map(|(step, ..)| name(*step)).collect();
    ensure!(failed.is_empty(), "failed: {}", failed.join(", "));
    Ok(())
}

fn step_result(workspace: &Workspace, step: Step) -> Result<()> {
    let cargo = |arguments: &[&str]| {
        let mut command = Command::new(workspace::cargo());
        command.args(arguments).current_dir(workspace.root());
        command
    };
    match step {
        // The names of the files are enough: `cargo fmt` mends them.
        Step::Fmt => process::stream(&mut cargo(&["fmt", "--all", "--", "--check", "--files-with-diff"])),
        Step::CheckDeps => check_deps::run(workspace),
        Step::Tidy => tidy::run(workspace),
        Step::Deny => deny::run(workspace),
        Step::Clippy => {
            process::stream(&mut cargo(&["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"]))
        }
        Step::Rustdoc => {
            let mut command = cargo(&["doc", "--workspace", "--no-deps", "--document-private-items"]);
            process::stream(command.env("RUSTDOCFLAGS", "--deny warnings"))
        }
        Step::Test => test::run(workspace, &test::Arguments::default()),
        Step::Schema => databases::schema(workspace, &SchemaArguments::CHECK),
        Step::Vectors => vectors::run_all(workspace),
        Step::Clients => clients::run(workspace, &clients::Arguments::default()),
        Step::ClientsPostgres => clients::run(workspace, &clients::Arguments::on(Deployment::TWO_NODES)),
        Step::Durability => durability::run(workspace, &durability::Arguments::default()),
        Step::Crash => crash::run(workspace, &crash::Arguments::default()),
        Step::Conformance => conformance::run(workspace, &conformance::Arguments::default()),
        Step::ConformancePostgres => conformance::run(workspace, &conformance::Arguments::on(Deployment::TWO_NODES)),
    }
}

/// The word for a step on the command line.
fn name(step: Step) -> String {
    step.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
}

fn print_table(table: &[(Step, Duration, bool)]) {
    println!();
    for (step, taken, ok) in table {
        println!("{:20} {:8.1} s  {}", name(*step), taken.as_secs_f64(), if *ok { "ok" } else { "FAILED" });
    }
    let total: Duration = table.iter().map(|(_, taken, _)| *taken).sum();
    println!("{:20} {:8.1} s", "total", total.as_secs_f64());
}
