//! `cargo xtask check-deps`: the architecture's arrows, proved from what cargo resolves.

mod arrows;
mod core_tree;
mod manifests;

use std::fs;

use anyhow::{Context, Result, ensure};

use crate::workspace::Workspace;

/// Prints what was checked and every violation, and fails if there is one.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let mut violations = Vec::new();

    let edges = arrows::edges(workspace.metadata());
    violations.extend(arrows::violations(&edges));
    println!("check-deps: {} arrows between {} crates", edges.len(), workspace.metadata().workspace_members.len());

    for root in ["oci-types", "manifest-core"] {
        let tree = core_tree::tree(workspace, root)?;
        let allowed = core_tree::allowed(workspace)?;
        violations.extend(core_tree::violations(&tree, &allowed));
        println!("check-deps: {} crates below {root}", core_tree::names(&tree).len().saturating_sub(1));
        if root == "manifest-core" {
            violations.extend(core_tree::unused(&tree, &allowed));
        }
    }

    let packages = workspace.metadata().workspace_packages();
    for package in &packages {
        let path = package.manifest_path.as_std_path();
        let text = fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
        violations.extend(manifests::violations(package.name.as_str(), &text)?);
    }
    println!("check-deps: {} manifests", packages.len());

    for violation in &violations {
        println!("check-deps: {violation}");
    }
    ensure!(violations.is_empty(), "{} violations of the architecture", violations.len());
    Ok(())
}
