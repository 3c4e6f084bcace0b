//! `cargo xtask conformance`: the conformance suite of the OCI distribution specification, twice on one data directory.
//!
//! Everything that the suite can test is on, but for sparse manifests: a registry that checks what a manifest
//! references, as ours does by default, refuses them.

mod judge;

use std::{
    fs,
    path::Path,
    process::{Command, id},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result};

use crate::{
    count::Count,
    process,
    server::{Program, Registry},
    setup::{self, Need},
    workspace::Workspace,
};

/// The suite takes seconds; a registry that hangs must not hang the run.
const LIMIT: Duration = Duration::from_mins(10);

/// Arguments of `cargo xtask conformance`.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Arguments {
    /// Test the registry that listens there, instead of building and starting one.
    #[arg(long, value_name = "HOST:PORT")]
    registry: Option<String>,
    /// The registry to start.
    #[arg(long, value_enum, default_value_t, conflicts_with = "registry")]
    server: Program,
    /// Keep the data and the reports, and print where they are.
    #[arg(long)]
    keep: bool,
}

/// Runs the suite twice, under new repository names each time, and judges both runs.
///
/// The second run finds the first one's data: what a registry knows must not change what it answers.
pub(crate) fn run(workspace: &Workspace, arguments: &Arguments) -> Result<()> {
    let suite = setup::ensure(workspace, Need::ConformanceSuite)?;
    let mut directory = tempfile::Builder::new().prefix("conformance-").tempdir()?;
    directory.disable_cleanup(arguments.keep);
    let registry = Registry::open(workspace, arguments.registry.as_ref(), arguments.server, directory.path())?;
    let address = registry.address();
    let mut sum = Count::default();
    for round in 1..=2 {
        let start = Instant::now();
        let results = directory.path().join(format!("results-{round}"));
        let (report, log) = run_suite(&suite, &address, &results)?;
        let verdict = judge::judge(&report, &fs::read_to_string(results.join("results.yaml")).unwrap_or_default());
        if !verdict.reasons.is_empty() {
            print_failures(&log);
        }
        println!("run {round}: {verdict} ({:.1} s)", start.elapsed().as_secs_f64());
        sum.passed += verdict.counts.pass;
        sum.failed += verdict.failed();
    }
    if arguments.keep {
        println!("kept: {}", directory.path().display());
    }
    sum.close()
}

/// Runs the suite once; returns its report and its log. Its exit code says nothing that the judge does not ask.
fn run_suite(suite: &Path, address: &str, results: &Path) -> Result<(String, String)> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).context("the clock stands before 1970")?;
    let repository = format!("conformance/{}-{}", id(), now.as_millis());
    let mut command = Command::new(suite);
    for (name, _) in std::env::vars_os() {
        // A variable that somebody has set for the suite by hand must not change what CI runs.
        if name.to_string_lossy().starts_with("OCI_") {
            command.env_remove(name);
        }
    }
    command.env("OCI_REGISTRY", address).env("OCI_TLS", "disabled").env("OCI_VERSION", "dev");
    command.env("OCI_REPO1", format!("{repository}/one")).env("OCI_REPO2", format!("{repository}/two"));
    command.env("OCI_RESULTS_DIR", results);
    let output = process::capture(&mut command, LIMIT)?;
    Ok((output.stdout, output.stderr))
}

/// The suite logs each failed test with its reason, on one line.
fn print_failures(log: &str) {
    for line in log.lines().filter(|line| line.contains("failed test") || line.contains("failed to")) {
        let line: String = line.chars().take(600).collect();
        println!("{line}");
    }
}
