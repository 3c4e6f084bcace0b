//! What is printed in the end.

use std::{fmt::Write as _, time::Duration};

use crate::{
    lines::{Line, Sample, Unit},
    servers::Kind,
    targets,
};

/// What came of a line on a server.
pub(crate) enum Outcome {
    /// It answered, and everything was right.
    Asked {
        /// One for each round.
        samples: Vec<Sample>,
        /// What differs from the line's description.
        note: Option<String>,
    },
    /// It did not, or something was wrong.
    Failed(String),
}

/// A line on a server.
pub(crate) struct Cell {
    /// The line's name.
    pub(crate) line: &'static str,
    /// The server.
    pub(crate) server: Kind,
    /// What came of it.
    pub(crate) outcome: Outcome,
}

impl Cell {
    /// The medians.
    pub(crate) fn median(&self) -> Option<Sample> {
        match &self.outcome {
            Outcome::Asked { samples, .. } => Sample::median(samples),
            Outcome::Failed(_) => None,
        }
    }

    /// How many times as large the server was in the last round as in the first.
    #[expect(clippy::cast_precision_loss, reason = "figures have three digits")]
    pub(crate) fn growth(&self) -> Option<f64> {
        let Outcome::Asked { samples, .. } = &self.outcome else { return None };
        let (first, last) = (samples.first()?, samples.last()?);
        Some(last.peak as f64 / first.peak as f64)
    }

    /// What went wrong.
    pub(crate) fn failure(&self) -> Option<String> {
        match &self.outcome {
            Outcome::Asked { .. } => None,
            Outcome::Failed(why) => Some(format!("{} on {}: {why}", self.line, self.server.name())),
        }
    }
}

const TITLES: [&str; 10] =
    ["line", "server", "figure", "p50", "p99", "peak RSS", "CPU s / 1,000", "sqlite ÷ it", "postgres ÷ it", "targets"];

/// The table's rows, the titles first.
pub(crate) fn rows(lines: &[Line], cells: &[Cell]) -> Vec<[String; 10]> {
    let mut rows = vec![TITLES.map(str::to_owned)];
    for cell in cells {
        let unit = lines.iter().find(|line| line.name == cell.line).map_or(Unit::Operations, |line| line.unit);
        rows.push(row(unit, cell, cells));
    }
    rows
}

fn row(unit: Unit, cell: &Cell, cells: &[Cell]) -> [String; 10] {
    let blank = String::new;
    let (line, server) = (cell.line.to_owned(), cell.server.name().to_owned());
    let (sample, note) = match (&cell.outcome, cell.median()) {
        (Outcome::Asked { note, .. }, Some(sample)) => (sample, note),
        (Outcome::Asked { .. } | Outcome::Failed(_), _) => {
            let failed = "FAILED".to_owned();
            return [line, server, failed, blank(), blank(), blank(), blank(), blank(), blank(), blank()];
        }
    };
    let ratio = |ours: &Kind| {
        let theirs = cells.iter().find(|other| other.line == cell.line && other.server == *ours);
        let theirs = theirs.filter(|other| other.server != cell.server).and_then(Cell::median);
        theirs.map_or_else(blank, |theirs| format!("{:.2}", theirs.figure / sample.figure))
    };
    let measured = matches!(unit, Unit::Operations | Unit::Bytes);
    let only = |latency: Duration| if measured && !latency.is_zero() { time(latency) } else { blank() };
    let figure = figure(unit, sample.figure);
    [
        line,
        server,
        note.as_ref().map_or(figure.clone(), |note| format!("{figure} ({note})")),
        only(sample.p50),
        only(sample.p99),
        if sample.peak > 0 { bytes(sample.peak) } else { blank() },
        sample.cpu.map_or_else(blank, |cpu| format!("{:.4}", cpu.as_secs_f64())),
        ratio(&Kind::Sqlite),
        ratio(&Kind::Postgres),
        targets::verdicts(cell, cells).join("; "),
    ]
}

/// One round, for who watches.
pub(crate) fn sample(unit: Unit, sample: &Sample) -> String {
    let mut text =
        format!("{:>14}  p50 {:>8}  p99 {:>8}", figure(unit, sample.figure), time(sample.p50), time(sample.p99));
    let per = |what: Option<Duration>| {
        what.map_or_else(|| "-".to_owned(), |cpu| format!("{:.1} µs", cpu.as_secs_f64() * 1000.0))
    };
    // Writing to a string cannot fail.
    let _infallible =
        write!(text, "  peak {:>9}  CPU each {} (load {})", bytes(sample.peak), per(sample.cpu), per(sample.own_cpu));
    text
}

