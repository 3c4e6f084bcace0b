//! `cargo xtask test`: every test and doc-test of the workspace, and one line that sums them up.

use std::{
    env,
    io::{BufRead, BufReader},
    process::{Command, Stdio},
};

use anyhow::{Context, Result};
use postgres_fixture::{Cluster, URL_VARIABLE};

use crate::{
    count::Count,
    setup::{self, Need},
    workspace,
    workspace::Workspace,
};

/// Arguments of `cargo xtask test`.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Arguments {
    /// Only this package's tests; may be given several times.
    #[arg(long, value_name = "NAME")]
    package: Vec<String>,
}

/// Runs the tests and then the doc-tests, which `--all-targets` leaves out.
///
/// A failing test does not end the run: the closing line counts all of them.
pub(crate) fn run(workspace: &Workspace, arguments: &Arguments) -> Result<()> {
    // Tests of durability look at system calls, others set clocks, make certificates and put a pooler between. They fail where the
    // program is missing.
    for need in [Need::Strace, Need::Faketime, Need::OpenSsl, Need::PgBouncer] {
        setup::ensure(workspace, need)?;
    }
    let server = database_server(workspace)?;
    let mut sum = Count::default();
    let mut kinds = vec!["--all-targets"];
    // Cargo takes doc-tests of packages without a library for an error.
    if arguments.package.is_empty() || arguments.package.iter().any(|name| has_library(workspace, name)) {
        kinds.push("--doc");
    }
    for kind in kinds {
        let mut command = cargo_test(workspace, kind, &arguments.package);
        if let Some(cluster) = &server {
            command.env(URL_VARIABLE, cluster.url());
        }
        let count = counted(command)?;
        sum.passed += count.passed;
        sum.failed += count.failed;
    }
    sum.close()
}

/// One database server for all test programs, unless the environment names one.
fn database_server(workspace: &Workspace) -> Result<Option<Cluster>> {
    if env::var_os(URL_VARIABLE).is_some_and(|url| !url.is_empty()) {
        println!("databases of tests are on the server that {URL_VARIABLE} names");
        return Ok(None);
    }
    setup::ensure(workspace, Need::Postgres)?;
    Ok(Some(Cluster::start().context("no Postgres for tests")?))
}

fn cargo_test(workspace: &Workspace, kind: &str, packages: &[String]) -> Command {
    let mut command = Command::new(workspace::cargo());
    command.args(["test", "--no-fail-fast", kind]).current_dir(workspace.root());
    if packages.is_empty() {
        command.arg("--workspace");
    }
    for package in packages {
        command.args(["--package", package]);
    }
    command
}

fn has_library(workspace: &Workspace, name: &str) -> bool {
    let packages = workspace.metadata().workspace_packages();
    let mut named = packages.iter().filter(|package| package.name.as_str() == name);
    named.any(|package| package.targets.iter().any(cargo_metadata::Target::is_lib))
}

/// Passes the output on line by line and adds up what the test programs say of themselves.
fn counted(mut command: Command) -> Result<Count> {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().context("cargo did not start")?;
    let output = child.stdout.take().context("cargo's output is not piped")?;
    let mut count = Count::default();
    for line in BufReader::new(output).lines() {
        let line = line.context("cargo's output is not text")?;
        println!("{line}");
        if let Some(result) = parse_result(&line) {
            count.passed += result.passed;
            count.failed += result.failed;
        }
    }
    let status = child.wait()?;
    if !status.success() && count.failed == 0 {
        // Nothing compiled, or a test program died before it could count.
        println!("cargo test ended with {status} although no test program reported a failure");
        count.failed = 1;
    }
    Ok(count)
}

/// Reads `test result: ok. 3 passed; 0 failed; …`, the last line of each test program.
fn parse_result(line: &str) -> Option<Count> {
    let counts = line.strip_prefix("test result: ")?.split_once(". ")?.1;
    let number = |word| counts.split("; ").find_map(|part| part.strip_suffix(word)?.trim().parse().ok());
    Some(Count { passed: number("passed")?, failed: number("failed")? })
}

#[cfg(test)]
mod tests {
    use super::{Count, parse_result};

    #[test]
    fn result_lines_are_read_and_others_are_not() {
        let ok = "test result: ok. 12 passed; 0 failed; 0 ignored; 0 measured; 3 filtered out; finished in 0.01s";
        assert_eq!(parse_result(ok), Some(Count { passed: 12, failed: 0 }));
        let bad = "test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s";
        assert_eq!(parse_result(bad), Some(Count { passed: 1, failed: 2 }));
        assert_eq!(parse_result("test plan::tests::retag ... ok"), None);
        assert_eq!(parse_result("12 passed, 0 failed"), None);
    }
}
