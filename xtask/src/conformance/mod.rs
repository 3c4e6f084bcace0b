//! `cargo xtask conformance`: the conformance suite of the OCI distribution specification, twice on one data directory,
//! and once more on another for a registry that does not check references.
//!
//! Everything that the suite can test is on. Only sparse manifests are off in the first two runs: a registry that checks
//! what a manifest references, as ours does by default, refuses them. In the third run they are on too.

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
    server::{Deployment, Program, Registry, Server},
    setup::{self, Need},
    workspace::Workspace,
};
use judge::Expected;

/// What makes the registry take a manifest whatever it references.
const UNCHECKED: (&str, &str) = ("MANIFESTD_MANIFESTS__REFERENCES", "unchecked");

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
    #[command(flatten)]
    deployment: Deployment,
    /// Keep the data and the reports, and print where they are.
    #[arg(long)]
    keep: bool,
}

impl Arguments {
    /// A registry that is set up so.
    pub(crate) fn on(deployment: Deployment) -> Self {
        Self { deployment, ..Self::default() }
    }
}

/// Runs the suite twice, under new repository names each time, and once with sparse manifests, and judges all runs.
///
/// The second run finds the first one's data: what a registry knows must not change what it answers. The third needs a
/// registry that is configured for it, so there is none for a registry that was given or is not ours.
pub(crate) fn run(workspace: &Workspace, arguments: &Arguments) -> Result<()> {
    let suite = setup::ensure(workspace, Need::ConformanceSuite)?;
    let mut directory = tempfile::Builder::new().prefix("conformance-").tempdir()?;
    directory.disable_cleanup(arguments.keep);
    let mut sum = Count::default();
    let started = (arguments.server, arguments.deployment);
    let registry = Registry::open(workspace, arguments.registry.as_ref(), started, directory.path())?;
    for round in 1..=2 {
        run_and_judge(&suite, &registry, Expected::Checked, (round, directory.path()), &mut sum)?;
    }
    if registry.is_ours() && arguments.server == Program::Manifestd {
        drop(registry);
        let folder = directory.path().join("unchecked");
        let server = Server::start_with(workspace, arguments.deployment, &folder, &[UNCHECKED])?;
        let registry = Registry::Started(Box::new(server));
        run_and_judge(&suite, &registry, Expected::Unchecked, (3, directory.path()), &mut sum)?;
    } else {
        println!("run 3 needs a registry of ours that does not check references: not run");
    }
    if arguments.keep {
        println!("kept: {}", directory.path().display());
    }
    sum.close()
}

/// One numbered run, its line and its counts; its results are kept below the directory.
fn run_and_judge(
    suite: &Path,
    registry: &Registry,
    expected: Expected,
    (round, directory): (u32, &Path),
    sum: &mut Count,
) -> Result<()> {
    let start = Instant::now();
    let results = directory.join(format!("results-{round}"));
    let (report, log) = run_suite(suite, &registry.address(), expected, &results)?;
    let results = fs::read_to_string(results.join("results.yaml")).unwrap_or_default();
    let verdict = judge::judge(expected, &report, &results);
    if !verdict.reasons.is_empty() {
        print_failures(&log);
    }
    let note = if expected == Expected::Unchecked { ", references unchecked, sparse on" } else { "" };
    println!("run {round}{note}: {verdict} ({:.1} s)", start.elapsed().as_secs_f64());
    sum.passed += verdict.counts.pass;
    sum.failed += verdict.failed();
    Ok(())
}

/// Runs the suite once; returns its report and its log. Its exit code says nothing that the judge does not ask.
fn run_suite(suite: &Path, address: &str, expected: Expected, results: &Path) -> Result<(String, String)> {
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
    if expected == Expected::Unchecked {
        command.env("OCI_DATA_SPARSE", "true");
    }
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
