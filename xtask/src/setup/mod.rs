//! Installs what the other commands need. Idempotent, and quick when everything is there.
//!
//! Debian's packages come from `apt-get`, Go programs and cargo-deny are built from source at pinned versions into
//! `target/tools`, one folder for each version, so that a changed pin can never run an old program.

mod apt;
mod build;

use std::{path::PathBuf, time::Instant};

use anyhow::Result;

use crate::workspace::Workspace;

/// Arguments of `cargo xtask setup`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Also install what benchmarks compare with. Debian's packages may start services on ports 80 and 5000.
    #[arg(long)]
    peers: bool,
}

/// A program that some command needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Need {
    /// Container client: copies between registries and directories.
    Skopeo,
    /// Container client: builds images.
    Buildah,
    /// Container client: the docker engine.
    Dockerd,
    /// The command line of the docker engine.
    DockerCli,
    /// The runtime supervisor that the docker engine talks to.
    Containerd,
    /// Shows the system calls of a push.
    Strace,
    /// The database server of tests, which start and end it themselves.
    Postgres,
    /// Gives a node of a test another clock.
    Faketime,
    /// Makes the certificates of tests.
    OpenSsl,
    /// Another registry, to compare with.
    DockerRegistry,
    /// Another registry: the version after that of `DockerRegistry`.
    Distribution,
    /// Another registry, which keeps no database.
    Olareg,
    /// A server of files, as the limit of what a registry can do.
    Nginx,
    /// A load on Postgres alone, as the limit of what a registry on it can do.
    PgBench,
    /// Container client: go-containerregistry's command line.
    Crane,
    /// Container client: artifacts.
    Oras,
    /// Container client: regclient's command line.
    Regctl,
    /// The conformance suite of the distribution specification.
    ConformanceSuite,
    /// Checks signatures of schema 1 manifests, with docker's own library.
    LibtrustVerify,
    /// Checks licences, sources and advisories of dependencies.
    CargoDeny,
}

/// Where a program comes from.
enum Source {
    Apt {
        package: &'static str,
        program: &'static str,
    },
    Go(build::GoProgram),
    /// A Go program of ours: the folder in the workspace that holds its module and gives it its name.
    OwnGo(&'static str),
    Cargo {
        package: &'static str,
        version: &'static str,
    },
}

/// Everything that `cargo xtask ci` needs.
const ALL: [Need; 15] = [
    Need::Skopeo,
    Need::Buildah,
    Need::Dockerd,
    Need::DockerCli,
    Need::Containerd,
    Need::Strace,
    Need::Postgres,
    Need::Faketime,
    Need::OpenSsl,
    Need::Crane,
    Need::Oras,
    Need::Regctl,
    Need::ConformanceSuite,
    Need::LibtrustVerify,
    Need::CargoDeny,
];

/// What only `cargo xtask bench` needs.
const PEERS: [Need; 5] = [Need::DockerRegistry, Need::Nginx, Need::PgBench, Need::Distribution, Need::Olareg];

impl Need {
    /// The pins. Each Go module here can be installed by `go install`: none has a `replace` directive.
    fn source(self) -> Source {
        let apt = |package, program| Source::Apt { package, program };
        let go = |module, package, version| Source::Go(build::GoProgram { module, package, version });
        match self {
            Self::Skopeo => apt("skopeo", "skopeo"),
            Self::Buildah => apt("buildah", "buildah"),
            Self::Dockerd => apt("docker.io", "dockerd"),
            Self::DockerCli => apt("docker.io", "docker"),
            Self::Containerd => apt("containerd", "containerd"),
            Self::Strace => apt("strace", "strace"),
            Self::Postgres => apt("postgresql", "initdb"),
            Self::Faketime => apt("faketime", "faketime"),
            Self::OpenSsl => apt("openssl", "openssl"),
            Self::DockerRegistry => apt("docker-registry", "docker-registry"),
            Self::Distribution => go("github.com/distribution/distribution/v3", "cmd/registry", "v3.1.2"),
            Self::Olareg => go("github.com/olareg/olareg", "cmd/olareg", "v0.2.2"),
            Self::Nginx => apt("nginx-light", "nginx"),
            Self::PgBench => apt("postgresql", "pgbench"),
            Self::Crane => go("github.com/google/go-containerregistry", "cmd/crane", "v0.22.1"),
            Self::Oras => go("oras.land/oras", "cmd/oras", "v1.3.6"),
            Self::Regctl => go("github.com/regclient/regclient", "cmd/regctl", "v0.11.7"),
            Self::ConformanceSuite => {
                go("github.com/opencontainers/distribution-spec/conformance", "", "v0.0.0-20260831232431-97274622c111")
            }
            Self::LibtrustVerify => Source::OwnGo("xtask/libtrust-verify"),
            Self::CargoDeny => Source::Cargo { package: "cargo-deny", version: "0.20.2" },
        }
    }
}

/// Installs everything, prints what each took.
pub(crate) fn run(workspace: &Workspace, arguments: &Arguments) -> Result<()> {
    let mut needs = ALL.to_vec();
    if arguments.peers {
        needs.extend(PEERS);
    }
    // One call of apt-get for all packages is quicker than one for each.
    let packages = needs.iter().filter_map(|need| match need.source() {
        Source::Apt { package, program } => Some((package, program)),
        Source::Go(_) | Source::OwnGo(_) | Source::Cargo { .. } => None,
    });
    apt::install(&packages.collect::<Vec<_>>())?;
    for need in needs {
        let start = Instant::now();
        match ensure(workspace, need) {
            Ok(path) => println!("{:6.1} s  {}", start.elapsed().as_secs_f64(), path.display()),
            // Benchmarks name a peer that is not to be had as absent, and compare with the others.
            Err(error) if PEERS.contains(&need) => println!("  absent  {need:?}: {error:#}"),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// The path of the program, which is installed first if it is not there.
pub(crate) fn ensure(workspace: &Workspace, need: Need) -> Result<PathBuf> {
    match need.source() {
        Source::Apt { package, program } => {
            apt::install(&[(package, program)])?;
            apt::find(program)
        }
        Source::Go(program) => build::go(workspace, &program),
        Source::OwnGo(folder) => build::own_go(workspace, folder),
        Source::Cargo { package, version } => build::cargo(workspace, package, version),
    }
}
