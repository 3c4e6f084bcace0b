//! What the process itself costs: memory at rest, and the time until it answers.

use std::{thread, time::Duration};

use anyhow::Result;

use super::{Line, Plan, Prepared, Sample, Unit, everyone, registries};
use crate::{
    content::blob,
    servers::{Kind, Rows, Server, push_blob},
};

/// How long a server rests before it is looked at.
const REST: Duration = Duration::from_secs(1);

pub(super) fn lines() -> Vec<Line> {
    vec![
        Line {
            name: "idle",
            about: "resident memory a second after a start on what the lines before it stored",
            unit: Unit::Memory,
            asks: registries,
            prepare: |_, _| Ok(Prepared::new(idle)),
        },
        Line {
            name: "start",
            about: "from exec to the first 200, on a store of 1,000,000 manifests where rows can be made (50,000 with --quick)",
            unit: Unit::Time,
            asks: everyone,
            prepare: start,
        },
    ]
}

fn idle(server: &mut Server) -> Result<Sample> {
    server.restart()?;
    thread::sleep(REST);
    let tree = server.tree()?;
    #[expect(clippy::cast_precision_loss, reason = "figures have three digits")]
    let figure = tree.resident()? as f64;
    Ok(Sample::alone(figure, tree.peak()?))
}

fn start(server: &mut Server, plan: Plan) -> Result<Prepared> {
    if matches!(server.kind, Kind::Sqlite | Kind::Postgres) {
        let repository = "bench/million";
        push_blob(&mut server.client()?, repository, &blob("warm", 0, 100))?;
        server.make_rows(&Rows::Manifests { repository }, if plan.quick { 50_000 } else { 1_000_000 })?;
    }
    Ok(Prepared::new(|server| {
        server.restart()?;
        Ok(Sample::alone(server.started_in.as_secs_f64(), server.tree()?.peak()?))
    }))
}
