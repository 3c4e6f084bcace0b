//! What must be reached, and whether it was.

use std::time::Duration;

use crate::{
    lines::Unit,
    servers::Kind,
    table::{self, Cell},
};

/// A target of one of our servers on a line.
struct Target {
    line: &'static str,
    server: Kind,
    rule: Rule,
}

/// What a figure must be.
enum Rule {
    /// At least so many times another's of the same run.
    Times(f64, Of),
    /// Processor time for each request of at most so many times that of a server.
    Cpu(f64, &'static str),
    /// A figure of at most so much, in the unit given.
    AtMost(Unit, f64),
    /// A peak of memory of at most so many bytes.
    Peak(u64),
    /// A peak of memory in the last round of at most so many times that in the first.
    Flat(f64),
    /// At most so long for 99 of 100.
    P99(Duration),
}

/// With whom a figure is compared.
enum Of {
    /// The fastest other registry.
    FastestPeer,
    /// A server or a limit on the same line.
    Server(&'static str),
    /// The slowest of some on the same line.
    Slowest(&'static [&'static str]),
    /// The same server on another line.
    Line(&'static str),
}

const MEBI: f64 = 1_048_576.0;
/// That something costs at most 1.3 times as much, as a rate.
const AS_CHEAP: f64 = 1.0 / 1.3;

fn targets() -> Vec<Target> {
    use Of::{FastestPeer, Line, Server, Slowest};
    let on = |server: &Kind, line, rule| Target { line, server: server.clone(), rule };
    let sqlite = |line, factor, of| on(&Kind::Sqlite, line, Rule::Times(factor, of));
    let postgres = |line, factor, of| on(&Kind::Postgres, line, Rule::Times(factor, of));
    let mut all = vec![
        sqlite("get-tag", 2.0, FastestPeer),
        sqlite("get-tag", 0.6, Server("nginx")),
        on(&Kind::Sqlite, "get-tag", Rule::Cpu(2.0, "nginx")),
        postgres("get-tag", 8.0, Server("docker-registry")),
        sqlite("get-tag-100k", 0.7, Line("get-tag")),
        on(&Kind::Sqlite, "get-tag-100k", Rule::Flat(1.1)),
        on(&Kind::Postgres, "get-tag-100k", Rule::Flat(1.1)),
        sqlite("put-new", 8.0, FastestPeer),
        postgres("put-new", 0.5, Server("pgbench -N")),
        sqlite("push-image", 1.0, FastestPeer),
        sqlite("push-image", 4.0, Server("docker-registry")),
        sqlite("push-image", 4.0, Server("distribution")),
        sqlite("blob-push-1g", 0.9, Slowest(&["openssl sha256", "dd conv=fsync"])),
        sqlite("blob-pull-1g", 1.0, Server("nginx")),
        sqlite("blobs-push-16k", 1.0, FastestPeer),
        sqlite("blobs-pull-16k", 0.5, Server("nginx")),
        sqlite("mount", 1.0, FastestPeer),
    ];
    for server in [Kind::Sqlite, Kind::Postgres] {
        let times = |line, factor, of| on(&server, line, Rule::Times(factor, of));
        all.extend([
            times("tags-1m", 10.0, FastestPeer),
            times("tags-1m", AS_CHEAP, Line("tags-1k")),
            times("referrers-100k", 5.0, FastestPeer),
            times("referrers-100k", AS_CHEAP, Line("referrers-100")),
            times("catalog-100k", 5.0, FastestPeer),
            times("catalog-100k", AS_CHEAP, Line("catalog-100")),
            on(&server, "idle", Rule::AtMost(Unit::Memory, 12.0 * MEBI)),
            on(&server, "start", Rule::AtMost(Unit::Time, 0.015)),
            on(&server, "bulk", Rule::Peak(128 << 20)),
            on(&server, "bulk", Rule::P99(Duration::from_millis(50))),
        ]);
    }
    all
}

/// For each target of the cell, what it asks and whether it was met.
pub(crate) fn verdicts(cell: &Cell, cells: &[Cell]) -> Vec<String> {
    let targets = targets().into_iter();
    let mine = targets.filter(|target| target.line == cell.line && target.server == cell.server);
    mine.map(|target| verdict(&target.rule, cell, cells)).collect()
}

fn verdict(rule: &Rule, cell: &Cell, cells: &[Cell]) -> String {
    let sample = cell.median();
    let (asked, found, met) = match rule {
        Rule::Times(factor, of) => {
            let other = compared(of, cell, cells);
            let found = other.and_then(|other| Some(sample?.figure / other.median()?.figure));
            let name = other.map_or_else(|| of.name(), |other| of.shown(other));
            (format!("≥ {factor:.2} × {name}"), shown(found), found.map(|found| found >= *factor))
        }
        Rule::Cpu(factor, server) => {
            let other = compared(&Of::Server(server), cell, cells).and_then(Cell::median);
            let found = other.and_then(|other| Some(sample?.cpu?.as_secs_f64() / other.cpu?.as_secs_f64()));
            (format!("CPU ≤ {factor:.2} × {server}"), shown(found), found.map(|found| found <= *factor))
        }
        Rule::AtMost(unit, limit) => {
            let found = sample.map(|sample| sample.figure);
            let asked = format!("≤ {}", table::figure(*unit, *limit));
            let text = found.map_or_else(String::new, |found| table::figure(*unit, found));
            (asked, text, found.map(|found| found <= *limit))
        }
        Rule::Peak(limit) => {
            let found = sample.map(|sample| sample.peak);
            let text = found.map_or_else(String::new, table::bytes);
            (format!("peak ≤ {}", table::bytes(*limit)), text, found.map(|found| found <= *limit))
        }
        Rule::Flat(factor) => {
            let found = cell.growth();
            (format!("last peak ≤ {factor:.2} × first"), shown(found), found.map(|found| found <= *factor))
        }
        Rule::P99(limit) => {
            let found = sample.map(|sample| sample.p99);
            let text = found.map_or_else(String::new, table::time);
            (format!("p99 ≤ {}", table::time(*limit)), text, found.map(|found| found <= *limit))
        }
    };
    match met {
        None => format!("{asked}: not judged"),
        Some(true) => format!("{asked}: {found}, met"),
        Some(false) => format!("{asked}: {found}, MISSED"),
    }
}

fn shown(found: Option<f64>) -> String {
    found.map_or_else(String::new, |found| format!("{found:.2}"))
}

impl Of {
    fn name(&self) -> String {
        match self {
            Self::FastestPeer => "fastest peer".to_owned(),
            Self::Server(name) | Self::Line(name) => (*name).to_owned(),
            Self::Slowest(names) => names.join(" and "),
        }
    }

