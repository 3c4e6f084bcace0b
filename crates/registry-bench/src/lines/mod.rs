//! The lines of the table: what is asked of each server.

mod blobs;
mod listings;
mod manifests;
mod process;
mod pushes;
mod sample;
mod together;

use std::time::Duration;

use anyhow::Result;

pub(crate) use sample::{Sample, Unit};

use crate::servers::{Kind, Server};

/// How much is asked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// Whether the whole must end within minutes: large things are smaller then.
    pub(crate) quick: bool,
    /// How long a round takes where that is up to us.
    pub(crate) round: Duration,
    /// How many connections ask.
    pub(crate) connections: u32,
    /// How long a server may be filled before a line.
    pub(crate) filling: Duration,
}

/// A line of the table.
pub(crate) struct Line {
    /// Its name.
    pub(crate) name: &'static str,
    /// What is asked.
    pub(crate) about: &'static str,
    /// What its rate counts.
    pub(crate) unit: Unit,
    /// Which servers can answer.
    pub(crate) asks: fn(&Kind) -> bool,
    /// Fills the server with what the line needs.
    pub(crate) prepare: fn(&mut Server, Plan) -> Result<Prepared>,
}

/// One round on a server.
pub(crate) type Round = Box<dyn FnMut(&mut Server) -> Result<Sample>>;

/// A server that is ready for a line.
pub(crate) struct Prepared {
    /// What differs from the line's description, such as how much was stored.
    pub(crate) note: Option<String>,
    /// Asks.
    pub(crate) round: Round,
}

impl Prepared {
    fn new(round: impl FnMut(&mut Server) -> Result<Sample> + 'static) -> Self {
        Self { note: None, round: Box::new(round) }
    }

    /// Says how much there is where it could not be made as much as wanted in the time that filling may take.
    fn noting_size(self, stored: u64, wanted: u64, of: &str) -> Self {
        let note = (stored < wanted).then(|| format!("{stored} {of}"));
        Self { note, ..self }
    }
}

/// All lines, in the order of the table.
pub(crate) fn all() -> Vec<Line> {
    [manifests::lines(), listings::lines(), pushes::lines(), blobs::lines(), together::lines(), process::lines()]
        .into_iter()
        .flatten()
        .collect()
}

/// Every server, and the limit.
fn everyone(_: &Kind) -> bool {
    true
}

/// Every server that takes pushes.
fn registries(kind: &Kind) -> bool {
    *kind != Kind::Nginx
}
