//! A server with all that belongs to it in one temporary folder.

use crate::{
    Database, FixtureError,
    programs::{self, User},
    psql,
};
use rustix::process::{Pid, Signal, kill_process};
use std::{
    fmt::Write as _,
    fs,
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

/// What `psql` connects to where no database is meant.
const ADMIN: &str = "postgres";

/// Waits until its standard input is closed, which it is when the owner drops it or has died, however it died; then
/// ends the server and removes its folder.
const WATCH: &str = r#"read -r _; "$1" stop -D "$2/data" -m immediate >/dev/null 2>&1; cd /; rm -rf "$2""#;

/// For tests, where a crash of the machine loses nothing of worth.
const THROW_AWAY: &[(&str, &str)] = &[("fsync", "off"), ("full_page_writes", "off"), ("synchronous_commit", "off")];

/// The locale that Debian always has, as files.
const C_UTF8: &str = "/usr/lib/locale/C.utf8";

/// How often a wait looks again.
const POLL: Duration = Duration::from_millis(5);

/// How often a free port may have been taken before the server takes it.
const ATTEMPTS: u32 = 5;

/// A running Postgres, from the system's programs, on a free port of 127.0.0.1.
///
/// It ends and its files go when this is dropped, and also when the process is killed. The superuser `postgres` needs no
/// password; other users need the one they have been given (SCRAM).
#[derive(Debug)]
pub struct Cluster {
    folder: PathBuf,
    url: String,
    user: Option<User>,
    watch: Child,
}

impl Cluster {
    /// Starts a server that is quick and does not survive a crash of the machine.
    ///
    /// # Errors
    ///
    /// [`FixtureError`] if Postgres is not installed or does not start; with the end of its log.
    pub fn start() -> Result<Self, FixtureError> {
        Self::configured(THROW_AWAY)
    }

    /// Starts a server whose commits are on the disk, for what measures them.
    ///
    /// # Errors
    ///
    /// As for [`Self::start`].
    pub fn durable() -> Result<Self, FixtureError> {
        Self::configured(&[])
    }

    /// The address of the database `postgres`, as the superuser.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// All that the server has logged so far, across restarts.
    ///
    /// # Errors
    ///
    /// [`FixtureError::File`].
    pub fn log(&self) -> Result<String, FixtureError> {
        let path = self.log_file();
        let log = fs::read(&path).map_err(FixtureError::file(path))?;
        Ok(String::from_utf8_lossy(&log).into_owned())
    }

    /// Like [`Database::fresh`], on this server.
    ///
    /// # Errors
    ///
    /// What the server says.
    pub fn fresh(&self) -> Result<Database, FixtureError> {
        Database::migrated(&self.url)
    }

    /// Like [`Database::empty`], on this server.
    ///
    /// # Errors
    ///
    /// What the server says.
    pub fn empty(&self) -> Result<Database, FixtureError> {
        Database::bare(&self.url)
    }

    /// Sets parameters of the server and restarts it: `&[("ssl", "on")]`.
    ///
    /// # Errors
    ///
    /// [`FixtureError`] if it does not start with them; with the end of its log.
    pub fn set(&self, parameters: &[(&str, &str)]) -> Result<(), FixtureError> {
        self.write_parameters(parameters)?;
        self.restart()
    }

    /// Has the server speak another language: `de_DE.utf8`. It is restarted.
    ///
    /// The locale is made for it from Debian's `C.utf8`, and is that one but for its name; translations are in Debian's package.
    ///
    /// # Errors
    ///
    /// [`FixtureError`] if the system has no `C.utf8`, or the server does not start.
    pub fn speak(&self, locale: &str) -> Result<(), FixtureError> {
        let (from, to) = (Path::new(C_UTF8), self.locales().join(locale));
        copy_folder(from, &to)?;
        self.set(&[("lc_messages", locale)])
    }

    /// Writes a file that the server alone may read, such as a key for TLS, and says where it is.
    ///
    /// # Errors
    ///
    /// [`FixtureError::File`].
    pub fn write_file(&self, name: &str, content: &[u8]) -> Result<PathBuf, FixtureError> {
        let path = self.folder.join(name);
        let failed = || FixtureError::file(&path);
        fs::write(&path, content).map_err(failed())?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).map_err(failed())?;
        self.give(&path)?;
        Ok(path)
    }

    /// Stops the server as an operator would; connections are closed.
    ///
    /// # Errors
    ///
    /// [`FixtureError`] if it does not stop, or does not run.
    pub fn stop(&self) -> Result<(), FixtureError> {
        self.control(&["stop", "-m", "fast"])
    }

    /// Stops the server if it runs and starts it on the same port. Blocks until it takes connections.
    ///
    /// # Errors
    ///
    /// [`FixtureError`] if it does not start; with the end of its log.
    pub fn restart(&self) -> Result<(), FixtureError> {
        if self.pid_file().exists() {
            self.stop()?;
        }
        self.launch()
    }

    /// Restarts the server as a standby that has lost its primary: it reads, and takes no writes. [`Self::promote`] brings it back.
    ///
    /// # Errors
    ///
    /// [`FixtureError`] if it does not start; with the end of its log.
    pub fn demote(&self) -> Result<(), FixtureError> {
        // What a standby needs must have been written by the server before it stops.
        self.set(&[("wal_level", "replica")])?;
        self.stop()?;
        let signal = self.data().join("standby.signal");
        fs::write(&signal, "").map_err(FixtureError::file(&signal))?;
        self.give(&signal)?;
        self.launch()
    }

    /// Has a standby take writes, while its connections stay.
    ///
    /// # Errors
    ///
    /// [`FixtureError`] if it is no standby.
    pub fn promote(&self) -> Result<(), FixtureError> {
        self.control(&["promote"])
    }

    /// Kills the server and every process of it at once, as a power cut would. [`Self::restart`] brings it back.
    ///
    /// # Errors
    ///
    /// [`FixtureError`] if it does not run.
    pub fn kill(&self) -> Result<(), FixtureError> {
        let path = self.pid_file();
        let text = fs::read_to_string(&path).map_err(FixtureError::file(&path))?;
        // The number of the process, the folder of the data, when it began, the port, the folder of the socket, and more.
        let lines: Vec<&str> = text.lines().collect();
        let postmaster = lines.first().copied().and_then(pid).ok_or(FixtureError::NotRunning)?;
        let signal = |process, signal| kill_process(process, signal).map_err(|_gone| FixtureError::NotRunning);
        // It must not see its children die, or it would begin to recover from that.
        signal(postmaster, Signal::STOP)?;
        let number = postmaster.as_raw_nonzero();
        let children = format!("/proc/{number}/task/{number}/children");
        let children = fs::read_to_string(&children).map_err(FixtureError::file(children))?;
        let processes: Vec<Pid> = children.split_whitespace().filter_map(pid).chain([postmaster]).collect();
        for process in &processes {
            // A connection may have ended by itself meanwhile.
            let _gone = signal(*process, Signal::KILL);
        }
        while processes.iter().any(|process| lives(*process)) {
            thread::sleep(POLL);
        }
        // Until somebody reaps the dead process, its number in these files passes for a server that runs.
        let port = lines.get(3).copied().unwrap_or_default();
        for left in [path, self.folder.join(format!(".s.PGSQL.{port}.lock"))] {
            fs::remove_file(&left).map_err(FixtureError::file(left))?;
        }
        Ok(())
    }

    fn configured(parameters: &[(&str, &str)]) -> Result<Self, FixtureError> {
        let user = User::of_server()?;
        let folder = programs::folder(user)?;
        // Before the server, so that there is no moment in which nobody would end it.
        let watch = watch(user, folder.path())?;
        let cluster = Self { folder: folder.keep(), url: String::new(), user, watch };
        cluster.initialise()?;
        cluster.write_parameters(parameters)?;
        cluster.on_a_free_port()
    }

    fn initialise(&self) -> Result<(), FixtureError> {
        let mut initdb = self.command(&programs::find("initdb")?);
        initdb.args(["--no-sync", "--no-instructions", "--auth=trust", "--username", ADMIN, "--encoding=UTF8"]);
        // An order of names that is not the order of their bytes, which a server of an operator may have too: a statement
        // that forgets to ask for bytes is found.
        initdb.args(["--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-US"]);
        programs::succeed(initdb.arg("--pgdata").arg(self.data()))?;
        let access = self.data().join("pg_hba.conf");
        let rules = format!(
            "local all all trust\nhost all {ADMIN} 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n"
        );
        fs::write(&access, rules).map_err(FixtureError::file(access))?;
        let sockets = self.folder.display().to_string();
        self.write_parameters(&[
            ("listen_addresses", "127.0.0.1"),
            ("unix_socket_directories", &sockets),
            ("max_connections", "200"),
            ("wal_level", "minimal"),
            ("max_wal_senders", "0"),
            ("log_line_prefix", "%m [%p] %d "),
        ])
    }

    /// Another process may take the port between our question for a free one and the server's start.
    fn on_a_free_port(mut self) -> Result<Self, FixtureError> {
        let mut attempt = 1;
        loop {
            let listener = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
            let port = listener.map_err(FixtureError::file("a free port of 127.0.0.1"))?.port();
            self.write_parameters(&[("port", &port.to_string())])?;
            match self.launch() {
                Err(FixtureError::Failed { printed, .. })
                    if attempt < ATTEMPTS && printed.contains("already in use") =>
                {
                    attempt += 1;
                }
                Err(error) => return Err(error),
                Ok(()) => {
                    self.url = format!("postgres://{ADMIN}@127.0.0.1:{port}/{ADMIN}");
                    // That it answers is worth more than that it says so.
                    psql::run(&self.url, &["SELECT 1"])?;
                    return Ok(self);
                }
            }
        }
    }

    fn launch(&self) -> Result<(), FixtureError> {
        let log = self.log_file();
        let started = self.control(&["start", "--log", &log.display().to_string()]);
        started.map_err(|error| error.with_log(&log))
    }

    fn control(&self, arguments: &[&str]) -> Result<(), FixtureError> {
        let mut command = self.command(&programs::find("pg_ctl")?);
        command.args(arguments).args(["--silent", "--wait"]).arg("--pgdata").arg(self.data());
        programs::succeed(&mut command).map(drop)
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = programs::command(program, self.user, &self.folder);
        let locales = self.locales();
        if locales.exists() {
            command.env("LOCPATH", locales);
        }
        command
    }

    fn locales(&self) -> PathBuf {
        self.folder.join("locales")
    }

    /// The last line for a parameter is the one that counts.
    fn write_parameters(&self, parameters: &[(&str, &str)]) -> Result<(), FixtureError> {
        let path = self.data().join("postgresql.conf");
        let mut text = fs::read_to_string(&path).map_err(FixtureError::file(&path))?;
        for (name, value) in parameters {
            let _never_fails = writeln!(text, "{name} = '{}'", value.replace('\'', "''"));
        }
        fs::write(&path, text).map_err(FixtureError::file(path))
    }

    fn give(&self, path: &Path) -> Result<(), FixtureError> {
        programs::give(self.user, path)
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    fn log_file(&self) -> PathBuf {
        self.folder.join("log")
    }

    fn pid_file(&self) -> PathBuf {
        self.data().join("postmaster.pid")
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.watch.stdin.take());
        // A server that could not be ended is what the next user of the machine sees; there is nobody here to tell.
        let _ended = self.watch.wait();
    }
}

