//! `cargo xtask tidy`: habits of the code that no compiler lint covers.

mod rules;

use std::{collections::BTreeSet, fs, process::Command, time::Duration};

use anyhow::{Context, Result, ensure};

use crate::{process, workspace::Workspace};

/// Prints what was looked at and every finding; fails if one of them is more than a notice.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let mut errors = 0_usize;
    let files = files(workspace)?;
    for path in &files {
        let Ok(text) = fs::read_to_string(workspace.root().join(path)) else {
            // Deleted and not yet committed, or not text: nothing here looks into such a file.
            continue;
        };
        for finding in rules::check(path, &text) {
            println!("tidy: {finding}");
            errors += usize::from(finding.is_error());
        }
    }
    println!("tidy: {} files", files.len());
    ensure!(errors == 0, "{errors} findings");
    Ok(())
}

/// The files that are or would be in the repository.
fn files(workspace: &Workspace) -> Result<BTreeSet<String>> {
    let mut command = Command::new("git");
    command.args(["ls-files", "--cached", "--others", "--exclude-standard"]).current_dir(workspace.root());
    let output = process::succeed(&mut command, Duration::from_mins(1)).context("git does not list the files")?;
    Ok(output.stdout.lines().map(str::to_owned).collect())
}
