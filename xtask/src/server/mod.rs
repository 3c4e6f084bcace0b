//! The registry under test: built, started on a free port of loopback, killed and started again.

mod balancer;
mod deployment;

use std::{
    fs::{self, File, OpenOptions},
    net::Ipv4Addr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use clap::ValueEnum;

pub(crate) use deployment::{Backend, Deployment};

use balancer::Balancer;
use deployment::Rows;

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
    Started(Box<Server>),
}

impl Registry {
    /// The registry at the address if one is given, else a new one with its data below `directory`.
    pub(crate) fn open(
        workspace: &Workspace,
        given: Option<&String>,
        (program, deployment): (Program, Deployment),
        directory: &Path,
    ) -> Result<Self> {
        match given {
            Some(address) => Ok(Self::Given(address.clone())),
            None => Server::prepare(workspace, program, deployment, directory)?
                .launched()
                .map(|server| Self::Started(Box::new(server))),
        }
    }

    /// `HOST:PORT`.
    pub(crate) fn address(&self) -> String {
        match self {
            Self::Given(address) => address.clone(),
            Self::Started(server) => server.address(),
        }
    }

    /// Kills every node as a power cut would, and starts them again on the same data and ports.
    pub(crate) fn kill_and_restart(&mut self) -> Result<()> {
        match self {
            Self::Given(address) => bail!("{address} is not ours to kill"),
            Self::Started(server) => server.kill_and_restart(),
        }
    }

    /// Another of the same program, one node that keeps everything below `directory`, with configuration that differs from the default.
    pub(crate) fn another(&self, directory: &Path, settings: &[(&'static str, &'static str)]) -> Result<Server> {
        match self {
            Self::Given(address) => bail!("it is not known what serves {address}"),
            Self::Started(server) => Server::start_built(&server.binary, directory, Ipv4Addr::LOCALHOST, settings),
        }
    }

    /// Whether [`Self::kill_and_restart`] and [`Self::another`] can work.
    pub(crate) fn is_ours(&self) -> bool {
        matches!(self, Self::Started(_))
    }
}

/// A running registry with a data directory of its own. Dropping it kills its processes.
#[derive(Debug)]
pub(crate) struct Server {
    program: Program,
    binary: PathBuf,
    directory: PathBuf,
    nodes: Vec<Node>,
    /// Before the nodes where there are several.
    balancer: Option<Balancer>,
    rows: Option<Rows>,
    /// The program that traces system calls, and the file that it writes.
    tracer: Option<(PathBuf, PathBuf)>,
    /// Configuration that differs from the default, as variables of the environment.
    settings: Vec<(&'static str, &'static str)>,
}

/// One process of a registry.
#[derive(Debug)]
struct Node {
    host: Ipv4Addr,
    port: u16,
    child: Option<Child>,
    log: PathBuf,
}

impl Server {
    /// Starts this workspace's registry with configuration that differs from the default.
    pub(crate) fn start_with(
        workspace: &Workspace,
        deployment: Deployment,
        directory: &Path,
        settings: &[(&'static str, &'static str)],
    ) -> Result<Self> {
        let mut server = Self::prepare(workspace, Program::Manifestd, deployment, directory)?;
        server.settings = settings.to_vec();
        server.launched()
    }

    /// Starts one node with the system calls that make bytes durable and those that answer written to the file `trace`.
    pub(crate) fn start_traced(
        workspace: &Workspace,
        program: Program,
        directory: &Path,
        trace: &Path,
    ) -> Result<Self> {
        let mut server = Self::prepare(workspace, program, Deployment::default(), directory)?;
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
        let mut server = Self::on(Program::Manifestd, binary.to_owned(), Deployment::default(), directory)?;
        server.nodes.iter_mut().for_each(|node| node.host = host);
        server.settings = settings.to_vec();
        server.launched()
    }

    fn prepare(workspace: &Workspace, program: Program, deployment: Deployment, directory: &Path) -> Result<Self> {
        let binary = match program {
            Program::Manifestd => build(workspace)?,
            Program::DockerRegistry => setup::ensure(workspace, Need::DockerRegistry)?,
        };
        if deployment != Deployment::default() {
            setup::ensure(workspace, Need::Postgres)?;
        }
        Self::on(program, binary, deployment, directory)
    }

    fn on(program: Program, binary: PathBuf, deployment: Deployment, directory: &Path) -> Result<Self> {
        fs::create_dir_all(directory).with_context(|| format!("{} cannot be made", directory.display()))?;
        let rows = deployment.rows(program)?;
        let node = |number| -> Result<Node> {
            let log = directory.join(format!("registry-{number}.log"));
            Ok(Node { host: Ipv4Addr::LOCALHOST, port: http::free_port()?, child: None, log })
        };
        let nodes: Vec<Node> = (1..=deployment.nodes).map(node).collect::<Result<_>>()?;
        let ports: Vec<u16> = nodes.iter().map(|node| node.port).collect();
        let balancer = (ports.len() > 1).then(|| Balancer::start(ports)).transpose()?;
        Ok(Self {
            program,
            binary,
            directory: directory.to_owned(),
            nodes,
            balancer,
            rows,
            tracer: None,
            settings: Vec::new(),
        })
    }

