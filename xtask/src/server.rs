//! The registry under test: built, started on a free port of loopback, killed and started again.

use std::{
    fs::{self, File, OpenOptions},
    net::Ipv4Addr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use clap::ValueEnum;

use crate::{
    http, process,
    setup::{self, Need},
    workspace::{self, Workspace},
};

/// How long a registry may take until it answers.
const START: Duration = Duration::from_secs(20);

/// A program that can be put under test.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Program {
    /// This workspace's registry, built in the release profile.
    #[default]
    Manifestd,
    /// Debian's package of another registry, to tell a client's fault from ours.
    DockerRegistry,
}

/// The registry under test, ours to kill or not.
#[derive(Debug)]
pub(crate) enum Registry {
    /// Somebody else's, at that address.
    Given(String),
    /// Started by us.
    Started(Server),
}

impl Registry {
    /// The registry at the address if one is given, else a new one with its data below `directory`.
    pub(crate) fn open(
        workspace: &Workspace,
        given: Option<&String>,
        program: Program,
        directory: &Path,
    ) -> Result<Self> {
        match given {
            Some(address) => Ok(Self::Given(address.clone())),
            None => Server::start(workspace, program, directory).map(Self::Started),
        }
    }

    /// `HOST:PORT`.
    pub(crate) fn address(&self) -> String {
        match self {
            Self::Given(address) => address.clone(),
            Self::Started(server) => server.address(),
        }
    }

    /// Kills the process as a power cut would, and starts it again on the same data and port.
    pub(crate) fn kill_and_restart(&mut self) -> Result<()> {
        match self {
            Self::Given(address) => bail!("{address} is not ours to kill"),
            Self::Started(server) => server.kill_and_restart(),
        }
    }

    /// Whether [`Self::kill_and_restart`] can work.
    pub(crate) fn is_ours(&self) -> bool {
        matches!(self, Self::Started(_))
    }
}

/// A running registry with a data directory of its own. Dropping it kills the process.
#[derive(Debug)]
pub(crate) struct Server {
    program: Program,
    binary: PathBuf,
    directory: PathBuf,
    host: Ipv4Addr,
    port: u16,
    child: Option<Child>,
    /// The program that traces system calls, and the file that it writes.
    tracer: Option<(PathBuf, PathBuf)>,
    /// Configuration that differs from the default, as variables of the environment.
    settings: Vec<(&'static str, &'static str)>,
}

impl Server {
    /// Builds or finds the program and starts it on data below `directory`.
    fn start(workspace: &Workspace, program: Program, directory: &Path) -> Result<Self> {
        Self::prepare(workspace, program, directory)?.launched()
    }

    /// Starts this workspace's registry with configuration that differs from the default.
    pub(crate) fn start_with(
        workspace: &Workspace,
        directory: &Path,
        settings: &[(&'static str, &'static str)],
    ) -> Result<Self> {
        let mut server = Self::prepare(workspace, Program::Manifestd, directory)?;
        server.settings = settings.to_vec();
        server.launched()
    }

    /// Like [`Self::start`], with the system calls that make bytes durable and those that answer written to the file `trace`.
    pub(crate) fn start_traced(
        workspace: &Workspace,
        program: Program,
        directory: &Path,
        trace: &Path,
    ) -> Result<Self> {
        let mut server = Self::prepare(workspace, program, directory)?;
        server.tracer = Some((setup::ensure(workspace, Need::Strace)?, trace.to_owned()));
        server.launched()
    }

    /// Starts this workspace's registry, which [`build`] has built, on an address of loopback and with configuration that
    /// differs from the default.
    pub(crate) fn start_built(
        binary: &Path,
        directory: &Path,
        host: Ipv4Addr,
        settings: &[(&'static str, &'static str)],
    ) -> Result<Self> {
        let mut server = Self::on(Program::Manifestd, binary.to_owned(), directory)?;
        (server.host, server.settings) = (host, settings.to_vec());
        server.launched()
    }

    fn prepare(workspace: &Workspace, program: Program, directory: &Path) -> Result<Self> {
        let binary = match program {
            Program::Manifestd => build(workspace)?,
            Program::DockerRegistry => setup::ensure(workspace, Need::DockerRegistry)?,
        };
        Self::on(program, binary, directory)
    }

    fn on(program: Program, binary: PathBuf, directory: &Path) -> Result<Self> {
        fs::create_dir_all(directory).with_context(|| format!("{} cannot be made", directory.display()))?;
        let port = http::free_port()?;
        Ok(Self {
            program,
            binary,
            directory: directory.to_owned(),
            host: Ipv4Addr::LOCALHOST,
            port,
            child: None,
            tracer: None,
            settings: Vec::new(),
        })
    }

    fn launched(mut self) -> Result<Self> {
        self.launch()?;
        Ok(self)
    }

