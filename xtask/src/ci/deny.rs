//! Dependencies' licences, sources, bans and advisories, by cargo-deny with the workspace's `deny.toml`.

use std::{env, path::PathBuf, process::Command};

use anyhow::Result;

use crate::{
    process,
    setup::{self, Need},
    workspace::Workspace,
};

/// Runs cargo-deny, without advisories where their database would have to be downloaded.
///
/// CI must give the same answer for the same commit. An advisory published today would break yesterday's commit, so
/// advisories are looked at where a developer keeps the database and never fetched from here.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let program = setup::ensure(workspace, Need::CargoDeny)?;
    let check = |arguments: &[&str]| {
        let mut command = Command::new(&program);
        command.args(["--locked", "--workspace", "check"]).args(arguments).current_dir(workspace.root());
        process::stream(&mut command)
    };
    check(&["--hide-inclusion-graph", "bans", "licenses", "sources"])?;
    if advisories().is_some_and(|folder| folder.is_dir()) {
        check(&["--disable-fetch", "advisories"])
    } else {
        println!("advisories were not looked at: there is no database on this machine (`cargo deny fetch` brings it)");
        Ok(())
    }
}

/// Where cargo-deny keeps its databases of advisories.
fn advisories() -> Option<PathBuf> {
    let home = env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| env::var_os("HOME").map(|home| PathBuf::from(home).join(".cargo")));
    Some(home?.join("advisory-dbs"))
}
