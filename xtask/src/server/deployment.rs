//! Where the registry under test keeps its rows, and how many nodes of it run.

use anyhow::{Context, Result, ensure};
use clap::ValueEnum;
use postgres_fixture::{Cluster, Database};

use super::Program;

/// Where rows are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Backend {
    /// A file in the data directory.
    #[default]
    Sqlite,
    /// A server that is started for it, from the system's programs.
    Postgres,
}

/// How the registry is set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::Args)]
pub(crate) struct Deployment {
    /// Where the registry that is started keeps its rows.
    #[arg(long, value_enum, default_value_t, conflicts_with = "registry")]
    pub(crate) backend: Backend,
    /// How many nodes run on the same rows and the same directory of blobs; connections go to them in turn.
    #[arg(long, value_name = "N", default_value_t = 1, conflicts_with = "registry")]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=8))]
    pub(crate) nodes: u16,
}

impl Default for Deployment {
    fn default() -> Self {
        Self { backend: Backend::default(), nodes: 1 }
    }
}

impl Deployment {
    /// Two nodes on Postgres, behind one address.
    pub(crate) const TWO_NODES: Self = Self { backend: Backend::Postgres, nodes: 2 };

    /// Starts the database server that the registry needs, if any.
    pub(super) fn rows(self, program: Program) -> Result<Option<Rows>> {
        match self.backend {
            Backend::Sqlite => {
                ensure!(self.nodes == 1, "two nodes cannot share a SQLite file: `--nodes` needs `--backend postgres`");
                Ok(None)
            }
            Backend::Postgres => {
                ensure!(program == Program::Manifestd, "`--backend postgres` is for the registry of this workspace");
                let cluster = Cluster::start().context("no Postgres to keep rows in")?;
                let database = cluster.empty().context("no database to keep rows in")?;
                Ok(Some(Rows { database, _cluster: cluster }))
            }
        }
    }
}

/// A database without tables: the registry makes them when it starts.
#[derive(Debug)]
pub(super) struct Rows {
    database: Database,
    /// Ends after the database is dropped, and would end it too.
    _cluster: Cluster,
}

impl Rows {
    /// What `--database-url` is given.
    pub(super) fn url(&self) -> &str {
        self.database.url()
    }
}
