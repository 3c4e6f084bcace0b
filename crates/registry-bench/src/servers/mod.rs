//! Servers that are compared: each started on a free port of loopback, with a folder of its own.

mod kind;
mod rows;
mod store;
mod watch;

use std::{
    collections::BTreeMap,
    fs::{self, File},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use postgres_fixture::{Cluster, Database};

pub(crate) use kind::Kind;
pub(crate) use rows::Rows;
pub(crate) use store::{push_blob, push_manifest, stored, upload_path};
pub(crate) use watch::Watch;

use crate::{http::Client, processes::Tree};

/// How long a server may take until it answers.
const START: Duration = Duration::from_mins(1);
/// How often a wait looks again: often, since the time until the first answer is a figure.
const POLL: Duration = Duration::from_micros(200);

/// Where the programs are, by name.
pub(crate) type Programs = BTreeMap<String, PathBuf>;

/// A running server. Dropping it kills it.
#[derive(Debug)]
pub(crate) struct Server {
    /// What it is.
    pub(crate) kind: Kind,
    /// What is to be told of its configuration.
    pub(crate) told: String,
    /// From exec to the first 200 when it was last started.
    pub(crate) started_in: Duration,
    program: Option<PathBuf>,
    folder: PathBuf,
    port: u16,
    child: Option<Child>,
    postgres: Option<Postgres>,
    next: AtomicU64,
    watch: Arc<Watch>,
}

/// The database server of a registry on Postgres.
#[derive(Debug)]
struct Postgres {
    database: Database,
    /// Ends after the database is dropped, and would end it too.
    _cluster: Cluster,
    postmaster: u32,
}

impl Postgres {
    fn start() -> Result<Self> {
        let cluster = Cluster::durable().context("no Postgres to keep rows in")?;
        let database = cluster.empty().context("no database to keep rows in")?;
        Ok(Self { postmaster: postmaster(&database)?, database, _cluster: cluster })
    }
}

/// The first process of a database's server.
pub(crate) fn postmaster(database: &Database) -> Result<u32> {
    let folder = database.psql("SHOW data_directory")?;
    let path = Path::new(folder.trim()).join("postmaster.pid");
    let text = fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))?;
    Ok(text.lines().next().unwrap_or_default().trim().parse()?)
}

impl Server {
    /// Starts it.
    pub(crate) fn start(kind: Kind, programs: &Programs, watch: &Arc<Watch>) -> Result<Self> {
        let folder = watch.folder().join(kind.name());
        fs::create_dir_all(&folder)?;
        let postgres = if kind == Kind::Postgres { Some(Postgres::start()?) } else { None };
        let mut server = Self {
            program: kind.program().and_then(|name| programs.get(name)).cloned(),
            kind,
            told: String::new(),
            started_in: Duration::ZERO,
            folder,
            port: TcpListener::bind("127.0.0.1:0")?.local_addr()?.port(),
            child: None,
            postgres,
            next: AtomicU64::new(1),
            watch: Arc::clone(watch),
        };
        server.launch()?;
        Ok(server)
    }

    /// `HOST:PORT`.
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Its name.
    pub(crate) fn name(&self) -> &str {
        self.kind.name()
    }

    /// The folder that holds its data.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// The database of a registry on Postgres.
    pub(crate) fn database(&self) -> Option<&Database> {
        self.postgres.as_ref().map(|postgres| &postgres.database)
    }

    /// A connection.
    pub(crate) fn client(&self) -> Result<Client> {
        Client::connect(&self.address())
    }

    /// The first of `count` numbers that were never given for this server.
    pub(crate) fn numbers(&self, count: u64) -> u64 {
        self.next.fetch_add(count, Ordering::Relaxed)
    }

    /// The process of the server itself, without that of a database.
    pub(crate) fn tree(&self) -> Result<Tree> {
        Ok(Tree(self.child.as_ref().context("the server does not run")?.id()))
    }

    /// Processor time so far, that of its database included.
    pub(crate) fn cpu(&self) -> Result<Duration> {
        let own = self.tree()?.cpu()?;
        Ok(self.postgres.as_ref().map(|postgres| Tree(postgres.postmaster).cpu()).transpose()?.unwrap_or_default()
            + own)
    }

    /// Fails with the end of its log if it has ended.
    pub(crate) fn check(&mut self) -> Result<()> {
        let child = self.child.as_mut().context("the server does not run")?;
        if let Some(status) = child.try_wait()? {
            bail!("{} has ended with {status}: {}", self.kind.name(), self.log_tail());
        }
        Ok(())
    }

    /// Asks it to end, and waits until it has.
    pub(crate) fn stop(&mut self) -> Result<()> {
        let Some(mut child) = self.child.take() else { return Ok(()) };
        let process = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw);
        if let Some(process) = process {
            // It may have ended by itself.
            let _gone = rustix::process::kill_process(process, rustix::process::Signal::TERM);
        }
        let deadline = Instant::now() + START;
        while child.try_wait()?.is_none() {
            ensure!(Instant::now() < deadline, "{} does not end", self.kind.name());
            thread::sleep(POLL);
        }
        self.watch.remove(child.id())
    }

    /// Ends it and starts it again on its data.
    pub(crate) fn restart(&mut self) -> Result<()> {
        self.stop()?;
        self.launch()
    }

    /// Starts it on what is in its folder, and waits for its first 200.
    pub(crate) fn launch(&mut self) -> Result<()> {
        let database = self.database().map(|database| database.url().to_owned());
        let (mut command, told) =
            self.kind.command(self.program.as_deref(), (&self.folder, self.port), database.as_deref())?;
        self.told = told;
        let log = File::options().create(true).append(true).open(self.log())?;
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let start = Instant::now();
        let child = command.spawn().with_context(|| format!("{command:?} did not start"))?;
        self.watch.add(child.id())?;
        self.child = Some(child);
        loop {
            self.check()?;
            let answer = self.client().and_then(|mut client| client.call("GET", "/v2/"));
            if answer.is_ok_and(|answer| answer.status() == 200) {
                self.started_in = start.elapsed();
                return Ok(());
            }
            ensure!(start.elapsed() < START, "{} did not answer: {}", self.kind.name(), self.log_tail());
            thread::sleep(POLL);
        }
    }

    fn log(&self) -> PathBuf {
        self.folder.join("log")
    }

    fn log_tail(&self) -> String {
        let text = fs::read_to_string(self.log()).unwrap_or_default();
        let lines: Vec<&str> = text.trim().lines().collect();
        lines[lines.len().saturating_sub(10)..].join("\n")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may have ended by itself.
            let _gone = child.kill();
            let _waited = child.wait();
            let _told = self.watch.remove(child.id());
        }
    }
}
