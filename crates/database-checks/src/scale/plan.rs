//! How an engine runs what an operation asks.

/// How the statements of one operation are run.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Plans {
    /// Each way once, in order, as the engine names it: along which index of which table.
    pub(super) steps: Vec<String>,
    /// Tables that are read from end to end, with how many rows they have.
    pub(super) scans: Vec<(String, u64)>,
    /// What the engine thinks that it costs, in its own unit, if it does.
    pub(super) cost: Option<f64>,
}

impl Plans {
    /// Adds a step unless it is there: which ways are taken matters, not how often they are written down.
    pub(super) fn add(&mut self, step: String) {
        if !self.steps.contains(&step) {
            self.steps.push(step);
        }
    }
}
