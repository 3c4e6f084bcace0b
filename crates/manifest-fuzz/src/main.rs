//! Fuzzes for a while: one line a target, then how many passed.
//!
//! The exit code is 0 if nothing failed, 1 if a target failed, 2 if there was nothing to try.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "the output of this program is what it is for")]

use clap::Parser;
use manifest_fuzz::{ALL, Budget, Summary, Target, corpus, escaped, named, run};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Throws mutated inputs at every parser of documents and of the wire.
#[derive(Debug, Parser)]
#[command(name = "manifest-fuzz")]
struct Arguments {
    /// How long all targets take together
    #[arg(long, value_name = "N", default_value_t = 60)]
    seconds: u64,
    /// Only this target [default: all of them]
    #[arg(long, value_name = "NAME")]
    target: Option<String>,
    /// The seed that was printed by the run to repeat [default: the time]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Where inputs that failed are written to
    #[arg(long, value_name = "DIR", default_value = "target/fuzz-failures")]
    save: PathBuf,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let targets = match &arguments.target {
        None => ALL,
        Some(name) => {
            let Some(target) = named(name) else {
                let names: Vec<&str> = ALL.iter().map(|target| target.name).collect();
                eprintln!("error: there is no target `{name}`; there are {}", names.join(", "));
                return ExitCode::from(2);
            };
            std::slice::from_ref(target)
        }
    };
    let seed = arguments.seed.unwrap_or_else(time);
    println!("seed {seed}");
    fuzz(targets, seed, &arguments)
}

fn fuzz(targets: &[Target], seed: u64, arguments: &Arguments) -> ExitCode {
    let weights: u32 = targets.iter().map(|target| target.weight).sum();
    let share = Duration::from_secs(arguments.seconds) / weights.max(1);
    let (mut passed, mut failed) = (0, 0);
    for target in targets {
        let inputs = match corpus(target) {
            Ok(inputs) => inputs,
            Err(error) => {
                let source = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
                eprintln!("error: {error}: {source}");
                return ExitCode::from(2);
            }
        };
        let summary = run(target, inputs, seed, Budget::Time(share * target.weight));
        println!("{summary}");
        explain(&summary, arguments);
        if summary.failures.is_empty() { passed += 1 } else { failed += 1 }
    }
    println!("{passed} passed, {failed} failed");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The failures of a target; the slowest input where it was slow enough to look at.
fn explain(summary: &Summary, arguments: &Arguments) {
    for failure in &summary.failures {
        println!("    {}: {}", failure.what.escape_debug(), escaped(&failure.input));
        match failure.save(&arguments.save, summary.target) {
            Ok(path) => println!("    saved as {}", path.display()),
            Err(error) => println!("    not saved: {error}"),
        }
    }
    if summary.slowest >= Duration::from_millis(20) {
        println!("    slowest: {}", escaped(&summary.slowest_input));
    }
}

/// The nanoseconds of the clock.
fn time() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| u64::from(time.subsec_nanos()) ^ time.as_secs())
}
