//! `cargo xtask clients`: real container clients push, pull, copy, list and delete, and every byte is compared.
//!
//! The registry is the release binary on a fresh data directory. Images are made here, so nothing but loopback is used.
//! A client is a list of scenarios; each scenario has repositories of its own and fails or passes alone.

mod buildah;
mod compare;
mod crane;
mod docker;
mod engine;
mod oras;
mod regctl;
mod schema1;
pub(crate) mod seed;
mod skopeo;
mod stage;
mod v1;

use std::time::Instant;

use anyhow::{Result, ensure};
use clap::ValueEnum;

use crate::{
    count::Count,
    images::Fixtures,
    server::{Deployment, Program, Registry},
    setup::{self, Need},
    workspace::Workspace,
};
use stage::Stage;

/// Arguments of `cargo xtask clients`.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Arguments {
    /// Only this client; may be given several times.
    #[arg(long, value_name = "NAME")]
    only: Vec<Name>,
    /// Do not fail where this client is missing or cannot start; may be given several times.
    #[arg(long, value_name = "NAME")]
    allow_missing: Vec<Name>,
    /// Test the registry that listens there, instead of building and starting one; leaves out what kills the server.
    #[arg(long, value_name = "HOST:PORT")]
    registry: Option<String>,
    /// The registry to start.
    #[arg(long, value_enum, default_value_t, conflicts_with = "registry")]
    server: Program,
    #[command(flatten)]
    deployment: Deployment,
    /// Keep the data, the images and the logs, and print where they are.
    #[arg(long)]
    keep: bool,
}

impl Arguments {
    /// Every client against a registry that is set up so.
    pub(crate) fn on(deployment: Deployment) -> Self {
        Self { deployment, ..Self::default() }
    }
}

/// A client's name on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Name {
    Skopeo,
    Buildah,
    Docker,
    Crane,
    Oras,
    Regctl,
    /// Clients that take nothing newer than schema 1, and those that know the v1 API only.
    Legacy,
}

/// A client and what it is to do.
struct Client {
    needs: &'static [Need],
    /// Starts what the client needs beside its program.
    prepare: fn(&mut Stage) -> Result<()>,
    scenarios: &'static [Scenario],
}

/// One line of the output.
struct Scenario {
    name: &'static str,
    run: fn(&mut Stage) -> Result<()>,
    /// Whether it kills the server, which only a server of ours allows.
    kills: bool,
}

impl Scenario {
    const fn new(name: &'static str, run: fn(&mut Stage) -> Result<()>) -> Self {
        Self { name, run, kills: false }
    }

    const fn killing(name: &'static str, run: fn(&mut Stage) -> Result<()>) -> Self {
        Self { name, run, kills: true }
    }
}

impl Name {
    fn client(self) -> Client {
        match self {
            Self::Skopeo => skopeo::CLIENT,
            Self::Buildah => buildah::CLIENT,
            Self::Docker => docker::CLIENT,
            Self::Crane => crane::CLIENT,
            Self::Oras => oras::CLIENT,
            Self::Regctl => regctl::CLIENT,
            Self::Legacy => schema1::CLIENT,
        }
    }

    fn word(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }
}

/// Runs every scenario of every chosen client and prints one line for each.
pub(crate) fn run(workspace: &Workspace, arguments: &Arguments) -> Result<()> {
    let mut directory = tempfile::Builder::new().prefix("clients-").tempdir()?;
    directory.disable_cleanup(arguments.keep);
    let registry = arguments.registry.as_ref();
    let started = (arguments.server, arguments.deployment);
    let registry = Registry::open(workspace, registry, started, &directory.path().join("registry"))?;
    let fixtures = Fixtures::write(&directory.path().join("fixtures"))?;
    let mut stage = Stage::new(registry, fixtures, directory.path())?;
    let mut count = Count::default();
    for name in Name::value_variants() {
        if arguments.only.is_empty() || arguments.only.contains(name) {
            let allowed = arguments.allow_missing.contains(name);
            run_client(workspace, *name, allowed, &mut stage, &mut count);
        }
    }
    drop(stage);
    if arguments.keep {
        println!("kept: {}", directory.path().display());
    }
    count.close()
}

fn run_client(workspace: &Workspace, name: Name, may_be_missing: bool, stage: &mut Stage, count: &mut Count) {
    let client = name.client();
    let name = name.word();
    let start = Instant::now();
    let ready = install(workspace, client.needs, stage).and_then(|()| (client.prepare)(stage));
    if let Err(error) = ready {
        if may_be_missing {
            println!("missing {name}, which is allowed: {error:#}");
        } else {
            println!("FAILED {name}: is missing or cannot start: {error:#}");
            count.add(false);
        }
        return;
    }
    println!("ready {name} ({} ms)", start.elapsed().as_millis());
    for scenario in client.scenarios {
        if scenario.kills && !stage.registry().is_ours() {
            println!("left out {name}: {}: the registry is not ours to kill", scenario.name);
            continue;
        }
        let start = Instant::now();
        let result = (scenario.run)(stage);
        let taken = start.elapsed().as_millis();
        match &result {
            Ok(()) => println!("ok {name}: {} ({taken} ms)", scenario.name),
            Err(error) => println!("FAILED {name}: {} ({taken} ms): {error:#}", scenario.name),
        }
        count.add(result.is_ok());
    }
}

fn install(workspace: &Workspace, needs: &[Need], stage: &mut Stage) -> Result<()> {
    for need in needs {
        let path = setup::ensure(workspace, *need)?;
        ensure!(path.is_file(), "{} is not there", path.display());
        stage.add_program(*need, path);
    }
    Ok(())
}
