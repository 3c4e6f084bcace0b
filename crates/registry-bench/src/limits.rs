//! What the machine can do at most: the same commits by Postgres alone, hashing, and writing to the disk.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use postgres_fixture::{Cluster, Database};

use crate::{
    lines::{Plan, Sample},
    processes::Tree,
    servers::{Kind, Programs, Watch, postmaster},
};

/// One of the limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limit {
    /// `pgbench -N`: five statements and a commit.
    PgBenchSimple,
    /// As many statements and commits as a push of a manifest: one that reads, and one that writes and commits.
    PgBenchPut,
    /// As many as a GET of a manifest: one that reads.
    PgBenchGet,
    /// `openssl speed` of SHA-256.
    Sha256,
    /// `dd` with fsync.
    Disk,
}

impl Limit {
    /// Those of a line.
    fn of(line: &str) -> &'static [Self] {
        match line {
            "get-tag" => &[Self::PgBenchGet],
            "put-new" => &[Self::PgBenchSimple, Self::PgBenchPut],
            "blob-push-1g" => &[Self::Sha256, Self::Disk],
            _ => &[],
        }
    }

    /// Its name in the table.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::PgBenchSimple => "pgbench -N",
            Self::PgBenchPut => "pgbench, 2 statements",
            Self::PgBenchGet => "pgbench, 1 statement",
            Self::Sha256 => "openssl sha256",
            Self::Disk => "dd conv=fsync",
        }
    }

    fn program(self) -> &'static str {
        match self {
            Self::PgBenchSimple | Self::PgBenchPut | Self::PgBenchGet => "pgbench",
            Self::Sha256 => "openssl",
            Self::Disk => "dd",
        }
    }
}

/// A read, and a write that commits, each a statement of its own.
const PUT: &str = "\\set aid random(1, 100000 * :scale)\nSELECT abalance FROM pgbench_accounts WHERE aid = :aid;\n\
                   UPDATE pgbench_accounts SET abalance = abalance + 1 WHERE aid = :aid;\n";
/// A read.
const GET: &str = "\\set aid random(1, 100000 * :scale)\nSELECT abalance FROM pgbench_accounts WHERE aid = :aid;\n";

/// Everything that the limits need.
pub(crate) struct Limits {
    programs: Programs,
    watch: Arc<Watch>,
    plan: Plan,
    with_postgres: bool,
    server: Option<Server>,
}

/// A Postgres of their own, configured as the registry's is.
struct Server {
    database: Database,
    postmaster: u32,
    /// Ends after the database is dropped, and would end it too.
    _cluster: Cluster,
}

impl Limits {
    /// The limits of a run that compares those servers.
    pub(crate) fn new(kinds: &[Kind], programs: &Programs, plan: Plan, watch: &Arc<Watch>) -> Self {
        let mut programs = programs.clone();
        programs.insert("dd".to_owned(), PathBuf::from("dd"));
        Self { programs, watch: Arc::clone(watch), plan, with_postgres: kinds.contains(&Kind::Postgres), server: None }
    }

    /// Which limits a line has here.
    pub(crate) fn of(&self, line: &str) -> Vec<Limit> {
        let has = |limit: &Limit| {
            self.programs.contains_key(limit.program()) && (limit.program() != "pgbench" || self.with_postgres)
        };
        Limit::of(line).iter().copied().filter(has).collect()
    }

    /// One round.
    pub(crate) fn round(&mut self, limit: Limit) -> Result<Sample> {
        match limit {
            Limit::PgBenchSimple => self.pgbench(&["-N".to_owned()]),
            Limit::PgBenchPut => self.script("put.sql", PUT),
            Limit::PgBenchGet => self.script("get.sql", GET),
            Limit::Sha256 => self.sha256(),
            Limit::Disk => self.disk(),
        }
    }

    fn script(&mut self, name: &str, text: &str) -> Result<Sample> {
        let path = self.watch.folder().join(name);
        fs::write(&path, text).with_context(|| format!("{} cannot be written", path.display()))?;
        self.pgbench(&["-f".to_owned(), path.display().to_string()])
    }

