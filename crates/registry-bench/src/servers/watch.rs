//! What ends every server and removes all data, however this program ends: by itself, by a failure, or killed.

use std::{
    io::Write,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use anyhow::{Context, Result};

/// Reads numbers of processes until its standard input is closed, which it is once nobody is left who holds the other end.
/// A number with `!` before it has ended. Signals of the terminal are not for it.
const SCRIPT: &str = r#"
trap '' INT TERM HUP QUIT
alive=
while read -r number; do
    case $number in
        !*) kept=; for one in $alive; do [ "$one" = "${number#!}" ] || kept="$kept $one"; done; alive=$kept ;;
        *) alive="$alive $number" ;;
    esac
done
[ -z "$alive" ] || kill -KILL $alive 2>/dev/null
rm -rf "$1" || { sleep 1; rm -rf "$1"; }
"#;

/// A folder for all data, and a process that removes it in the end.
#[derive(Debug)]
pub(crate) struct Watch {
    folder: PathBuf,
    process: Child,
}

impl Watch {
    /// Makes a folder below the one given.
    pub(crate) fn over(parent: &Path) -> Result<Self> {
        std::fs::create_dir_all(parent).with_context(|| format!("{} cannot be made", parent.display()))?;
        let folder = tempfile::Builder::new().prefix("bench-").tempdir_in(parent)?.keep();
        let mut command = Command::new("sh");
        command.args(["-c", SCRIPT, "watch"]).arg(&folder).process_group(0);
        // It must hold nothing open that somebody may read to its end.
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let process = command.spawn().context("`sh` did not start")?;
        Ok(Self { folder, process })
    }

    /// Where data goes.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// That process is to be killed in the end.
    pub(crate) fn add(&self, process: u32) -> Result<()> {
        self.tell(&format!("{process}\n"))
    }

    /// That process has ended, and its number may be another's by now.
    pub(crate) fn remove(&self, process: u32) -> Result<()> {
        self.tell(&format!("!{process}\n"))
    }

    fn tell(&self, line: &str) -> Result<()> {
        let mut stdin = self.process.stdin.as_ref().context("the watch has ended")?;
        stdin.write_all(line.as_bytes()).context("the watch has ended")
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        // Nobody is left to tell if it failed.
        let _ended = self.process.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::Watch;
    use std::{
        fs,
        io::Read,
        process::{Command, Stdio},
    };

    #[test]
    fn it_kills_what_runs_and_removes_the_folder() {
        let parent = tempfile::tempdir().unwrap();
        let watch = Watch::over(parent.path()).unwrap();
        let folder = watch.folder().to_owned();
        fs::write(folder.join("file"), "x").unwrap();
        let start = || Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (mut one, mut other) = (start(), start());
        for child in [&one, &other] {
            watch.add(child.id()).unwrap();
        }
        watch.remove(other.id()).unwrap();
        drop(watch);
        assert!(!folder.exists());
        assert!(!one.wait().unwrap().success(), "killed");
        drop(other.stdin.take());
        let mut rest = String::new();
        other.stdout.take().unwrap().read_to_string(&mut rest).unwrap();
        assert!(other.wait().unwrap().success(), "left alone");
    }
}
