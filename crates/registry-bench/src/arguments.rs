//! The command line.

use std::{path::PathBuf, time::Duration};

use anyhow::{Context, Result, bail};

use crate::{
    lines::{self, Line, Plan},
    servers::{Kind, Programs},
};

/// The registry beside others: the same load on each in turn, one table at the end.
///
/// Every answer's status, digest and bytes are checked; a wrong one fails the run. Servers listen on free ports of loopback, and
/// their processes and data are gone in the end, however it ends.
#[derive(Debug, clap::Parser)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
#[command(name = "registry-bench", bin_name = "cargo xtask bench")]
pub(crate) struct Arguments {
    /// Small and short: the whole ends within three minutes.
    #[arg(long)]
    pub(crate) quick: bool,
    /// Only these lines of the table.
    #[arg(long, value_name = "LINE", value_delimiter = ',')]
    pub(crate) only: Vec<String>,
    /// Only these servers.
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub(crate) server: Vec<String>,
    /// How long a round takes [default: 2, or 0.15 with --quick].
    #[arg(long, value_name = "N")]
    pub(crate) seconds: Option<f64>,
    /// How many rounds each server has on each line; medians count [default: 5, or 3 with --quick].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) rounds: Option<u32>,
    /// How many connections ask.
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=256))]
    pub(crate) connections: u32,
    /// How many seconds a server may be filled before a line [default: 120, or 1 with --quick].
    #[arg(long, value_name = "N")]
    pub(crate) filling: Option<u64>,
    /// Print the lines and the servers.
    #[arg(long)]
    pub(crate) list: bool,
    /// The micro-benchmarks of the core instead: reading manifests, planning pushes, v1 ids.
    #[arg(long)]
    pub(crate) micro: bool,
    /// Another registry: the command that starts it, with `{port}` and `{data}` in it; may be given several times.
    #[arg(long, value_name = "NAME=COMMAND")]
    pub(crate) peer: Vec<Kind>,
    /// Also write the table to this file, as Markdown.
    #[arg(long, value_name = "FILE")]
    pub(crate) markdown: Option<PathBuf>,
    /// Where data goes, up to 10 GiB [default: target/bench].
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Where a program is: NAME=PATH.
    #[arg(long, hide = true)]
    program: Vec<String>,
    /// Why a program is not there: NAME=WHY.
    #[arg(long, hide = true)]
    absent: Vec<String>,
    /// Where cargo builds.
    #[arg(long, hide = true, default_value = "target")]
    target: PathBuf,
    /// Print the names of the programs that these arguments need.
    #[arg(long, hide = true)]
    pub(crate) needs: bool,
}

impl Arguments {
    /// How much is asked.
    pub(crate) fn plan(&self) -> Result<Plan> {
        let round = Duration::try_from_secs_f64(self.seconds.unwrap_or(if self.quick { 0.15 } else { 2.0 }));
        Ok(Plan {
            quick: self.quick,
            round: round.context("--seconds is no time")?,
            connections: self.connections,
            filling: Duration::from_secs(self.filling.unwrap_or(if self.quick { 1 } else { 120 })),
        })
    }

    /// Where data goes.
    pub(crate) fn data(&self) -> PathBuf {
        self.data.clone().unwrap_or_else(|| self.target.join("bench"))
    }

    /// Rounds of each server on each line.
    pub(crate) fn rounds(&self) -> u32 {
        self.rounds.unwrap_or(if self.quick { 3 } else { 5 })
    }

    /// The servers that are compared, whether they are there or not.
    pub(crate) fn kinds(&self) -> Result<Vec<Kind>> {
        let mut all = Kind::BUILT_IN.to_vec();
        all.extend(self.peer.iter().cloned());
        chosen(all, &self.server, Kind::name, "server")
    }

    /// The lines that are asked.
    pub(crate) fn lines(&self) -> Result<Vec<Line>> {
        chosen(lines::all(), &self.only, |line| line.name, "line")
    }

    /// Where programs are.
    pub(crate) fn programs(&self) -> Result<Programs> {
        self.program.iter().map(|pair| pair_of(pair).map(|(name, path)| (name, PathBuf::from(path)))).collect()
    }

    /// Which programs are not there, and why.
    pub(crate) fn absent(&self) -> Result<Vec<(String, String)>> {
        let mut absent: Vec<_> = self.absent.iter().map(|pair| pair_of(pair)).collect::<Result<_>>()?;
        // Whoever has one can say so, with --peer.
        if self.server.is_empty() && !self.peer.iter().any(|peer| peer.name() == "zot") {
            absent.push(("zot".to_owned(), "no Go module proxy that was tried serves its module".to_owned()));
        }
        Ok(absent)
    }
}

fn pair_of(pair: &str) -> Result<(String, String)> {
    let (name, value) = pair.split_once('=').with_context(|| format!("`{pair}` is not NAME=VALUE"))?;
    Ok((name.to_owned(), value.to_owned()))
}

/// Those of the names given, or all if none is; a name that is none fails with those that are.
fn chosen<T>(all: Vec<T>, names: &[String], name: impl Fn(&T) -> &str, what: &str) -> Result<Vec<T>> {
    if let Some(unknown) = names.iter().find(|wanted| !all.iter().any(|one| name(one) == wanted.as_str())) {
        let known: Vec<&str> = all.iter().map(&name).collect();
        bail!("there is no {what} `{unknown}`; there are {}", known.join(", "));
    }
    Ok(all.into_iter().filter(|one| names.is_empty() || names.iter().any(|wanted| wanted == name(one))).collect())
}

#[cfg(test)]
mod tests {
    use super::Arguments;
    use crate::servers::Kind;
    use clap::Parser;

    fn parse(words: &str) -> Arguments {
        Arguments::try_parse_from(std::iter::once("bench").chain(words.split_whitespace())).unwrap()
    }

    #[test]
    fn lines_and_servers_are_chosen_by_name() {
        let arguments = parse("--only put-new,get-tag --server sqlite,nginx");
        let lines: Vec<_> = arguments.lines().unwrap().iter().map(|line| line.name).collect();
        assert_eq!(lines, ["get-tag", "put-new"]);
        let kinds = arguments.kinds().unwrap();
        assert_eq!(kinds.iter().map(Kind::name).collect::<Vec<_>>(), ["sqlite", "nginx"]);
        let error = parse("--only put-news").lines().err().unwrap().to_string();
        assert!(error.starts_with("there is no line `put-news`; there are get-tag, "), "{error}");
        assert!(parse("--server ngnix").kinds().is_err());
    }

    #[test]
    fn programs_are_told() {
        let arguments = parse("--program nginx=/a=b --absent olareg=gone");
        assert_eq!(arguments.programs().unwrap()["nginx"].to_str(), Some("/a=b"));
        assert_eq!(arguments.absent().unwrap()[0], ("olareg".to_owned(), "gone".to_owned()));
        assert!(parse("--server nginx").absent().unwrap().is_empty());
        assert!(parse("--program nginx").programs().is_err());
    }

    #[test]
    fn times_are_shorter_when_quick() {
        assert!(parse("--quick").plan().unwrap().round < parse("").plan().unwrap().round);
        assert!(parse("--seconds=-1").plan().is_err());
    }
}
