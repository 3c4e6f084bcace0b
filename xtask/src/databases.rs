//! `cargo xtask schema` and `cargo xtask scale`, by the crate `database-checks`.
//!
//! xtask depends on no adapter, so what looks at their databases is a program of its own.

use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::{
    server::Backend,
    setup::{self, Need},
    workspace,
    workspace::Workspace,
};

/// Arguments of `cargo xtask schema`.
#[derive(Debug, clap::Args)]
pub(crate) struct SchemaArguments {
    /// Compare instead of printing; fail with the first difference.
    #[arg(long)]
    check: bool,
}

impl SchemaArguments {
    /// Compare.
    pub(crate) const CHECK: Self = Self { check: true };
}

/// Arguments of `cargo xtask scale`.
#[derive(Debug, clap::Args)]
pub(crate) struct ScaleArguments {
    /// How many manifests the larger database has; the smaller one has 10,000.
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    manifests: u64,
    /// Only this engine [default: both].
    #[arg(long, value_enum)]
    backend: Option<Backend>,
}

/// Prints the tables that the migrations make on both engines, or compares them.
pub(crate) fn schema(workspace: &Workspace, arguments: &SchemaArguments) -> Result<()> {
    let mut words = vec!["schema"];
    words.extend(arguments.check.then_some("--check"));
    run(workspace, &[], &words)
}

/// Measures the hot operations on a small and on a large database. In the release profile, which is what runs.
pub(crate) fn scale(workspace: &Workspace, arguments: &ScaleArguments) -> Result<()> {
    let manifests = arguments.manifests.to_string();
    let engines = match arguments.backend {
        None => vec!["sqlite", "postgres"],
        Some(Backend::Sqlite) => vec!["sqlite"],
        Some(Backend::Postgres) => vec!["postgres"],
    };
    let mut result = Ok(());
    for engine in engines {
        let one = run(workspace, &["--release"], &["scale", "--backend", engine, "--manifests", &manifests]);
        result = result.and(one);
    }
    result
}

fn run(workspace: &Workspace, profile: &[&str], words: &[&str]) -> Result<()> {
    setup::ensure(workspace, Need::Postgres)?;
    let mut command = Command::new(workspace::cargo());
    command.args(["run", "--quiet", "--package", "database-checks"]).args(profile);
    command.arg("--manifest-path").arg(workspace.root().join("Cargo.toml")).arg("--").args(words);
    let status = command.stdin(Stdio::null()).status().context("cargo did not start")?;
    ensure!(status.success(), "{} ended with {status}", words[0]);
    Ok(())
}
