//! `cargo xtask bench`, by the crate `registry-bench`, which has the command line too.
//!
//! What it runs is built or installed here. A peer that cannot be had is named as absent and does not end the run.

use std::{
    ffi::OsString,
    path::PathBuf,
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, ensure};

use crate::{
    process, server,
    setup::{self, Need},
    workspace::{self, Workspace},
};

/// Arguments of `cargo xtask bench`, passed on as they are.
#[derive(Debug, clap::Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Arguments {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGUMENT")]
    arguments: Vec<OsString>,
}

/// How long the program may take to say what it needs.
const ANSWER: Duration = Duration::from_secs(10);

/// Builds everything in the release profile, installs what is compared, and runs.
pub(crate) fn run(workspace: &Workspace, Arguments { arguments }: &Arguments) -> Result<()> {
    if arguments.iter().any(|argument| argument == "--micro") {
        let mut command = Command::new(workspace::cargo());
        command.args(["bench", "--package", "manifest-core"]).current_dir(workspace.root());
        return process::stream(&mut command);
    }
    let program = build(workspace)?;
    let only_tells = ["--help", "-h", "--list"].map(OsString::from);
    let mut command = Command::new(&program);
    command.args(arguments).current_dir(workspace.root()).stdin(Stdio::null());
    if !arguments.iter().any(|argument| only_tells.contains(argument)) {
        let mut needs = Command::new(&program);
        let needs = process::succeed(needs.args(arguments).arg("--needs"), ANSWER)?;
        for need in needs.stdout.lines() {
            match had(workspace, need) {
                Ok(path) => command.arg("--program").arg(format!("{need}={}", path.display())),
                Err(error) if need == "manifestd" => return Err(error),
                Err(error) => command.arg("--absent").arg(format!("{need}={error:#}")),
            };
        }
        command.arg("--target").arg(workspace.target());
    }
    let status = command.status().with_context(|| format!("{} did not start", program.display()))?;
    ensure!(status.success(), "the benchmark ended with {status}");
    Ok(())
}

fn had(workspace: &Workspace, need: &str) -> Result<PathBuf> {
    let need = match need {
        "manifestd" => return server::build(workspace),
        "docker-registry" => Need::DockerRegistry,
        "distribution" => Need::Distribution,
        "olareg" => Need::Olareg,
        "nginx" => Need::Nginx,
        "postgres" => Need::Postgres,
        "pgbench" => Need::PgBench,
        "openssl" => Need::OpenSsl,
        _ => anyhow::bail!("nobody knows where it comes from"),
    };
    setup::ensure(workspace, need)
}

fn build(workspace: &Workspace) -> Result<PathBuf> {
    let mut command = Command::new(workspace::cargo());
    command.args(["build", "--quiet", "--release", "--package", "registry-bench"]).current_dir(workspace.root());
    process::stream(&mut command)?;
    Ok(workspace.target().join("release").join("registry-bench"))
}
