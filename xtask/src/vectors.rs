//! `cargo xtask vectors`: the golden vectors, judged by the crate `manifest-vectors`.
//!
//! xtask depends on no crate of the workspace, so the judge is a program of its own. Its exit code is passed on.

use std::{
    fmt,
    path::PathBuf,
    process::{Command, ExitCode, Stdio},
};

use anyhow::{Context, Result};

use crate::{workspace, workspace::Workspace};

/// Arguments of `cargo xtask vectors`.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Arguments {
    /// The directory whose files are judged [default: the project's own]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// The judge found something wrong and has said what: with the cases (1), or with the directory (2).
#[derive(Debug)]
struct Ended(u8);

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self(1) => f.write_str("some vectors failed"),
            Self(code) => write!(f, "the vectors were not judged: exit code {code}"),
        }
    }
}

impl std::error::Error for Ended {}

/// Vectors beside the checkout that are no part of it, relative to the workspace: judged where they are.
const BESIDE: [&str; 2] = ["../shared/vectors", "../shared/vectors/upstream"];

/// Judges the project's own vectors and those beside the checkout, prints which, and fails at the end if any did.
pub(crate) fn run_all(workspace: &Workspace) -> Result<()> {
    println!("vectors of the project:");
    let mut result = run(workspace, &Arguments::default());
    for name in BESIDE {
        let dir = workspace.root().join(name);
        if dir.is_dir() {
            println!("vectors of {name}:");
            result = result.and(run(workspace, &Arguments { dir: Some(dir) }));
        } else {
            println!("vectors of {name}: not there, not run");
        }
    }
    result
}

/// Builds the judge and runs it from where the user is, to whom the directory is relative.
pub(crate) fn run(workspace: &Workspace, arguments: &Arguments) -> Result<()> {
    let mut command = Command::new(workspace::cargo());
    command.args(["run", "--quiet", "--package", "manifest-vectors", "--manifest-path"]);
    command.arg(workspace.root().join("Cargo.toml")).arg("--");
    if let Some(dir) = &arguments.dir {
        command.arg("--dir").arg(dir);
    }
    let status = command.stdin(Stdio::null()).status().context("cargo did not start")?;
    let code = status.code().with_context(|| format!("the judge of the vectors was ended: {status}"))?;
    if code == 0 { Ok(()) } else { Err(Ended(u8::try_from(code).unwrap_or(u8::MAX)).into()) }
}

/// The judge's own exit code, if it is the judge that ended so: it has said why, and nothing is left to say.
pub(crate) fn exit_code(error: &anyhow::Error) -> Option<ExitCode> {
    error.downcast_ref().map(|Ended(code)| ExitCode::from(*code))
}
