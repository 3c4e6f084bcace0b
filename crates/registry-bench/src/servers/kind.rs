//! Which programs are compared, and how each is started: with its fastest sane configuration for one machine.

use std::{fs, path::Path, process::Command};

use anyhow::{Context, Result, ensure};

use crate::{content::MANIFEST, limits::Limit};

/// What is compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// This workspace's registry with everything in memory.
    Memory,
    /// This workspace's registry as it starts by default.
    Sqlite,
    /// This workspace's registry on a Postgres of its own whose commits are on the disk.
    Postgres,
    /// Debian's package of distribution 2.8.
    DockerRegistry,
    /// Distribution 3.
    Distribution,
    /// olareg on a directory.
    Olareg,
    /// The limit: the same bytes as static files.
    Nginx,
    /// What the machine can do, which is no server.
    Limit(Limit),
    /// Any other, by a command of the user's.
    Other {
        /// Its name in tables.
        name: String,
        /// The command, with `{port}` and `{data}` in it.
        command: String,
    },
}

impl Kind {
    /// All but those of the user's.
    pub(crate) const BUILT_IN: [Self; 7] = [
        Self::Sqlite,
        Self::Postgres,
        Self::Memory,
        Self::DockerRegistry,
        Self::Distribution,
        Self::Olareg,
        Self::Nginx,
    ];

    /// Its name in tables and on the command line.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Memory => "memory",
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
            Self::DockerRegistry => "docker-registry",
            Self::Distribution => "distribution",
            Self::Olareg => "olareg",
            Self::Nginx => "nginx",
            Self::Limit(limit) => limit.name(),
            Self::Other { name, .. } => name,
        }
    }

    /// What the name stands for.
    pub(crate) fn about(&self) -> &str {
        match self {
            Self::Memory => "manifestd in memory (`--ephemeral`)",
            Self::Sqlite => "manifestd on SQLite and a directory, the default",
            Self::Postgres => "manifestd on Postgres (fsync = on) and a directory",
            Self::DockerRegistry => "Debian's package of distribution 2.8",
            Self::Distribution => "distribution 3",
            Self::Olareg => "olareg on a directory, which it never syncs",
            Self::Nginx => "the limit: the same bytes as static files",
            Self::Limit(limit) => limit.name(),
            Self::Other { command, .. } => command,
        }
    }

    /// The program that it needs.
    pub(crate) fn program(&self) -> Option<&'static str> {
        match self {
            Self::Memory | Self::Sqlite | Self::Postgres => Some("manifestd"),
            Self::DockerRegistry => Some("docker-registry"),
            Self::Distribution => Some("distribution"),
            Self::Olareg => Some("olareg"),
            Self::Nginx => Some("nginx"),
            Self::Limit(_) | Self::Other { .. } => None,
        }
    }

    /// Whether it is this workspace's.
    pub(crate) fn is_ours(&self) -> bool {
        matches!(self, Self::Memory | Self::Sqlite | Self::Postgres)
    }

    /// Whether it is another registry.
    pub(crate) fn is_peer(&self) -> bool {
        matches!(self, Self::DockerRegistry | Self::Distribution | Self::Olareg | Self::Other { .. })
    }

    /// The command that serves on that port from that folder, and what is to be told of its configuration.
    pub(crate) fn command(
        &self,
        program: Option<&Path>,
        (folder, port): (&Path, u16),
        database: Option<&str>,
    ) -> Result<(Command, String)> {
        let data = folder.join("data");
        fs::create_dir_all(&data).with_context(|| format!("{} cannot be made", data.display()))?;
        if let Self::Other { command, .. } = self {
            let told = command.clone();
            let words = command
                .split_whitespace()
                .map(|word| word.replace("{port}", &port.to_string()).replace("{data}", &data.display().to_string()));
            let words: Vec<String> = words.collect();
            let (program, arguments) = words.split_first().context("a peer's command is empty")?;
            let mut command = Command::new(program);
            command.args(arguments).current_dir(folder);
            return Ok((command, told));
        }
        let mut command = Command::new(program.with_context(|| format!("there is no program for {}", self.name()))?);
        command.current_dir(folder);
        let told = match self {
            Self::Memory | Self::Sqlite | Self::Postgres => ours(&mut command, self, (&data, port), database),
            Self::DockerRegistry | Self::Distribution => {
                let (config, told) = distribution(&data, port);
                command.arg("serve").arg(write(folder, "config.yml", &config)?);
                // Version 3 would look for a collector of traces.
                command.env("OTEL_TRACES_EXPORTER", "none");
                told
            }
            Self::Olareg => {
                let options = "-v warn --gc-frequency -1s --api-delete --api-blob-delete --addr 127.0.0.1";
                command.arg("serve").args(options.split(' ')).args(["--port", &port.to_string()]);
                command.arg("--dir").arg(&data);
                options.to_owned()
            }
            Self::Nginx => {
                let (config, told) = nginx(folder, port);
                command.arg("-p").arg(folder).arg("-c").arg(write(folder, "nginx.conf", &config)?);
                told
            }
            Self::Limit(_) | Self::Other { .. } => String::new(),
        };
        Ok((command, told))
    }
}

