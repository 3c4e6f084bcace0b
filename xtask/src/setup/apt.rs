//! Debian's packages.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};

use crate::process;

/// Where Debian's Postgres looks before it makes a cluster for whoever installs it, and starts that on port 5432.
const CLUSTERS: &str = "/etc/postgresql-common/createcluster.d";

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
    if missing.contains(&"postgresql") {
        // Tests start servers of their own; a service that nobody asked for would stay.
        let folder = Path::new(CLUSTERS);
        let written = fs::create_dir_all(folder)
            .and_then(|()| fs::write(folder.join("no-main-cluster.conf"), "create_main_cluster = false\n"));
        written.with_context(|| format!("{} cannot be written", folder.display())).with_context(advice)?;
    }
    let mut install = Command::new("apt-get");
    install.args(["-qq", "install", "--yes", "--no-install-recommends"]).args(&missing);
    install.env("DEBIAN_FRONTEND", "noninteractive");
    process::stream(&mut install).with_context(advice)
}

/// The path of a program, also in the folders that only the superuser has on the path, and in those of Postgres, which
/// nobody has.
pub(crate) fn find(program: &str) -> Result<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let system = ["/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from);
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    env::split_paths(&path)
        .chain(system)
        .chain(versions.map(|version| version.path().join("bin")))
        .map(|folder| folder.join(program))
        .find(|candidate| Path::is_file(candidate))
        .with_context(|| format!("`{program}` is not installed"))
}