    fn launched(mut self) -> Result<Self> {
        self.launch()?;
        Ok(self)
    }

    /// `HOST:PORT` that clients are given.
    pub(crate) fn address(&self) -> String {
        match &self.balancer {
            Some(balancer) => format!("127.0.0.1:{}", balancer.port),
            None => self.nodes.first().map(Node::address).unwrap_or_default(),
        }
    }

    /// Where the registry keeps everything.
    pub(crate) fn data(&self) -> PathBuf {
        self.directory.join("data")
    }

    /// The number of the process.
    pub(crate) fn process(&self) -> Result<u32> {
        let child = self.nodes.first().and_then(|node| node.child.as_ref());
        Ok(child.context("the registry does not run")?.id())
    }

    /// Kills the process if it has not ended, and does not look at it: that is for the thread that traces it.
    pub(crate) fn crash(&mut self) -> Result<()> {
        let child = self.nodes.first_mut().and_then(|node| node.child.as_mut());
        child.context("the registry does not run")?.kill().context("the registry cannot be killed")
    }

    /// Starts a registry again that was killed, by us or by a fault.
    pub(crate) fn restart(&mut self) -> Result<()> {
        for mut child in self.nodes.iter_mut().filter_map(|node| node.child.take()) {
            process::stop(&mut child, Duration::ZERO)?;
        }
        self.launch()
    }

    /// Kills a traced registry and returns the trace once it is complete.
    pub(crate) fn end_trace(mut self) -> Result<String> {
        let child = self.nodes.first().and_then(|node| node.child.as_ref());
        let process = child.context("the registry does not run")?.id().to_string();
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
        self.nodes.iter_mut().try_for_each(Node::kill)
    }

    /// Starts all nodes at once, as a deployment does, and waits for each.
    fn launch(&mut self) -> Result<()> {
        let commands: Vec<Command> = self.nodes.iter().map(|node| self.command(node)).collect::<Result<_>>()?;
        for (node, command) in self.nodes.iter_mut().zip(commands) {
            node.spawn(command)?;
        }
        self.nodes.iter_mut().try_for_each(Node::wait)
    }

    fn command(&self, node: &Node) -> Result<Command> {
        let mut command = match &self.tracer {
            None => Command::new(&self.binary),
            Some((tracer, trace)) => traced(tracer, trace, &self.binary),
        };
        let (data, address) = (self.data(), node.address());
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
                if let Some(rows) = &self.rows {
                    command.args(["--database-url", rows.url()]);
                }
                if self.balancer.is_some() {
                    // What clients ask for is not what the node listens on.
                    command.env("MANIFESTD_SERVER__HOSTS", self.address());
                }
            }
            Program::DockerRegistry => {
                let config = self.directory.join("config.yml");
                fs::write(&config, docker_registry_config(&data, &address))?;
                command.arg("serve").arg(config);
            }
        }
        Ok(command)
    }
}

impl Node {
    fn address(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    fn spawn(&mut self, mut command: Command) -> Result<()> {
        let out = OpenOptions::new().create(true).append(true).open(&self.log);
        let out: File = out.with_context(|| format!("{} cannot be written", self.log.display()))?;
        command.stdin(Stdio::null()).stdout(out.try_clone()?).stderr(out);
        self.child = Some(command.spawn().with_context(|| format!("{command:?} did not start"))?);
        Ok(())
    }

    /// Waits until it answers.
    fn wait(&mut self) -> Result<()> {
        let address = self.address();
        let child = self.child.as_mut().context("the registry does not run")?;
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

    fn kill(&mut self) -> Result<()> {
        let Some(mut child) = self.child.take() else {
            return Ok(());
        };
        if let Some(status) = child.try_wait()? {
            bail!("the registry had already ended with {status}: {}", self.log_tail());
        }
        process::stop(&mut child, Duration::ZERO)
    }

    fn log_tail(&self) -> String {
        fs::read_to_string(&self.log).map_or_else(|error| error.to_string(), |text| process::tail(&text, 10))
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ended_already = process::stop(child, Duration::ZERO);
        }
    }
}

/// The tracer runs beside the program (`-D`), so that the process to kill is still the program's.
fn traced(tracer: &Path, trace: &Path, binary: &Path) -> Command {
    let mut command = Command::new(tracer);
    let calls = "trace=openat,fsync,fdatasync,link,linkat,rename,renameat,renameat2,mkdir,mkdirat,pwritev,write,writev,sendto,sendmsg";
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