    fn shown(&self, found: &Cell) -> String {
        match self {
            Self::FastestPeer | Self::Server(_) | Self::Slowest(_) => found.server.name().to_owned(),
            Self::Line(name) => (*name).to_owned(),
        }
    }
}

fn compared<'a>(of: &Of, cell: &Cell, cells: &'a [Cell]) -> Option<&'a Cell> {
    let figure = |cell: &&Cell| cell.median().map_or(0.0, |sample| sample.figure);
    let by_figure = |one: &&Cell, other: &&Cell| figure(one).total_cmp(&figure(other));
    let mut here = cells.iter().filter(|other| other.line == cell.line && other.median().is_some());
    match of {
        Of::FastestPeer => here.filter(|other| other.server.is_peer()).max_by(by_figure),
        Of::Server(name) => here.find(|other| other.server.name() == *name),
        Of::Slowest(names) => {
            let of_these: Vec<&Cell> = here.filter(|other| names.contains(&other.server.name())).collect();
            // The slowest of them is known only where all are.
            if of_these.len() < names.len() { None } else { of_these.into_iter().min_by(by_figure) }
        }
        Of::Line(name) => cells.iter().find(|other| other.line == *name && other.server == cell.server),
    }
}

#[cfg(test)]
mod tests {
    use super::{targets, verdicts};
    use crate::{
        lines::{self, Sample},
        servers::Kind,
        table::{Cell, Outcome},
    };
    use std::time::Duration;

    fn cell(line: &'static str, server: Kind, figure: f64, cpu: u64, peaks: &[u64]) -> Cell {
        let sample = |peak: &u64| Sample {
            figure,
            p50: Duration::ZERO,
            p99: Duration::from_millis(60),
            peak: peak << 20,
            cpu: Some(Duration::from_millis(cpu)),
            own_cpu: None,
        };
        let samples = peaks.iter().map(sample).collect();
        Cell { line, server, outcome: Outcome::Asked { samples, note: None } }
    }

    #[test]
    fn targets_are_of_lines_that_exist() {
        let lines = lines::all();
        assert!(targets().iter().all(|target| lines.iter().any(|line| line.name == target.line)));
    }

    #[test]
    fn figures_are_compared_with_the_right_ones() {
        let cells = [
            cell("get-tag", Kind::Sqlite, 900.0, 30, &[5]),
            cell("get-tag", Kind::DockerRegistry, 100.0, 9, &[5]),
            cell("get-tag", Kind::Distribution, 300.0, 9, &[5]),
            cell("get-tag", Kind::Nginx, 2000.0, 10, &[5]),
            cell("get-tag-100k", Kind::Sqlite, 630.0, 10, &[10, 12]),
        ];
        assert_eq!(
            verdicts(&cells[0], &cells),
            ["≥ 2.00 × distribution: 3.00, met", "≥ 0.60 × nginx: 0.45, MISSED", "CPU ≤ 2.00 × nginx: 3.00, MISSED"]
        );
        assert_eq!(
            verdicts(&cells[4], &cells),
            ["≥ 0.70 × get-tag: 0.70, met", "last peak ≤ 1.10 × first: 1.20, MISSED"]
        );
        assert!(verdicts(&cells[3], &cells).is_empty());
        assert_eq!(verdicts(&cells[0], &cells[..1])[0], "≥ 2.00 × fastest peer: not judged");
    }

    #[test]
    fn times_and_memory_have_limits() {
        let bulk = cell("bulk", Kind::Sqlite, 900.0, 30, &[129]);
        assert_eq!(verdicts(&bulk, &[]), ["peak ≤ 128.0 MiB: 129.0 MiB, MISSED", "p99 ≤ 50.00 ms: 60.00 ms, MISSED"]);
        let start = cell("start", Kind::Sqlite, 0.012, 0, &[5]);
        assert_eq!(verdicts(&start, &[]), ["≤ 15.00 ms: 12.00 ms, met"]);
    }

    #[test]
    fn the_slowest_is_known_where_all_are() {
        let limit = |limit, figure| cell("blob-push-1g", Kind::Limit(limit), figure, 0, &[0]);
        let ours = cell("blob-push-1g", Kind::Sqlite, 400.0, 0, &[5]);
        let (hash, disk) = (limit(crate::limits::Limit::Sha256, 1700.0), limit(crate::limits::Limit::Disk, 500.0));
        assert_eq!(verdicts(&ours, &[hash]), ["≥ 0.90 × openssl sha256 and dd conv=fsync: not judged"]);
        let hash = limit(crate::limits::Limit::Sha256, 1700.0);
        assert_eq!(verdicts(&ours, &[hash, disk]), ["≥ 0.90 × dd conv=fsync: 0.80, MISSED"]);
    }
}