impl std::str::FromStr for Kind {
    type Err = anyhow::Error;

    /// `NAME=COMMAND`
    fn from_str(text: &str) -> Result<Self> {
        let (name, command) = text.split_once('=').context("a peer is written NAME=COMMAND")?;
        ensure!(!name.is_empty() && command.contains("{port}"), "a peer's command has {{port}} in it");
        Ok(Self::Other { name: name.to_owned(), command: command.to_owned() })
    }
}

fn ours(command: &mut Command, kind: &Kind, (data, port): (&Path, u16), database: Option<&str>) -> String {
    // What somebody has configured for a registry of their own must not change this one.
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("MANIFESTD_")) {
        command.env_remove(name);
    }
    command.env("MANIFESTD_LOG__LEVEL", "warn");
    command.args(["serve", "--admin-listen", "off", "--listen", &format!("127.0.0.1:{port}")]);
    let mut told = String::from("log.level = warn, admin off");
    if *kind == Kind::Memory {
        command.args(["--ephemeral", "--ephemeral-limit", "4GiB"]);
        told += ", --ephemeral-limit 4GiB";
    } else {
        command.arg("--data-dir").arg(data);
    }
    if let Some(url) = database {
        command.args(["--database-url", url]);
        told += ", Postgres with fsync = on, synchronous_commit = on";
    }
    told
}

fn distribution(data: &Path, port: u16) -> (String, String) {
    let config = format!(
        "version: 0.1\nlog:\n  level: warn\n  accesslog:\n    disabled: true\nstorage:\n  filesystem:\n    rootdirectory: {}\n    \
         maxthreads: 100\n  cache:\n    blobdescriptor: inmemory\n  delete:\n    enabled: true\n  maintenance:\n    \
         uploadpurging:\n      enabled: false\nhttp:\n  addr: 127.0.0.1:{port}\n  relativeurls: true\n  secret: bench\n",
        data.display()
    );
    (config, "log: warn, accesslog off; filesystem, blobdescriptor cache in memory; delete on; relativeurls".to_owned())
}

fn nginx(folder: &Path, port: u16) -> (String, String) {
    // One process: with two cores, a second one would take the load's.
    let config = format!(
        "daemon off;\nmaster_process off;\npid nginx.pid;\nerror_log stderr warn;\nevents {{ worker_connections 1024; }}\n\
         http {{\n  access_log off;\n  sendfile on;\n  tcp_nopush on;\n  keepalive_requests 1000000000;\n  \
         keepalive_timeout 600;\n  open_file_cache max=200000 inactive=600s;\n  open_file_cache_valid 600s;\n  \
         default_type {MANIFEST};\n  client_body_temp_path {0}/body;\n  proxy_temp_path {0}/proxy;\n  \
         fastcgi_temp_path {0}/fastcgi;\n  uwsgi_temp_path {0}/uwsgi;\n  scgi_temp_path {0}/scgi;\n  \
         server {{\n    listen 127.0.0.1:{port};\n    root {0}/data;\n    location = /v2/ {{ return 200; }}\n  }}\n}}\n",
        folder.display()
    );
    (config, "one process, sendfile, tcp_nopush, open_file_cache, access log off".to_owned())
}

fn write(folder: &Path, name: &str, text: &str) -> Result<std::path::PathBuf> {
    let path = folder.join(name);
    fs::write(&path, text).with_context(|| format!("{} cannot be written", path.display()))?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::Kind;
    use std::path::Path;

    #[test]
    fn a_peer_of_the_users() {
        let kind: Kind = "mine=/bin/registry --port {port} --dir {data}".parse().unwrap();
        assert_eq!((kind.name(), kind.is_peer(), kind.is_ours()), ("mine", true, false));
        let folder = tempfile::tempdir().unwrap();
        let (command, _) = kind.command(None, (folder.path(), 81), None).unwrap();
        let arguments: Vec<_> = command.get_args().map(|word| word.to_string_lossy().into_owned()).collect();
        assert_eq!(command.get_program(), Path::new("/bin/registry"));
        assert_eq!(arguments[..3], ["--port", "81", "--dir"]);
        assert!(arguments[3].ends_with("/data"));
        assert!("mine".parse::<Kind>().is_err() && "mine=/bin/registry".parse::<Kind>().is_err());
    }

    #[test]
    fn names_are_different() {
        let mut names: Vec<_> = Kind::BUILT_IN.iter().map(Kind::name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Kind::BUILT_IN.len());
    }
}
