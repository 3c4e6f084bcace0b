//! A whole run: servers are started, each line is asked of each in turn, and one table is printed.

use std::{fs, sync::Arc};

use anyhow::{Context, Result, ensure};

use crate::{
    arguments::Arguments,
    limits::{Limit, Limits},
    lines::{Line, Prepared, Sample},
    servers::{Kind, Server, Watch},
    table::{self, Cell, Outcome},
};

/// Runs what the arguments say.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    ensure!(!arguments.micro, "`cargo bench -p manifest-core` runs the micro-benchmarks");
    let (lines, kinds) = (arguments.lines()?, arguments.kinds()?);
    if arguments.list {
        list(&lines, &kinds);
        return Ok(());
    }
    if arguments.needs {
        needs(&kinds);
        return Ok(());
    }
    let programs = arguments.programs()?;
    let watch = Arc::new(Watch::over(&arguments.data())?);
    let mut limits = Limits::new(&kinds, &programs, arguments.plan()?, &watch);
    let mut servers = Vec::new();
    let mut absent = arguments.absent()?;
    for kind in kinds {
        let program = kind.program();
        if program.is_some_and(|name| !programs.contains_key(name)) {
            if !absent.iter().any(|(name, _)| Some(name.as_str()) == program) {
                absent.push((kind.name().to_owned(), "there is no program for it".to_owned()));
            }
            continue;
        }
        let name = kind.name().to_owned();
        let server = Server::start(kind, &programs, &watch).with_context(|| format!("{name} does not start"))?;
        println!("{name:16} {}: {}", server.kind.about(), server.told);
        servers.push(server);
    }
    for (name, why) in &absent {
        println!("{name:16} absent: {why}");
    }
    ensure!(!servers.is_empty(), "there is no server to ask");
    let mut cells = Vec::new();
    for line in &lines {
        let asked = cells.len();
        cells.extend(ask(line, &mut servers, &mut limits, arguments)?);
        // Whoever ends a long run has what there is.
        write(&lines, &cells, &absent, arguments)?;
        cells[asked..].iter().filter_map(Cell::failure).for_each(|failure| println!("  FAILED {failure}"));
    }
    let rows = table::rows(&lines, &cells);
    println!("\n{}{}", table::text(&rows), table::absences(&absent));
    let failed: Vec<String> = cells.iter().filter_map(Cell::failure).collect();
    for failure in &failed {
        println!("FAILED {failure}");
    }
    ensure!(failed.is_empty(), "{} of {} loads failed", failed.len(), cells.len());
    Ok(())
}

/// Writes the table as Markdown where that is wanted.
fn write(lines: &[Line], cells: &[Cell], absent: &[(String, String)], arguments: &Arguments) -> Result<()> {
    let Some(path) = &arguments.markdown else { return Ok(()) };
    let text = format!("{}\n{}", table::markdown(&table::rows(lines, cells)), table::absences(absent));
    fs::write(path, text).with_context(|| format!("{} cannot be written", path.display()))
}

/// Asks one line of each server: all are filled, then each has a round in turn, again and again.
fn ask(line: &Line, servers: &mut [Server], limits: &mut Limits, arguments: &Arguments) -> Result<Vec<Cell>> {
    println!("\n{}: {}", line.name, line.about);
    let plan = arguments.plan()?;
    let mut turns: Vec<Turn<'_>> = Vec::new();
    for server in servers.iter_mut().filter(|server| (line.asks)(&server.kind)) {
        let prepared = (line.prepare)(server, plan).context("filling");
        turns.push(Turn { server, prepared, samples: Vec::new() });
    }
    let none = || Outcome::Asked { samples: Vec::new(), note: None };
    let mut of_machine: Vec<(Limit, Outcome)> = limits.of(line.name).into_iter().map(|limit| (limit, none())).collect();
    for number in 1..=arguments.rounds() {
        for turn in &mut turns {
            turn.round(line, number);
        }
        for (limit, outcome) in &mut of_machine {
            limit_round(limits, line, *limit, outcome, number);
        }
    }
    let cells = turns.into_iter().map(|turn| turn.cell(line));
    let of_machine =
        of_machine.into_iter().map(|(limit, outcome)| Cell { line: line.name, server: Kind::Limit(limit), outcome });
    Ok(cells.chain(of_machine).collect())
}

fn limit_round(limits: &mut Limits, line: &Line, limit: Limit, outcome: &mut Outcome, number: u32) {
    let Outcome::Asked { samples, .. } = outcome else { return };
    match limits.round(limit) {
        Ok(sample) => {
            println!("  {:16} {number}: {}", limit.name(), table::sample(line.unit, &sample));
            samples.push(sample);
        }
        Err(error) => *outcome = Outcome::Failed(format!("{error:#}")),
    }
}

/// A server on a line.
struct Turn<'a> {
    server: &'a mut Server,
    prepared: Result<Prepared>,
    samples: Vec<Sample>,
}

impl Turn<'_> {
    fn round(&mut self, line: &Line, number: u32) {
        let Ok(prepared) = &mut self.prepared else { return };
        match (prepared.round)(self.server) {
            Ok(sample) => {
                println!("  {:16} {number}: {}", self.server.name(), table::sample(line.unit, &sample));
                self.samples.push(sample);
            }
            // What was wrong may be wrong because the server has ended.
            Err(error) => self.prepared = Err(self.server.check().err().unwrap_or(error)),
        }
    }

    fn cell(self, line: &Line) -> Cell {
        let outcome = match self.prepared {
            Err(error) => Outcome::Failed(format!("{error:#}")),
            Ok(prepared) => Outcome::Asked { samples: self.samples, note: prepared.note },
        };
        Cell { line: line.name, server: self.server.kind.clone(), outcome }
    }
}

fn list(lines: &[Line], kinds: &[Kind]) {
    println!("lines:");
    for line in lines {
        println!("  {:16} {}", line.name, line.about);
    }
    println!("servers:");
    for kind in kinds {
        println!("  {:16} {}", kind.name(), kind.about());
    }
}

fn needs(kinds: &[Kind]) {
    let mut names: Vec<&str> = kinds.iter().filter_map(Kind::program).collect();
    names.sort_unstable();
    names.dedup();
    for name in names {
        println!("{name}");
    }
    if kinds.contains(&Kind::Postgres) {
        println!("postgres\npgbench");
    }
    println!("openssl");
}
