use crate::budget::Budget;
use crate::failure::Failure;
use crate::mutate::{MOST_BYTES, Sources, mutated};
use crate::rng::Rng;
use crate::target::{Outcome, Target};
use std::any::Any;
use std::collections::BTreeSet;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

/// An input that takes longer, three times over, is a failure: parsers are linear in at most 64 KiB.
const SLOW: Duration = Duration::from_millis(500);
/// A target with so many failures is not tried further.
const MOST_FAILURES: usize = 10;
/// Most inputs that are kept: those that a parser answered in a new way.
const MOST_KEPT: usize = 4_096;

/// What a run of one target gave.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// The target's name.
    pub target: &'static str,
    /// How many inputs were tried, the corpus included.
    pub inputs: u64,
    /// At most ten, each other.
    pub failures: Vec<Failure>,
    /// In how many ways the target answered.
    pub outcomes: usize,
    /// The longest time that one input took.
    pub slowest: Duration,
    /// That input.
    pub slowest_input: Vec<u8>,
}

impl fmt::Display for Summary {
    /// `document: 123,456 inputs, 0 failures, 57 outcomes, slowest 3 ms`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { target, inputs, failures, outcomes, slowest, .. } = self;
        let (inputs, failures) = (grouped(*inputs), failures.len());
        write!(
            f,
            "{target}: {inputs} inputs, {failures} failures, {outcomes} outcomes, slowest {} ms",
            slowest.as_millis()
        )
    }
}

/// Tries the corpus, then mutations of it and of what gave new outcomes, until the budget is used up.
///
/// The seed decides the inputs and their order; a budget of time decides only how many there are.
#[must_use]
pub fn run(target: &Target, corpus: Vec<Vec<u8>>, seed: u64, budget: Budget) -> Summary {
    let mut state = State { target, kept: Vec::new(), outcomes: BTreeSet::new(), summary: Summary::default() };
    state.summary.target = target.name;
    let start = Instant::now();
    for input in corpus {
        state.judge(&input);
        state.kept.push(input);
    }
    let mut rng = Rng::new(seed, target.name);
    let mut mutations = 0;
    while budget.lasts(start.elapsed(), mutations) && state.summary.failures.len() < MOST_FAILURES {
        let input = mutated(&mut rng, Sources { kept: &state.kept, tokens: target.tokens });
        mutations += 1;
        if state.judge(&input) && state.kept.len() < MOST_KEPT {
            state.kept.push(input);
        }
    }
    state.summary.outcomes = state.outcomes.len();
    state.summary
}

struct State<'a> {
    target: &'a Target,
    kept: Vec<Vec<u8>>,
    outcomes: BTreeSet<String>,
    summary: Summary,
}

impl State<'_> {
    /// Tries an input, and says whether its outcome is new.
    fn judge(&mut self, input: &[u8]) -> bool {
        self.summary.inputs += 1;
        let (outcome, mut taken) = attempt(self.target, input);
        if taken > SLOW {
            // Another process may have had the processor.
            taken = taken.min(attempt(self.target, input).1).min(attempt(self.target, input).1);
        }
        if taken > self.summary.slowest {
            self.summary.slowest = taken;
            input.clone_into(&mut self.summary.slowest_input);
        }
        let outcome = match outcome {
            Ok(_) if taken > SLOW => Err(format!("took {} ms for {} bytes", taken.as_millis(), input.len())),
            Ok(outcome) => Ok(outcome),
            Err(what) => Err(what),
        };
        match outcome {
            Ok(outcome) => self.outcomes.insert(outcome),
            Err(what) => {
                let is_known = self.summary.failures.iter().any(|failure| failure.what == what);
                if !is_known {
                    self.summary.failures.push(Failure { what, input: input.to_owned() });
                }
                false
            }
        }
    }
}

fn attempt(target: &Target, input: &[u8]) -> (Result<String, String>, Duration) {
    debug_assert!(input.len() <= MOST_BYTES, "no mutation makes more");
    let start = Instant::now();
    let result = catch_unwind(AssertUnwindSafe(|| (target.check)(input)));
    let taken = start.elapsed();
    let outcome = match result {
        Ok(Ok(Outcome(outcome))) => Ok(outcome),
        Ok(Err(broken)) => Err(broken.0),
        Err(panic) => Err(format!("panicked: {}", message(panic.as_ref()))),
    };
    (outcome, taken)
}

fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&'static str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("without a text")
}

fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{Summary, grouped, run};
    use crate::budget::Budget;
    use crate::target::{Broken, Outcome, Target};

    fn planted(check: fn(&[u8]) -> Result<Outcome, Broken>) -> Summary {
        let target = Target { name: "planted", tokens: &["token"], weight: 1, check };
        run(&target, vec![b"input".to_vec()], 1, Budget::Inputs(2_000))
    }

    #[test]
    fn a_planted_panic_is_found_with_its_input() {
        let summary = planted(|input| {
            assert!(!input.starts_with(b"token"), "planted");
            Ok(Outcome(input.len().min(3).to_string()))
        });
        let [failure] = summary.failures.as_slice() else { panic!("{summary:?}") };
        assert_eq!(failure.what, "panicked: planted");
        assert!(failure.input.starts_with(b"token"));
        assert!(summary.outcomes > 1, "{summary}");
    }

    #[test]
    fn a_planted_broken_promise_is_found_once() {
        let summary = planted(|_| Err(Broken("never right".to_owned())));
        assert_eq!(summary.failures.len(), 1);
        assert_eq!(summary.failures[0].input, b"input");
    }

    #[test]
    fn a_seed_decides_a_run() {
        let check = |input: &[u8]| Ok(Outcome(format!("{:?}", input.first())));
        let (a, b) = (planted(check), planted(check));
        assert_eq!((a.inputs, a.outcomes), (b.inputs, b.outcomes));
    }

    #[test]
    fn thousands() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }
}