    /// `HOST:PORT`.
    pub(crate) fn address(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// Where the registry keeps everything.
    pub(crate) fn data(&self) -> PathBuf {
        self.directory.join("data")
    }

    /// The number of the process.
    pub(crate) fn process(&self) -> Result<u32> {
        Ok(self.child.as_ref().context("the registry does not run")?.id())
    }

    /// Kills the process if it has not ended, and does not look at it: that is for the thread that traces it.
    pub(crate) fn crash(&mut self) -> Result<()> {
        self.child.as_mut().context("the registry does not run")?.kill().context("the registry cannot be killed")
    }

    /// Starts a registry again that was killed, by us or by a fault.
    pub(crate) fn restart(&mut self) -> Result<()> {
        if let Some(mut child) = self.child.take() {
            process::stop(&mut child, Duration::ZERO)?;
        }
        self.launch()
    }

    /// Kills a traced registry and returns the trace once it is complete.
    pub(crate) fn end_trace(mut self) -> Result<String> {
        let process = self.child.as_ref().context("the registry does not run")?.id().to_string();
        self.kill()?;
        let (_, path) = self.tracer.take().context("the registry was not traced")?;
        let mut trace = String::new();
        // The tracer is no child of ours. It writes the end of the process last.
        let complete = process::poll(START, || {
            trace = String::from_utf8_lossy(&fs::read(&path)?).into_owned();
            let is_end = |line: &str| line.contains(" +++ ") && line.split(' ').next() == Some(&process);
            Ok(trace.lines().rev().take(100).any(is_end))
        })?;
        ensure!(complete, "{} has no end", path.display());
        Ok(trace)
    }

    fn kill_and_restart(&mut self) -> Result<()> {
        self.kill()?;
        self.launch()
    }

    fn kill(&mut self) -> Result<()> {
        let Some(mut child) = self.child.take() else {
            return Ok(());
        };
        if let Some(status) = child.try_wait()? {
            bail!("the registry had already ended with {status}: {}", self.log_tail());
        }
        process::stop(&mut child, Duration::ZERO)
    }

    fn launch(&mut self) -> Result<()> {
        let log = self.log();
        let out = OpenOptions::new().create(true).append(true).open(&log);
        let out: File = out.with_context(|| format!("{} cannot be written", log.display()))?;
        let mut command = self.command()?;
        command.stdin(Stdio::null()).stdout(out.try_clone()?).stderr(out);
        let address = self.address();
        let child = command.spawn().with_context(|| format!("{} did not start", self.binary.display()))?;
        let child = self.child.insert(child);
        let mut ended = None;
        let up = process::poll(START, || {
            ended = child.try_wait()?;
            // Nothing listens yet, or what listens is not ready: both mean to ask again.
            Ok(ended.is_some() || http::get(&address, "/v2/", "*/*").is_ok_and(|answer| answer.status == 200))
        })?;
        if let Some(status) = ended {
            bail!("the registry ended with {status} before it answered: {}", self.log_tail());
        }
        ensure!(up, "the registry had not answered `GET /v2/` after {} s: {}", START.as_secs(), self.log_tail());
        Ok(())
    }

    fn command(&self) -> Result<Command> {
        let mut command = match &self.tracer {
            None => Command::new(&self.binary),
            Some((tracer, trace)) => traced(tracer, trace, &self.binary),
        };
        let (data, address) = (self.data(), self.address());
        match self.program {
            Program::Manifestd => {
                // What somebody has configured for a registry of their own must not change this one.
                for (name, _) in
                    std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("MANIFESTD_"))
                {
                    command.env_remove(name);
                }
                command.envs(self.settings.iter().copied());
                command.arg("serve").arg("--data-dir").arg(data);
                command.args(["--listen", &address, "--admin-listen", "off"]).current_dir(&self.directory);
            }
            Program::DockerRegistry => {
                let config = self.directory.join("config.yml");
                fs::write(&config, docker_registry_config(&data, &address))?;
                command.arg("serve").arg(config);
            }
        }
        Ok(command)
    }

    fn log(&self) -> PathBuf {
        self.directory.join("registry.log")
    }

    fn log_tail(&self) -> String {
        fs::read_to_string(self.log()).map_or_else(|error| error.to_string(), |text| process::tail(&text, 10))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ended_already = process::stop(child, Duration::ZERO);
        }
    }
}

/// The tracer runs beside the program (`-D`), so that the process to kill is still the program's.
fn traced(tracer: &Path, trace: &Path, binary: &Path) -> Command {
    let mut command = Command::new(tracer);
    let calls = "trace=fsync,fdatasync,link,linkat,rename,renameat,renameat2,mkdir,mkdirat,write,writev,sendto,sendmsg";
    command.args(["-D", "-f", "-y", "-q", "-s", "40", "-e", calls]).arg("-o").arg(trace).arg(binary);
    command
}

/// Builds the release binary and says where it is.
pub(crate) fn build(workspace: &Workspace) -> Result<PathBuf> {
    let mut command = Command::new(workspace::cargo());
    command.args(["build", "--release", "--package", "manifestd"]).current_dir(workspace.root());
    process::stream(&mut command)?;
    let binary = workspace.target().join("release").join("manifestd");
    ensure!(binary.is_file(), "the build left no {}", binary.display());
    Ok(binary)
}

fn docker_registry_config(data: &Path, address: &str) -> String {
    format!(
        "version: 0.1\nlog:\n  level: info\nstorage:\n  filesystem:\n    rootdirectory: {}\n  delete:\n    \
         enabled: true\nhttp:\n  addr: {address}\n",
        data.display()
    )
}
