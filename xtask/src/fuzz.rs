//! `cargo xtask fuzz`: mutated inputs for every parser, by the crate `manifest-fuzz`.
//!
//! xtask depends on no crate of the workspace, so the harness is a program of its own. Its last line is ours.

use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::{workspace, workspace::Workspace};

/// The profile of the harness: as fast as a release, but numbers that overflow panic, and what is only asserted in
/// tests is asserted.
const PROFILE: [&str; 4] = [
    "profile.fuzz.inherits='release'",
    "profile.fuzz.lto=false",
    "profile.fuzz.debug-assertions=true",
    "profile.fuzz.overflow-checks=true",
];

/// Arguments of `cargo xtask fuzz`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// How long all targets take together
    #[arg(long, value_name = "N", default_value_t = 60)]
    seconds: u64,
    /// Only this target [default: all of them]
    #[arg(long, value_name = "NAME")]
    target: Option<String>,
    /// The seed that was printed by the run to repeat [default: the time]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
}

/// Builds the harness and runs it. Inputs that failed are kept below the directory that cargo builds into.
pub(crate) fn run(workspace: &Workspace, arguments: &Arguments) -> Result<()> {
    let mut command = Command::new(workspace::cargo());
    command.args(["run", "--quiet", "--locked", "--package", "manifest-fuzz", "--profile", "fuzz"]);
    for setting in PROFILE {
        command.args(["--config", setting]);
    }
    command.arg("--manifest-path").arg(workspace.root().join("Cargo.toml"));
    command.args(["--", "--seconds", &arguments.seconds.to_string()]);
    command.arg("--save").arg(workspace.target().join("fuzz-failures"));
    if let Some(target) = &arguments.target {
        command.args(["--target", target]);
    }
    if let Some(seed) = arguments.seed {
        command.args(["--seed", &seed.to_string()]);
    }
    let status = command.stdin(Stdio::null()).status().context("cargo did not start")?;
    ensure!(status.success(), "fuzzing ended with {status}");
    Ok(())
}
