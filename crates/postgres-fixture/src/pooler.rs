//! PgBouncer before a server, as operators put it there.

use crate::{
    FixtureError,
    programs::{self, User},
};
use std::{
    fs,
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// Runs the pooler until standard input is closed, which it is when the owner drops it or has died, however it died; then ends it and
/// removes its folder.
const WATCH: &str = r#""$1" "$2/pgbouncer.ini" >"$2/log" 2>&1 & read -r _; kill $!; wait; cd /; rm -rf "$2""#;

/// Part of the name of its socket; nothing listens on a port.
const PORT: u16 = 6432;

/// How long it may take until it answers.
const START: Duration = Duration::from_secs(20);

/// How often a wait looks again.
const POLL: Duration = Duration::from_millis(5);

/// How long a client keeps the connection to the server that it was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PoolMode {
    /// As long as it is connected.
    Session,
    /// Until its transaction ends.
    Transaction,
}

/// A running PgBouncer, which listens on a socket in a folder of its own.
///
/// It ends and its files go when this is dropped, and also when the process is killed.
#[derive(Debug)]
pub struct Pooler {
    folder: PathBuf,
    watch: Child,
}

impl Pooler {
    /// Puts a pooler before all databases of the server of that address, for its superuser `postgres`, with these settings beside
    /// the mode: `&[("default_pool_size", "5")]`.
    ///
    /// # Errors
    ///
    /// [`FixtureError`] if PgBouncer is not installed or does not start; with the end of its log.
    pub fn before(server: &str, mode: PoolMode, settings: &[(&str, &str)]) -> Result<Self, FixtureError> {
        let user = User::of_server()?;
        let program = programs::find("pgbouncer")?;
        let folder = programs::folder(user)?;
        let path = folder.path().to_owned();
        let write = |name: &str, text: &str| {
            let path = path.join(name);
            fs::write(&path, text).map_err(FixtureError::file(path))
        };
        write("users.txt", "\"postgres\" \"\"\n")?;
        write("pgbouncer.ini", &configuration(server, &path, mode, settings))?;
        let shell = PathBuf::from("/bin/sh");
        let mut command = programs::command(&shell, user, &path);
        command.args(["-c", WATCH, "watch"]).arg(program).arg(&path);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let watch = command.spawn().map_err(|source| FixtureError::NotStarted { program: shell, source })?;
        let pooler = Self { folder: folder.keep(), watch };
        pooler.wait()?;
        Ok(pooler)
    }

    /// The version of PgBouncer: `(1, 18)`.
    ///
    /// # Errors
    ///
    /// [`FixtureError`] if PgBouncer is not installed.
    pub fn version() -> Result<(u32, u32), FixtureError> {
        // `PgBouncer 1.18.0`
        let printed = programs::succeed(Command::new(programs::find("pgbouncer")?).arg("--version"))?;
        let mut numbers = printed.split(|one: char| !one.is_ascii_digit()).filter_map(|number| number.parse().ok());
        Ok((numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default()))
    }

    /// The address of a database of the server through the pooler.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@/{database}?host={}&port={PORT}", self.folder.display())
    }

    fn wait(&self) -> Result<(), FixtureError> {
        let (socket, until) = (self.folder.join(format!(".s.PGSQL.{PORT}")), Instant::now() + START);
        while UnixStream::connect(&socket).is_err() {
            if Instant::now() > until {
                let printed = "it does not answer".to_owned();
                let failed = FixtureError::Failed { command: "pgbouncer".to_owned(), printed };
                return Err(failed.with_log(&self.folder.join("log")));
            }
            thread::sleep(POLL);
        }
        Ok(())
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        drop(self.watch.stdin.take());
        // A pooler that could not be ended is what the next user of the machine sees; there is nobody here to tell.
        let _ended = self.watch.wait();
    }
}

fn configuration(server: &str, folder: &Path, mode: PoolMode, settings: &[(&str, &str)]) -> String {
    // `postgres://postgres@127.0.0.1:5432/postgres`
    let place = server.split_once('@').map_or(server, |(_, place)| place);
    let (host, port) = place.split('/').next().and_then(|place| place.rsplit_once(':')).unwrap_or((place, "5432"));
    let mode = match mode {
        PoolMode::Session => "session",
        PoolMode::Transaction => "transaction",
    };
    let folder = folder.display();
    let mut text = format!(
        "[databases]\n* = host={host} port={port}\n[pgbouncer]\nlisten_addr =\nlisten_port = {PORT}\nunix_socket_dir = {folder}\n\
         auth_type = trust\nauth_file = {folder}/users.txt\npool_mode = {mode}\nmax_client_conn = 1000\ndefault_pool_size = 50\n"
    );
    for (name, value) in settings {
        text.extend([name, " = ", value, "\n"]);
    }
    text
}