/// The table for a terminal.
pub(crate) fn text(rows: &[[String; 10]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..TITLES.len()).map(width).collect();
    let mut text = String::new();
    for row in rows {
        for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
            let blanks = " ".repeat(width - cell.chars().count());
            let is_text = column < 2 || column == TITLES.len() - 1;
            let _infallible = if is_text { write!(text, "{cell}{blanks}  ") } else { write!(text, "{blanks}{cell}  ") };
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
    }
    text
}

/// The table for a document.
pub(crate) fn markdown(rows: &[[String; 10]]) -> String {
    let mut text = String::new();
    for (number, row) in rows.iter().enumerate() {
        let _infallible = writeln!(text, "| {} |", row.join(" | "));
        if number == 0 {
            text.push_str("|---|---|---:|---:|---:|---:|---:|---:|---:|---|\n");
        }
    }
    text
}

/// What is not in the table, a paragraph each.
pub(crate) fn absences(absent: &[(String, String)]) -> String {
    absent.iter().fold(String::new(), |mut text, (name, why)| {
        let _infallible = writeln!(text, "absent: {name}: {why}");
        text
    })
}

/// A figure with its unit.
pub(crate) fn figure(unit: Unit, figure: f64) -> String {
    match unit {
        Unit::Operations => format!("{} /s", thousands(figure)),
        Unit::Bytes => format!("{} MB/s", thousands(figure / 1e6)),
        Unit::Time => time(Duration::from_secs_f64(figure.max(0.0))),
        Unit::Memory => format!("{:.1} MiB", figure / f64::from(1 << 20)),
    }
}

/// So many bytes, in mebibytes.
#[expect(clippy::cast_precision_loss, reason = "figures have three digits")]
pub(crate) fn bytes(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}

/// A time in the unit that suits it.
pub(crate) fn time(time: Duration) -> String {
    let microseconds = time.as_secs_f64() * 1e6;
    match microseconds {
        small if small < 1_000.0 => format!("{small:.0} µs"),
        medium if medium < 1_000_000.0 => format!("{:.2} ms", medium / 1e3),
        large => format!("{:.2} s", large / 1e6),
    }
}

/// With commas, and a decimal where it is small.
fn thousands(number: f64) -> String {
    if number < 100.0 {
        return format!("{number:.1}");
    }
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{Cell, Outcome, figure, markdown, rows, text};
    use crate::{
        lines::{Sample, Unit},
        servers::Kind,
    };
    use std::time::Duration;

    fn cell(server: Kind, figures: &[f64]) -> Cell {
        let sample = |figure: &f64| Sample {
            figure: *figure,
            p50: Duration::from_micros(150),
            p99: Duration::from_millis(2),
            peak: 3 << 20,
            cpu: Some(Duration::from_millis(12)),
            own_cpu: None,
        };
        let samples = figures.iter().map(sample).collect();
        Cell { line: "get-tag", server, outcome: Outcome::Asked { samples, note: None } }
    }

    #[test]
    fn figures_have_units() {
        assert_eq!(figure(Unit::Operations, 1_234_567.8), "1,234,568 /s");
        assert_eq!(figure(Unit::Operations, 12.34), "12.3 /s");
        assert_eq!(figure(Unit::Bytes, 1.5e9), "1,500 MB/s");
        assert_eq!(figure(Unit::Time, 0.0123), "12.30 ms");
        assert_eq!(figure(Unit::Memory, 12_582_912.0), "12.0 MiB");
    }

    #[test]
    fn a_table_has_medians_ratios_and_failures() {
        let mut cells = vec![cell(Kind::Sqlite, &[900.0, 1000.0, 1100.0]), cell(Kind::Nginx, &[2000.0])];
        let failed = Outcome::Failed("status 500".to_owned());
        cells.push(Cell { line: "get-tag", server: Kind::DockerRegistry, outcome: failed });
        let rows = rows(&crate::lines::all(), &cells);
        assert_eq!(rows[1][..8], ["get-tag", "sqlite", "1,000 /s", "150 µs", "2.00 ms", "3.0 MiB", "0.0120", ""]);
        assert_eq!((rows[2][1].as_str(), rows[2][7].as_str()), ("nginx", "0.50"));
        assert_eq!(rows[3][2], "FAILED");
        assert_eq!(cells[2].failure().unwrap(), "get-tag on docker-registry: status 500");
        let lines = text(&rows);
        assert_eq!(lines.lines().count(), 4);
        let markdown = markdown(&rows);
        assert!(markdown.lines().all(|line| line.matches('|').count() == 11), "{markdown}");
    }
}
