//! What every scenario has at hand: the registry, the images, scratch folders, and clients that see nothing of the
//! machine's own configuration.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result};

use super::engine::Engine;
use crate::{
    images::Fixtures,
    process::{self, Output},
    server::Registry,
    setup::Need,
};

/// No command here takes a tenth of this, unless a client retries for ever.
const LIMIT: Duration = Duration::from_mins(2);

/// See the module.
#[derive(Debug)]
pub(crate) struct Stage {
    registry: Registry,
    fixtures: Fixtures,
    directory: PathBuf,
    programs: BTreeMap<Need, PathBuf>,
    engine: Option<Engine>,
    folders: u32,
    /// Different for each run, also on a registry that keeps its data.
    run: String,
}

impl Stage {
    /// A stage whose files are below `directory`.
    pub(crate) fn new(registry: Registry, fixtures: Fixtures, directory: &Path) -> Result<Self> {
        for folder in ["home/docker", "run"] {
            fs::create_dir_all(directory.join(folder))?;
        }
        // Whoever reads docker's configuration must find one; without it some clients refuse to start.
        fs::write(directory.join("home/docker/config.json"), "{}")?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).context("the clock stands before 1970")?;
        Ok(Self {
            registry,
            fixtures,
            directory: directory.to_owned(),
            programs: BTreeMap::new(),
            engine: None,
            folders: 0,
            run: format!("clients-{}", now.as_millis()),
        })
    }

    /// Makes a program known to [`Self::command`].
    pub(crate) fn add_program(&mut self, need: Need, path: PathBuf) {
        self.programs.insert(need, path);
    }

    /// The registry under test.
    pub(crate) fn registry(&self) -> &Registry {
        &self.registry
    }

    /// `HOST:PORT` of the registry.
    pub(crate) fn address(&self) -> String {
        self.registry.address()
    }

    /// Kills the registry as a power cut would, and starts it again.
    pub(crate) fn kill_and_restart(&mut self) -> Result<()> {
        self.registry.kill_and_restart()
    }

    /// The images to push.
    pub(crate) fn fixtures(&self) -> &Fixtures {
        &self.fixtures
    }

    /// The docker engine, if a client has started it.
    pub(crate) fn engine(&self) -> Result<&Engine> {
        self.engine.as_ref().context("the docker engine was not started")
    }

    /// Hands over a running docker engine.
    pub(crate) fn set_engine(&mut self, engine: Engine) {
        self.engine = Some(engine);
    }

    /// The name of a repository that no other scenario and no earlier run on the same registry uses.
    pub(crate) fn repository(&self, name: &str) -> String {
        format!("{}/{name}", self.run)
    }

    /// The repository's name with the registry's address before it.
    pub(crate) fn full(&self, repository: &str) -> String {
        format!("{}/{repository}", self.address())
    }

    /// A new empty folder.
    pub(crate) fn folder(&mut self) -> Result<PathBuf> {
        self.folders += 1;
        let path = self.directory.join(format!("scratch-{}", self.folders));
        fs::create_dir(&path).with_context(|| format!("{} cannot be made", path.display()))?;
        Ok(path)
    }

    /// A client's command, with a home of ours and without the machine's configuration of it.
    pub(crate) fn command(&self, need: Need) -> Result<Command> {
        let program = self.programs.get(&need).with_context(|| format!("{need:?} was not installed"))?;
        let mut command = Command::new(program);
        let home = self.directory.join("home");
        command.env("XDG_RUNTIME_DIR", self.directory.join("run"));
        command.env("DOCKER_CONFIG", home.join("docker")).env("REGCTL_CONFIG", home.join("regctl.json"));
        command.env("HOME", home).env("LC_ALL", "C");
        Ok(command)
    }

    /// Runs a client to its end and fails unless its exit code is 0.
    pub(crate) fn succeed(&self, need: Need, arguments: &[&str]) -> Result<Output> {
        process::succeed(self.command(need)?.args(arguments), LIMIT)
    }

    /// Runs a client to its end, in a folder, and fails unless its exit code is 0.
    pub(crate) fn succeed_in(&self, folder: &Path, need: Need, arguments: &[&str]) -> Result<Output> {
        process::succeed(self.command(need)?.args(arguments).current_dir(folder), LIMIT)
    }

    /// Runs a client that is expected to fail, and returns what it says.
    pub(crate) fn fail(&self, need: Need, arguments: &[&str]) -> Result<String> {
        let output = process::capture(self.command(need)?.args(arguments), LIMIT)?;
        anyhow::ensure!(!output.success(), "`{}` succeeded and should not have", arguments.join(" "));
        Ok(format!("{}\n{}", output.stdout, output.stderr))
    }
}
