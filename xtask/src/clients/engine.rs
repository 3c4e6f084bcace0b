//! A docker engine of our own: private data, private socket, its own containerd, no network and no firewall rules.

use std::{
    fs::{self, File},
    path::Path,
    process::{Child, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use tempfile::TempDir;

use super::stage::Stage;
use crate::{process, setup::Need};

const START: Duration = Duration::from_mins(1);
/// Docker unmounts what it mounted when it is asked to stop; containerd has nothing of ours by then.
const GRACE: Duration = Duration::from_secs(15);

/// The running engine. Dropping it stops both processes and removes its data.
#[derive(Debug)]
pub(crate) struct Engine {
    containerd: Child,
    dockerd: Option<Child>,
    directory: TempDir,
}

impl Engine {
    /// Starts containerd and dockerd and waits until dockerd answers.
    ///
    /// The folder is in the system's temporary folder and has a short name, since the path of a socket is limited to
    /// about 100 bytes.
    pub(crate) fn start(stage: &Stage) -> Result<Self> {
        let directory = tempfile::Builder::new().prefix("engine-").tempdir()?;
        let path = directory.path();
        fs::write(path.join("containerd.toml"), containerd_config(path))?;
        fs::write(path.join("daemon.json"), "{}")?;
        let mut command = stage.command(Need::Containerd)?;
        command.arg("--config").arg(path.join("containerd.toml"));
        let log = log(path, "containerd.log")?;
        let containerd = command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).spawn();
        let containerd = containerd.context("containerd did not start")?;
        let mut engine = Self { containerd, dockerd: None, directory };
        let socket = engine.directory.path().join("containerd.sock");
        let up = process::poll(START, || Ok(socket.exists() || engine.containerd.try_wait()?.is_some()))?;
        ensure!(up && socket.exists(), "containerd did not start: {}", engine.log_tail("containerd.log"));
        engine.start_dockerd(stage)?;
        Ok(engine)
    }

    /// The address for the environment variable `DOCKER_HOST`.
    pub(crate) fn host(&self) -> String {
        format!("unix://{}", self.directory.path().join("docker.sock").display())
    }

    fn start_dockerd(&mut self, stage: &Stage) -> Result<()> {
        let path = self.directory.path();
        let mut command = stage.command(Need::Dockerd)?;
        command.arg("--config-file").arg(path.join("daemon.json"));
        command.arg("--data-root").arg(path.join("data"));
        command.arg("--exec-root").arg(path.join("exec"));
        command.arg("--pidfile").arg(path.join("docker.pid"));
        command.arg("--containerd").arg(path.join("containerd.sock"));
        command.args(["--host", &self.host(), "--storage-driver=vfs", "--bridge=none"]);
        command.args(["--iptables=false", "--ip6tables=false", "--log-level=warn"]);
        // Docker waits between its tries of a failed pull; one shows the failure, five only make it late.
        command.args(["--max-download-attempts=1"]);
        let log = log(path, "dockerd.log")?;
        let child = command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).spawn();
        let child = self.dockerd.insert(child.context("dockerd did not start")?);
        let host = format!("unix://{}", path.join("docker.sock").display());
        let mut ended = None;
        let up = process::poll(START, || {
            ended = child.try_wait()?;
            let mut command = stage.command(Need::DockerCli)?;
            command.env("DOCKER_HOST", &host).args(["version", "--format", "{{.Server.Version}}"]);
            Ok(ended.is_some() || process::capture(&mut command, START)?.success())
        })?;
        if let Some(status) = ended {
            bail!("dockerd ended with {status}: {}", self.log_tail("dockerd.log"));
        }
        ensure!(up, "dockerd had not answered after {} s: {}", START.as_secs(), self.log_tail("dockerd.log"));
        Ok(())
    }

    fn log_tail(&self, name: &str) -> String {
        let text = fs::read_to_string(self.directory.path().join(name));
        text.map_or_else(|error| error.to_string(), |text| process::tail(&text, 10))
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if let Some(dockerd) = &mut self.dockerd {
            let _ended_already = process::stop(dockerd, GRACE);
        }
        let _ended_already = process::stop(&mut self.containerd, GRACE);
    }
}

fn log(directory: &Path, name: &str) -> Result<File> {
    File::create(directory.join(name)).with_context(|| format!("{name} cannot be written"))
}

fn containerd_config(directory: &Path) -> String {
    let path = directory.display();
    format!(
        "version = 2\nroot = \"{path}/containerd/root\"\nstate = \"{path}/containerd/state\"\n\
         disabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n[grpc]\naddress = \"{path}/containerd.sock\"\n"
    )
}
