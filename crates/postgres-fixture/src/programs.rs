//! Where the programs of Postgres are, and as whom they run.

use crate::FixtureError;
use std::{
    env, fs,
    os::unix::{fs::chown, process::CommandExt},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};
use tempfile::TempDir;

/// Where Debian keeps the programs, a folder for each version.
const DEBIAN: &str = "/usr/lib/postgresql";

/// The path of a program of Postgres: of the newest version that Debian has installed, or the first on the path.
pub(crate) fn find(program: &'static str) -> Result<PathBuf, FixtureError> {
    let path = env::var_os("PATH").unwrap_or_default();
    // Where programs are that only the superuser is thought to run.
    let system = PathBuf::from("/usr/sbin");
    let folders = debian().into_iter().chain(env::split_paths(&path)).chain([system]);
    let mut candidates = folders.map(|folder| folder.join(program));
    candidates.find(|candidate| candidate.is_file()).ok_or(FixtureError::NotInstalled { program })
}

/// The folders of Debian's versions, the newest first.
fn debian() -> Vec<PathBuf> {
    let entries = fs::read_dir(DEBIAN).into_iter().flatten().filter_map(Result::ok);
    let mut versions: Vec<(u32, PathBuf)> = entries
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .collect();
    versions.sort_unstable_by(|a, b| b.cmp(a));
    versions.into_iter().map(|(_, folder)| folder).collect()
}

/// A user and a group by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct User {
    /// The user.
    pub(crate) id: u32,
    /// The user's first group.
    pub(crate) group: u32,
}

impl User {
    /// Who must run the server: `None` is whoever runs the tests, unless that is root, whom Postgres refuses.
    pub(crate) fn of_server() -> Result<Option<Self>, FixtureError> {
        if !rustix::process::geteuid().is_root() {
            return Ok(None);
        }
        let users = fs::read_to_string("/etc/passwd").map_err(FixtureError::file("/etc/passwd"))?;
        Self::named("postgres", &users).map(Some).ok_or(FixtureError::NoUser)
    }

    fn named(name: &str, users: &str) -> Option<Self> {
        let fields: Vec<&str> = users
            .lines()
            .map(|line| line.split(':'))
            .find_map(|mut fields| (fields.next() == Some(name)).then(|| fields.collect()))?;
        Some(Self { id: fields.get(1)?.parse().ok()?, group: fields.get(2)?.parse().ok()? })
    }
}

/// A new folder that belongs to that user. It is gone with the answer, unless that is told to keep it.
///
/// Whoever may not make files beside it could not remove it either, so that is asked before.
pub(crate) fn folder(user: Option<User>) -> Result<TempDir, FixtureError> {
    let parent = env::temp_dir();
    let shell = PathBuf::from("/bin/sh");
    let mut may = command(&shell, user, Path::new("/"));
    may.args(["-c", r#"test -d "$1" && test -w "$1" && test -x "$1""#, "may"]).arg(&parent);
    let status = may.status().map_err(|source| FixtureError::NotStarted { program: shell, source })?;
    if !status.success() {
        let who = if user.is_some() { "the user `postgres`, who runs servers," } else { "whoever runs this" };
        return Err(FixtureError::NoFolder { who, folder: parent });
    }
    let folder = tempfile::Builder::new().prefix("postgres-fixture-").tempdir();
    let folder = folder.map_err(FixtureError::file(env::temp_dir()))?;
    give(user, folder.path())?;
    Ok(folder)
}

/// Makes that user the owner.
pub(crate) fn give(user: Option<User>, path: &Path) -> Result<(), FixtureError> {
    user.map_or(Ok(()), |user| chown(path, Some(user.id), Some(user.group)).map_err(FixtureError::file(path)))
}

/// A program that runs as that user, in a folder that the user may enter, apart from the signals of our terminal.
pub(crate) fn command(program: &Path, user: Option<User>, folder: &Path) -> Command {
    let mut command = Command::new(program);
    if let Some(user) = user {
        command.uid(user.id).gid(user.group);
    }
    command.current_dir(folder).process_group(0).env("LC_ALL", "C").stdin(Stdio::null());
    command
}

/// Runs a program to its end, and fails with what it printed unless it exits with 0. Answers its standard output.
pub(crate) fn succeed(command: &mut Command) -> Result<String, FixtureError> {
    let program = PathBuf::from(command.get_program());
    let output = command.output().map_err(|source| FixtureError::NotStarted { program, source })?;
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(printed);
    }
    let errors = String::from_utf8_lossy(&output.stderr);
    let printed = format!("{}\n{}", printed.trim(), errors.trim()).trim().to_owned();
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words: Vec<_> = words.map(|word| word.to_string_lossy()).collect();
    Err(FixtureError::Failed { command: words.join(" "), printed })
}

#[cfg(test)]
mod tests {
    use super::{User, find};

    #[test]
    fn users_are_found_by_name() {
        let users = "root:x:0:0:root:/:/bin/sh\npostgres:x:101:104:PostgreSQL,,,:/var/lib/postgresql:/bin/bash\n";
        assert_eq!(User::named("postgres", users), Some(User { id: 101, group: 104 }));
        assert_eq!(User::named("post", users), None);
    }

    #[test]
    fn a_program_that_is_missing_is_named_with_its_package() {
        let error = find("no-such-program").unwrap_err().to_string();
        assert!(error.contains("`no-such-program`") && error.contains("package `postgresql`"), "{error}");
    }
}