    fn pgbench(&mut self, what: &[String]) -> Result<Sample> {
        let program = self.program("pgbench")?;
        if self.server.is_none() {
            self.server = Some(Server::start(&program)?);
        }
        let server = self.server.as_ref().context("the server has just been started")?;
        let seconds = self.plan.round.as_secs().max(1);
        let mut command = Command::new(program);
        command.args(what).args(["-n", "-M", "prepared", "-j", "1", "-c", &self.plan.connections.to_string()]);
        command.args(["-T", &seconds.to_string(), server.database.url()]);
        let before = Tree(server.postmaster).cpu()?;
        let printed = succeed(&mut command)?;
        let cpu = Tree(server.postmaster).cpu()?.saturating_sub(before);
        let rate = number(&printed, "tps = ").with_context(|| format!("pgbench told no rate: {printed}"))?;
        let mut sample = Sample::alone(rate, 0);
        sample.cpu = Some(cpu.div_f64((rate * Duration::from_secs(seconds).as_secs_f64() / 1000.0).max(1e-9)));
        Ok(sample)
    }

    fn sha256(&self) -> Result<Sample> {
        let mut command = Command::new(self.program("openssl")?);
        command.args(["speed", "-seconds", "1", "-bytes", "1048576", "-evp", "sha256"]);
        let printed = succeed(&mut command)?;
        let last = printed.split_whitespace().last().and_then(|word| word.strip_suffix('k'));
        let thousands: f64 = last.and_then(|word| word.parse().ok()).context("openssl told no rate")?;
        Ok(Sample::alone(thousands * 1000.0, 0))
    }

    #[expect(clippy::cast_precision_loss, reason = "figures have three digits")]
    fn disk(&self) -> Result<Sample> {
        let mebibytes: u64 = if self.plan.quick { 128 } else { 1024 };
        let path = self.watch.folder().join("dd");
        let mut command = Command::new(self.program("dd")?);
        command.arg("if=/dev/zero").arg(format!("of={}", path.display())).args(["bs=1M", "conv=fsync"]);
        command.arg(format!("count={mebibytes}"));
        let start = Instant::now();
        succeed(&mut command)?;
        let elapsed = start.elapsed();
        fs::remove_file(&path)?;
        Ok(Sample::alone((mebibytes << 20) as f64 / elapsed.as_secs_f64(), 0))
    }

    fn program(&self, name: &str) -> Result<PathBuf> {
        self.programs.get(name).cloned().with_context(|| format!("there is no {name}"))
    }
}

impl Server {
    fn start(pgbench: &Path) -> Result<Self> {
        let cluster = Cluster::durable().context("no Postgres for pgbench")?;
        let database = cluster.empty().context("no database for pgbench")?;
        let mut command = Command::new(pgbench);
        // A row of the smallest table for each connection, or they would wait for each other.
        succeed(command.args(["-i", "-q", "-s", "10", database.url()]))?;
        let settings = database.psql("SHOW fsync; SHOW synchronous_commit")?;
        println!("  pgbench: fsync, synchronous_commit: {}", settings.trim().replace('\n', ", "));
        Ok(Self { postmaster: postmaster(&database)?, database, _cluster: cluster })
    }
}

/// The number behind a text.
fn number(printed: &str, before: &str) -> Option<f64> {
    let (_, rest) = printed.split_once(before)?;
    rest.split_whitespace().next()?.parse().ok()
}

fn succeed(command: &mut Command) -> Result<String> {
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("{command:?} did not start"))?;
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    ensure!(output.status.success(), "{command:?} ended with {}: {err}", output.status);
    Ok(out.into_owned())
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn a_rate_is_found() {
        let printed = "latency average = 2.1 ms\ntps = 3891.5 (without initial connection time)\n";
        assert_eq!(number(printed, "tps = ").map(f64::round), Some(3892.0));
        assert_eq!(number("no rate", "tps = "), None);
    }
}
