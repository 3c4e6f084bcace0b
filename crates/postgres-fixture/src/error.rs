//! Why there is no Postgres for a test.

use std::{
    error::Error,
    fmt, fs, io, iter,
    path::{Path, PathBuf},
};

/// Why a server or a database could not be made, stopped or removed.
///
/// `Debug` is the sentence with its causes, so that a test can `unwrap`.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum FixtureError {
    /// The programs are not installed.
    #[error(
        "`{program}` is not installed: neither /usr/lib/postgresql/*/bin nor the path nor /usr/sbin has it; \
         `cargo xtask setup` installs Debian's package `{}`",
        package(program)
    )]
    NotInstalled {
        /// The first program that was not found.
        program: &'static str,
    },
    /// Postgres refuses to run as the superuser, and there is nobody else.
    #[error("Postgres refuses to run as root, and there is no user `postgres`; Debian's package `postgresql` makes it")]
    NoUser,
    /// The folder for temporary files is none for the server.
    #[error("{who} cannot make files in {}; name another folder with TMPDIR", folder.display())]
    NoFolder {
        /// Who cannot.
        who: &'static str,
        /// Which one.
        folder: PathBuf,
    },
    /// A file of the server could not be read or written.
    #[error("{} is needed for a server", path.display())]
    File {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A program could not be started.
    #[error("`{}` did not start", program.display())]
    NotStarted {
        /// Which one.
        program: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A program said no.
    #[error("`{command}` failed: {printed}")]
    Failed {
        /// What was run.
        command: String,
        /// What it printed, and the end of the server's log where there is one.
        printed: String,
    },
    /// The server to be killed does not run.
    #[error("the server does not run")]
    NotRunning,
}

/// The package of Debian that has a program.
fn package(program: &str) -> &str {
    if program == "pgbouncer" { program } else { "postgresql" }
}

impl FixtureError {
    /// Adds the end of the server's log to what a program printed, which is only that there is a log.
    pub(crate) fn with_log(mut self, log: &Path) -> Self {
        if let Self::Failed { printed, .. } = &mut self {
            let log = fs::read_to_string(log).unwrap_or_default();
            let lines: Vec<&str> = log.lines().collect();
            let end = lines[lines.len().saturating_sub(20)..].join("\n");
            *printed = format!("{printed}\nthe server's log ends so:\n{end}");
        }
        self
    }

    /// What was wrong with all its causes, for who can only print.
    pub(crate) fn chain(&self) -> String {
        let causes = iter::successors(Some(self as &dyn Error), |&error| error.source());
        causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
    }

    /// About a file or folder of the server.
    pub(crate) fn file(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::File { path: path.into(), source }
    }
}

impl fmt::Debug for FixtureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.chain())
    }
}
