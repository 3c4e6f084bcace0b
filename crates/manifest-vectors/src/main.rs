//! Runs a directory of vectors: one line a file, then what deviates and why, then the total.
//!
//! The exit code is 0 if nothing failed, 1 if a case failed, 2 if there was nothing to judge.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "the output of this program is what it is for")]

use clap::Parser;
use manifest_vectors::{Report, Unusable, run};
use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

/// Holds the registry's core to what Quay answers.
#[derive(Debug, Parser)]
#[command(name = "manifest-vectors")]
struct Arguments {
    /// The directory whose files `a_….json` to `h_….json` are run [default: the project's own]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

fn main() -> ExitCode {
    let own = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/vectors"));
    match run(&Arguments::parse().dir.unwrap_or_else(own)) {
        Ok(report) => {
            println!("{report}");
            code(&report)
        }
        Err(error) => {
            explain(&error);
            ExitCode::from(2)
        }
    }
}

fn code(report: &Report) -> ExitCode {
    if report.count().failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn explain(error: &Unusable) {
    let mut text = format!("error: {error}");
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    eprintln!("{text}");
}
