use std::time::Duration;

/// How much of a target's time a run may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Budget {
    /// So long, and the corpus in any case.
    Time(Duration),
    /// So many mutated inputs after the corpus.
    Inputs(u64),
}

impl Budget {
    /// Whether a run that has taken so long, and has tried so many mutated inputs, goes on.
    pub(crate) fn lasts(self, taken: Duration, inputs: u64) -> bool {
        match self {
            Self::Time(time) => taken < time,
            Self::Inputs(most) => inputs < most,
        }
    }
}
