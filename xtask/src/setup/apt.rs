//! Debian's packages.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};

use crate::process;

/// Installs the packages whose program is nowhere on the path.
///
/// The program decides and not the package, so that a machine that has it from elsewhere is left alone.
pub(crate) fn install(wanted: &[(&str, &str)]) -> Result<()> {
    let mut missing: Vec<&str> =
        wanted.iter().filter(|(_, program)| find(program).is_err()).map(|(package, _)| *package).collect();
    missing.dedup();
    if missing.is_empty() {
        return Ok(());
    }
    let advice = || format!("Debian's {} could not be installed; as root, this command does it", missing.join(", "));
    let mut update = Command::new("apt-get");
    update.args(["-qq", "update"]).env("DEBIAN_FRONTEND", "noninteractive");
    process::stream(&mut update).with_context(advice)?;
    let mut install = Command::new("apt-get");
    install.args(["-qq", "install", "--yes", "--no-install-recommends"]).args(&missing);
    install.env("DEBIAN_FRONTEND", "noninteractive");
    process::stream(&mut install).with_context(advice)
}

/// The path of a program, also in the folders that only the superuser has on the path.
pub(crate) fn find(program: &str) -> Result<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let system = ["/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from);
    env::split_paths(&path)
        .chain(system)
        .map(|folder| folder.join(program))
        .find(|candidate| Path::is_file(candidate))
        .with_context(|| format!("`{program}` is not installed"))
}
