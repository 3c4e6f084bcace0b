//! Every state that can be reached, breadth first, so that a violation comes with a shortest way to it.

use crate::fingerprint::{BuildAsIs, fingerprint};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hash::Hash;

/// Something that goes from state to state.
pub trait System {
    /// Where it is.
    type State: Clone + Hash;
    /// What a step was; steps with one label are counted together.
    type Label: Ord + Clone + ToString;

    /// Where it starts.
    fn start(&self) -> Self::State;

    /// All steps that can be taken, always in the same order: a step is remembered by its place.
    fn steps(&self, state: &Self::State, steps: &mut Vec<(Self::Label, Self::State)>);

    /// What is wrong with a state, in a sentence. `steps` is how many lead out of it.
    ///
    /// # Errors
    ///
    /// The sentence.
    fn check(&self, state: &Self::State, steps: usize) -> Result<(), String>;

    /// The state in words, for a trace.
    fn describe(&self, state: &Self::State) -> String;
}

/// What an exploration found.
#[derive(Clone, Debug)]
pub struct Report<Label> {
    /// Different states.
    pub states: usize,
    /// Steps between them.
    pub steps: usize,
    /// How many steps the farthest state is away from the start.
    pub depth: usize,
    /// How often each kind of step was taken: what is not here never happened.
    pub taken: BTreeMap<Label, usize>,
    /// The first violation, on which the exploration ended.
    pub violation: Option<Violation>,
}

/// A state in which something is wrong, and how it is reached.
#[derive(Clone, Debug)]
pub struct Violation {
    /// What is wrong.
    pub what: String,
    /// A shortest way there, a step a line.
    pub trace: Vec<String>,
}

impl std::fmt::Display for Violation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "violated: {}", self.what)?;
        for (number, line) in self.trace.iter().enumerate() {
            writeln!(f, "{number:4}  {line}")?;
        }
        Ok(())
    }
}

/// From which state, by which of its steps, a state was first reached.
type Origins = HashMap<u128, (u128, u16), BuildAsIs>;

/// Explores until everything was seen, or something is wrong.
pub fn explore<S: System>(system: &S) -> Report<S::Label> {
    let start = system.start();
    let root = fingerprint(&start);
    let mut origins = Origins::default();
    origins.insert(root, (root, 0));
    let mut report = Report { states: 1, steps: 0, depth: 0, taken: BTreeMap::new(), violation: None };
    let mut frontier = VecDeque::from([(root, 0_usize, start)]);
    let mut steps = Vec::new();
    while let Some((here, depth, state)) = frontier.pop_front() {
        report.depth = depth;
        steps.clear();
        system.steps(&state, &mut steps);
        if let Err(what) = system.check(&state, steps.len()) {
            report.violation = Some(Violation { what, trace: trace(system, &origins, here) });
            return report;
        }
        for (place, (label, next)) in steps.drain(..).enumerate() {
            report.steps += 1;
            count(&mut report.taken, label);
            let there = fingerprint(&next);
            if let std::collections::hash_map::Entry::Vacant(entry) = origins.entry(there) {
                entry.insert((here, u16::try_from(place).unwrap_or(u16::MAX)));
                report.states += 1;
                frontier.push_back((there, depth + 1, next));
            }
        }
    }
    report
}

fn count<Label: Ord>(taken: &mut BTreeMap<Label, usize>, label: Label) {
    *taken.entry(label).or_insert(0) += 1;
}

/// Goes back to the start by origins, and from there again by steps.
fn trace<S: System>(system: &S, origins: &Origins, end: u128) -> Vec<String> {
    let mut places = Vec::new();
    let mut here = end;
    while let Some(&(before, place)) = origins.get(&here) {
        if before == here {
            break;
        }
        places.push(place);
        here = before;
    }
    let mut state = system.start();
    let mut lines = vec![format!("start: {}", system.describe(&state))];
    let mut steps = Vec::new();
    for place in places.into_iter().rev() {
        steps.clear();
        system.steps(&state, &mut steps);
        let Some((label, next)) = steps.get(usize::from(place)).cloned() else { break };
        state = next;
        lines.push(label.to_string());
    }
    lines.push(format!("end: {}", system.describe(&state)));
    lines
}

#[cfg(test)]
mod tests {
    use super::{System, explore};

    /// Two counters that each go up to a limit; they may not both be at their limit if `bad`.
    struct Counters {
        limit: u8,
        bad: bool,
    }

    impl System for Counters {
        type State = (u8, u8);
        type Label = &'static str;

        fn start(&self) -> (u8, u8) {
            (0, 0)
        }

        fn steps(&self, &(left, right): &(u8, u8), steps: &mut Vec<(&'static str, (u8, u8))>) {
            if left < self.limit {
                steps.push(("left", (left + 1, right)));
            }
            if right < self.limit {
                steps.push(("right", (left, right + 1)));
            }
        }

        fn check(&self, state: &(u8, u8), _: usize) -> Result<(), String> {
            let full = *state == (self.limit, self.limit);
            if self.bad && full { Err("both are full".to_owned()) } else { Ok(()) }
        }

        fn describe(&self, state: &(u8, u8)) -> String {
            format!("{state:?}")
        }
    }

    #[test]
    fn every_state_is_seen_once() {
        let report = explore(&Counters { limit: 9, bad: false });
        assert_eq!((report.states, report.steps, report.depth), (100, 180, 18));
        assert_eq!(report.taken.into_iter().collect::<Vec<_>>(), [("left", 90), ("right", 90)]);
        assert!(report.violation.is_none());
    }

    #[test]
    fn a_violation_comes_with_a_shortest_way() {
        let violation = explore(&Counters { limit: 2, bad: true }).violation.unwrap();
        assert_eq!(violation.trace.len(), 4 + 2);
        assert_eq!(violation.trace.last().unwrap(), "end: (2, 2)");
        assert!(violation.to_string().starts_with("violated: both are full\n   0  start: (0, 0)\n   1  left\n"));
    }
}
