//! What must hold of the large database, and the table for people.

use super::Comparison;
use super::data::Size;
use super::measure::Latency;
use super::plan::{Cost, Plans};
use std::fmt::Write as _;
use std::time::Duration;

/// Tables with fewer rows may be read from end to end: an index would not be quicker.
const BIG: u64 = 10_000;
/// By how much the large database may be slower or dearer.
const MOST: f64 = 1.5;
/// Differences below this are the clock's and the scheduler's.
const NOISE: Duration = Duration::from_micros(30);

/// What does not hold, a sentence each.
pub(super) fn wrong(Comparison { operation, small, large }: &Comparison) -> Vec<String> {
    let name = operation.name();
    let mut found: Vec<String> = large
        .0
        .scans
        .iter()
        .filter(|(_, rows)| *rows > BIG)
        .map(|(table, rows)| format!("{name}: all {rows} rows of `{table}` are read"))
        .collect();
    if let (Some(before), Some(after)) = (small.0.cost, large.0.cost)
        && after.pages > before.pages * MOST + before.descents
    {
        let (Cost { pages, descents, .. }, grown) = (before, after.pages);
        found.push(format!("{name}: with {descents:.1} descents it touched {pages:.1} pages and touches {grown:.1}"));
    }
    let (before, after) = (small.1.half, large.1.half);
    if after > before.mul_f64(MOST) + NOISE {
        found.push(format!(
            "{name}: half of the answers took {} µs and take {} µs",
            before.as_micros(),
            after.as_micros()
        ));
    }
    found
}

/// A table in Markdown, and under it how each operation is run.
pub(super) fn table(large: Size, compared: &[Comparison]) -> String {
    let mut text = format!(
        "\n| operation | 10,000 manifests: p50, p99 in µs | {} manifests: p50, p99 in µs | pages touched | descents | planner's estimate |\n\
         |---|---|---|---|---|---|\n",
        thousands(large.0)
    );
    for Comparison { operation, small, large } in compared {
        let times = |latency: &Latency| format!("{}, {}", latency.half.as_micros(), latency.most.as_micros());
        let [pages, descents, estimate] =
            [|cost: Cost| cost.pages, |cost: Cost| cost.descents, |cost: Cost| cost.estimate]
                .map(|of| growth(small.0.cost.map(of), large.0.cost.map(of)));
        let _never_fails = writeln!(
            text,
            "| {} | {} | {} | {pages} | {descents} | {estimate} |",
            operation.name(),
            times(&small.1),
            times(&large.1)
        );
    }
    if compared.iter().any(|one| one.large.0.cost.is_some()) {
        text.push_str("\nPages may grow by half and by one for each descent, since an index has more levels when it has more rows.\n");
    }
    for Comparison { operation, small, large } in compared {
        let _never_fails = write!(text, "\n{}\n{}", operation.name(), steps(&large.0));
        if small.0.steps != large.0.steps {
            let _never_fails = write!(text, "  and with 10,000 manifests\n{}", steps(&small.0));
        }
    }
    text
}

fn growth(small: Option<f64>, large: Option<f64>) -> String {
    small.zip(large).map_or_else(|| "–".to_owned(), |(before, after)| format!("{before:.1} → {after:.1}"))
}

fn steps(plans: &Plans) -> String {
    plans.steps.iter().flat_map(|step| ["    ", step, "\n"]).collect()
}

/// 1000000 as 1,000,000.
fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let groups: Vec<String> =
        digits.as_bytes().rchunks(3).rev().map(|group| String::from_utf8_lossy(group).into_owned()).collect();
    groups.join(",")
}

#[cfg(test)]
mod tests {
    use super::{thousands, wrong};
    use crate::scale::Comparison;
    use crate::scale::measure::Latency;
    use crate::scale::operations::Operation;
    use crate::scale::plan::{Cost, Plans};
    use std::time::Duration;

    /// With two descents.
    fn side(pages: f64, micros: u64, scans: &[(&str, u64)]) -> (Plans, Latency) {
        let scans = scans.iter().map(|(table, rows)| ((*table).to_owned(), *rows)).collect();
        let half = Duration::from_micros(micros);
        (
            Plans { steps: Vec::new(), scans, cost: Some(Cost { pages, descents: 2.0, estimate: 0.0 }) },
            Latency { half, most: half },
        )
    }

    fn found(small: (Plans, Latency), large: (Plans, Latency)) -> Vec<String> {
        wrong(&Comparison { operation: Operation::BlobHead, small, large })
    }

    #[test]
    fn what_grows_is_found() {
        let small = || side(10.0, 200, &[("tag", 9_000)]);
        assert!(found(small(), side(17.0, 320, &[("repository", 5_000)])).is_empty());
        let dearer = found(small(), side(17.1, 200, &[]));
        assert_eq!(dearer, ["HEAD blob: with 2.0 descents it touched 10.0 pages and touches 17.1"]);
        let slower = found(small(), side(10.0, 331, &[]));
        assert_eq!(slower, ["HEAD blob: half of the answers took 200 µs and take 331 µs"]);
        let scan = found(small(), side(10.0, 200, &[("tag", 900_000)]));
        assert_eq!(scan, ["HEAD blob: all 900000 rows of `tag` are read"]);
    }

    #[test]
    fn numbers_are_grouped() {
        assert_eq!([thousands(7), thousands(20_000), thousands(1_000_000)], ["7", "20,000", "1,000,000"]);
    }
}
