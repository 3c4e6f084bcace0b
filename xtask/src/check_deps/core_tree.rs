//! The allow-list of everything that the core brings with it.
//!
//! The tree comes from `cargo tree` for one package. `cargo metadata` resolves the features of the whole workspace at
//! once, so a feature that another crate turns on would show up below the core although the core alone has it not.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result};

use crate::{process, workspace, workspace::Workspace};

/// The list, relative to the workspace.
const LIST: &str = "xtask/core-dependencies.txt";

/// A crate in the tree, at its distance from the root. A crate stands behind the one that brings it in.
type Entry = (usize, String);

/// The tree of normal and build dependencies below a package, with its default features.
pub(crate) fn tree(workspace: &Workspace, package: &str) -> Result<Vec<Entry>> {
    let mut command = Command::new(workspace::cargo());
    command.args(["tree", "--locked", "--edges", "normal,build", "--prefix", "depth", "--no-dedupe"]);
    command.args(["--format", " {p}", "--package", package]).current_dir(workspace.root());
    let output = process::succeed(&mut command, Duration::from_mins(2))?;
    parse(&output.stdout).with_context(|| format!("the output of `cargo tree --package {package}` is not a tree"))
}

/// The names that may be in the tree.
pub(crate) fn allowed(workspace: &Workspace) -> Result<BTreeSet<String>> {
    let text = fs::read_to_string(workspace.root().join(LIST)).with_context(|| format!("{LIST} cannot be read"))?;
    let names = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    Ok(names.filter(|name| !name.is_empty()).map(str::to_owned).collect())
}

/// The different crates in the tree.
pub(crate) fn names(tree: &[Entry]) -> BTreeSet<&str> {
    tree.iter().map(|(_, name)| name.as_str()).collect()
}

/// Each crate that may not be there, with the first path that brings it in.
pub(crate) fn violations(tree: &[Entry], allowed: &BTreeSet<String>) -> Vec<String> {
    let mut path: Vec<&str> = Vec::new();
    let mut found: BTreeMap<&str, String> = BTreeMap::new();
    for (depth, name) in tree {
        path.truncate(*depth);
        path.push(name);
        if *depth > 0 && !allowed.contains(name) {
            found.entry(name).or_insert_with(|| path.join(" → "));
        }
    }
    found.into_iter().map(|(name, path)| format!("`{name}` may not be below the core: {path} (see {LIST})")).collect()
}

/// Each name of the list that the core no longer brings in, so that the list stays the truth.
pub(crate) fn unused(tree: &[Entry], allowed: &BTreeSet<String>) -> Vec<String> {
    let names = names(tree);
    let unused = allowed.iter().filter(|name| !names.contains(name.as_str()));
    unused.map(|name| format!("{LIST} names `{name}`, which the core does not bring in")).collect()
}

fn parse(output: &str) -> Option<Vec<Entry>> {
    let lines = output.lines().filter(|line| !line.is_empty());
    lines
        .map(|line| {
            let (depth, package) = line.split_once(' ')?;
            Some((depth.parse().ok()?, package.split(' ').next()?.to_owned()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{parse, unused, violations};

    const TREE: &str = "0 core v0.1.0 (path)\n1 bytes v1.0.0\n1 streams v0.3.0\n2 bytes v1.0.0\n2 tokio v1.0.0\n\
                        3 mio v1.0.0\n1 tokio v1.0.0\n";

    #[test]
    fn a_planted_crate_is_found_with_the_path_that_brings_it_in() {
        let tree = parse(TREE).unwrap();
        let allowed = ["bytes", "streams"].map(str::to_owned).into();
        let found = violations(&tree, &allowed);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].contains("core → streams → tokio → mio"), "{found:?}");
        assert!(found[1].contains("core → streams → tokio (see"), "{found:?}");
    }

    #[test]
    fn a_name_that_is_no_longer_needed_is_found() {
        let tree = parse(TREE).unwrap();
        let allowed = ["bytes", "mio", "streams", "tokio", "zlib"].map(str::to_owned).into();
        assert!(violations(&tree, &allowed).is_empty());
        assert_eq!(unused(&tree, &allowed).len(), 1);
    }
}
