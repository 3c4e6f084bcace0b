//! Programs that are built from source into a folder that carries their version.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};

use super::apt;
use crate::{images::digest::sha256, process, workspace, workspace::Workspace};

/// A program that `go install` builds.
pub(crate) struct GoProgram {
    /// The path of the module.
    pub(crate) module: &'static str,
    /// The path of the program's package in the module; empty for the module's root.
    pub(crate) package: &'static str,
    /// The module's version.
    pub(crate) version: &'static str,
}

impl GoProgram {
    /// The path of the package, whose last part is also the name of the program.
    fn path(&self) -> String {
        if self.package.is_empty() { self.module.to_owned() } else { format!("{}/{}", self.module, self.package) }
    }
}

/// The path of a Go program, built if it is not there.
pub(crate) fn go(workspace: &Workspace, program: &GoProgram) -> Result<PathBuf> {
    let path = program.path();
    let name = path.rsplit('/').next().unwrap_or(&path);
    install(workspace, name, program.version, |folder| {
        let mut command = go_command()?;
        command.arg("install").arg(format!("{path}@{}", program.version)).env("GOBIN", folder);
        process::stream(&mut command)
    })
}

/// The path of a Go program whose module is in this workspace, built again whenever it has changed. Its `go.sum` pins what
/// it depends on.
pub(crate) fn own_go(workspace: &Workspace, module: &str) -> Result<PathBuf> {
    let source = workspace.root().join(module);
    let name = module.rsplit('/').next().unwrap_or(module);
    let mut text = Vec::new();
    for file in ["main.go", "go.mod", "go.sum"] {
        let file = source.join(file);
        text.extend(fs::read(&file).with_context(|| format!("{} cannot be read", file.display()))?);
    }
    let digest = sha256(&text)?;
    let version = digest.trim_start_matches("sha256:").get(..12).unwrap_or_default();
    install(workspace, name, version, |folder| {
        let mut command = go_command()?;
        command.args(["build", "-mod=readonly", "-o"]).arg(folder.join(name)).arg(".").current_dir(&source);
        process::stream(&mut command)
    })
}

fn go_command() -> Result<Command> {
    // The machine may have Go in its usual place without having that on the path.
    let compiler = apt::find("go").or_else(|missing| {
        let usual = PathBuf::from("/usr/local/go/bin/go");
        if usual.is_file() { Ok(usual) } else { Err(missing) }
    })?;
    let mut command = Command::new(compiler);
    // Without cgo the program does not depend on a C compiler, nor on the C library of this machine.
    command.env("CGO_ENABLED", "0").env("GOFLAGS", "");
    Ok(command)
}

/// The path of a program from crates.io, built if it is not there.
pub(crate) fn cargo(workspace: &Workspace, package: &str, version: &str) -> Result<PathBuf> {
    install(workspace, package, version, |folder| {
        let root = folder.join("root");
        let mut command = Command::new(workspace::cargo());
        command.args(["install", "--quiet", "--locked", "--version", version, package]);
        command.arg("--root").arg(&root).arg("--target-dir").arg(folder.join("build"));
        process::stream(&mut command)?;
        fs::rename(root.join("bin").join(package), folder.join(package))?;
        fs::remove_dir_all(&root)?;
        fs::remove_dir_all(folder.join("build"))?;
        Ok(())
    })
}

/// Builds into a folder beside the final one and renames that, so that a build which was broken off is not taken for one.
fn install(
    workspace: &Workspace,
    name: &str,
    version: &str,
    build: impl FnOnce(&Path) -> Result<()>,
) -> Result<PathBuf> {
    let folder = workspace.tools().join(format!("{name}-{version}"));
    let program = folder.join(name);
    if program.is_file() {
        return Ok(program);
    }
    fs::create_dir_all(workspace.tools())?;
    let temporary = tempfile::tempdir_in(workspace.tools())?;
    build(temporary.path()).with_context(|| format!("{name} {version} is needed and could not be built"))?;
    ensure!(temporary.path().join(name).is_file(), "the build of {name} {version} left no program of that name");
    // The folder can only be there without the program if somebody removed the program.
    let _absent = fs::remove_dir_all(&folder);
    fs::rename(temporary.keep(), &folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    Ok(program)
}