fn watch(user: Option<User>, folder: &Path) -> Result<Child, FixtureError> {
    let shell = PathBuf::from("/bin/sh");
    let mut command = programs::command(&shell, user, folder);
    command.args(["-c", WATCH, "watch"]).arg(programs::find("pg_ctl")?).arg(folder);
    // It must hold nothing of the tests open, whose output somebody may read to its end.
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().map_err(|source| FixtureError::NotStarted { program: shell, source })
}

fn copy_folder(from: &Path, to: &Path) -> Result<(), FixtureError> {
    fs::create_dir_all(to).map_err(FixtureError::file(to))?;
    for entry in fs::read_dir(from).map_err(FixtureError::file(from))? {
        let path = entry.map_err(FixtureError::file(from))?.path();
        let target = to.join(path.file_name().unwrap_or_default());
        if path.is_dir() {
            copy_folder(&path, &target)?;
        } else {
            fs::copy(&path, &target).map_err(FixtureError::file(&path))?;
        }
    }
    Ok(())
}

/// Whether the process still runs: a dead one that nobody has reaped does not.
fn lives(process: Pid) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", process.as_raw_nonzero()));
    let state = stat.ok().and_then(|stat| stat.rsplit_once(") ")?.1.chars().next());
    state.is_some_and(|state| !"ZX".contains(state))
}

fn pid(number: &str) -> Option<Pid> {
    number.trim().parse().ok().and_then(Pid::from_raw)
}
