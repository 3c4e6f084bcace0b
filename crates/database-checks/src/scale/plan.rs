//! How an engine runs what an operation asks.

/// How the statements of one operation are run.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Plans {
    /// Each way once, in order, as the engine names it: along which index of which table.
    pub(super) steps: Vec<String>,
    /// Tables that are read from end to end, with how many rows they have.
    pub(super) scans: Vec<(String, u64)>,
    /// What it costs, if the engine says so.
    pub(super) cost: Option<Cost>,
}

/// What an operation costs, the mean of several questions.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Cost {
    /// Pages that were read, each as often as it was, in memory or not.
    pub(super) pages: f64,
    /// How often an index was entered at its root to look something up, or a table was read instead that is too small for that to
    /// pay. Each time costs a page more once the tree has one more level.
    pub(super) descents: f64,
    /// What the planner thought, in its own unit.
    pub(super) estimate: f64,
}

impl Plans {
    /// Adds a step unless it is there: which ways are taken matters, not how often they are written down.
    pub(super) fn add(&mut self, step: String) {
        if !self.steps.contains(&step) {
            self.steps.push(step);
        }
    }

    /// Adds a table that is read from end to end, with how many rows it has, unless it is there.
    pub(super) fn add_scan(&mut self, table: &str, rows: u64) {
        if !self.scans.iter().any(|(known, _)| known == table) {
            self.scans.push((table.to_owned(), rows));
        }
    }
}
