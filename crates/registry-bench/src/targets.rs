//! What must be reached, and whether it was.

use crate::{servers::Kind, table::Cell};

/// A target of one of our servers on a line.
struct Target {
    line: &'static str,
    server: Kind,
    rule: Rule,
}

/// What a figure must be, compared with others of the same run.
enum Rule {
    /// At least so many times the figure of the fastest of some.
    Times(f64, Of),
    /// Processor time for each request of at most so many times that of a server.
    Cpu(f64, &'static str),
}

/// With whom a figure is compared.
enum Of {
    /// The fastest other registry.
    FastestPeer,
    /// A server or a limit on the same line.
    Server(&'static str),
    /// The slowest of some limits on the same line.
    #[expect(dead_code, reason = "the limits follow")]
    Slowest(&'static [&'static str]),
    /// The same server on another line.
    Line(&'static str),
}

fn targets() -> Vec<Target> {
    use Of::{FastestPeer, Line, Server};
    let on = |server: Kind, line, rule| Target { line, server, rule };
    let sqlite = |line, factor, of| on(Kind::Sqlite, line, Rule::Times(factor, of));
    let postgres = |line, factor, of| on(Kind::Postgres, line, Rule::Times(factor, of));
    vec![
        sqlite("get-tag", 2.0, FastestPeer),
        sqlite("get-tag", 0.6, Server("nginx")),
        on(Kind::Sqlite, "get-tag", Rule::Cpu(2.0, "nginx")),
        postgres("get-tag", 8.0, Server("docker-registry")),
        sqlite("get-tag-100k", 0.7, Line("get-tag")),
        sqlite("put-new", 8.0, FastestPeer),
        sqlite("push-image", 1.0, FastestPeer),
        sqlite("push-image", 4.0, Server("docker-registry")),
        sqlite("push-image", 4.0, Server("distribution")),
        sqlite("blob-pull-1g", 1.0, Server("nginx")),
        sqlite("blobs-push-16k", 1.0, FastestPeer),
        sqlite("blobs-pull-16k", 0.5, Server("nginx")),
        sqlite("mount", 1.0, FastestPeer),
    ]
}

/// For each target of the cell, what it asks and whether it was met.
pub(crate) fn verdicts(cell: &Cell, cells: &[Cell]) -> Vec<String> {
    let targets = targets().into_iter();
    let mine = targets.filter(|target| target.line == cell.line && target.server == cell.server);
    mine.map(|target| verdict(&target.rule, cell, cells)).collect()
}

fn verdict(rule: &Rule, cell: &Cell, cells: &[Cell]) -> String {
    let (sign, factor, name, found) = match rule {
        Rule::Times(factor, of) => {
            let other = compared(of, cell, cells);
            let name = other.map_or_else(|| of.name(), |other| of.shown(other));
            let found = other.and_then(|other| Some(cell.median()?.figure / other.median()?.figure));
            ("≥", *factor, name, found)
        }
        Rule::Cpu(factor, server) => {
            let other = compared(&Of::Server(server), cell, cells);
            let cpu = |cell: &Cell| Some(cell.median()?.cpu?.as_secs_f64());
            let found = other.and_then(|other| Some(cpu(cell)? / cpu(other)?));
            ("CPU ≤", *factor, (*server).to_owned(), found)
        }
    };
    let met = |found: f64| if sign == "≥" { found >= factor } else { found <= factor };
    match found.filter(|found| found.is_finite()) {
        None => format!("{sign} {factor} × {name}: not judged"),
        Some(found) => format!("{sign} {factor} × {name}: {found:.2} {}", if met(found) { "met" } else { "MISSED" }),
    }
}

impl Of {
    fn name(&self) -> String {
        match self {
            Self::FastestPeer => "fastest peer".to_owned(),
            Self::Server(name) | Self::Line(name) => (*name).to_owned(),
            Self::Slowest(names) => names.join(" or "),
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
    let here = cells.iter().filter(|other| other.line == cell.line && other.median().is_some());
    match of {
        Of::FastestPeer => here.filter(|other| other.server.is_peer()).max_by(by_figure),
        Of::Server(name) => here.into_iter().find(|other| other.server.name() == *name),
        Of::Slowest(names) => here.filter(|other| names.contains(&other.server.name())).min_by(by_figure),
        Of::Line(name) => cells.iter().find(|other| other.line == *name && other.server == cell.server),
    }
}
