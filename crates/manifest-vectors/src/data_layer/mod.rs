//! Group h: operations on the data layer, through the use cases, on every store.
//!
//! What the memory store answers is held to what Quay answered: it is the same, or a rule says why not. Where a deviation leaves another
//! state behind, later answers follow from it: they are the memory store's, and counted apart. The other stores must answer
//! every operation as the memory store does.

mod answer;
mod collect;
mod drift;
mod judge;
mod ledger;
mod op;
mod quay;
mod rows;
mod session;
mod state;
mod store;
mod strict;

use crate::case::Case;
use crate::compare::first_difference;
use crate::outcome::{Operations, Outcome, Verdict};
use crate::unusable::InputError;
use answer::{Answer, Broken};
use judge::{Judge, Judged, Step};
use manifest_core::policy::References;
use op::Op;
use rows::Rows;
use serde_json::Value;
use session::Session;
use std::collections::BTreeSet;
use store::Store;

/// The history window where a case names none, in seconds.
const WINDOW: i64 = 14 * 24 * 60 * 60;

/// Judges a case.
pub(crate) fn judge(case: &Case) -> Result<Outcome, InputError> {
    let run = Run { ops: op::read(case.input("ops"))?, window: window(case), references: references(case) };
    let expected = case.expected("results").as_array().map_or(&[][..], Vec::as_slice);
    if expected.len() != run.ops.len() {
        let why = format!("results: {} operations have {} of them", run.ops.len(), expected.len());
        return Ok(Verdict::Failed(why).whole());
    }
    let mut operations = Operations::default();
    let verdict = match run.judge(expected, &mut operations) {
        Ok(rules) => Verdict::by(rules),
        Err(why) => Verdict::Failed(why),
    };
    Ok(Outcome { operations, ..verdict.on(case, &["results"]) })
}

fn window(case: &Case) -> i64 {
    case.input("config").get("TM").and_then(Value::as_i64).unwrap_or(WINDOW) * 1_000
}

fn references(case: &Case) -> References {
    let sparse = case.input("config").get("FEATURE_SPARSE_INDEX").and_then(Value::as_bool);
    if sparse == Some(true) { References::SparseIndex } else { References::Required }
}

/// A case to run.
struct Run {
    ops: Vec<Op>,
    window: i64,
    references: References,
}

impl Run {
    fn judge(
        &self,
        expected: &[Value],
        operations: &mut Operations,
    ) -> Result<BTreeSet<crate::deviations::Rule>, String> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().map_err(|error| error.to_string())?;
        runtime.block_on(async {
            let (memory, rules) = self.against_quay(expected, operations).await?;
            for store in Store::ALL.into_iter().filter(|store| *store != Store::Memory) {
                self.against_memory(store, &memory).await?;
            }
            Ok(rules)
        })
    }

    async fn against_quay(
        &self,
        expected: &[Value],
        operations: &mut Operations,
    ) -> Result<(Vec<Answer>, BTreeSet<crate::deviations::Rule>), String> {
        let opened = Store::Memory.open()?;
        let mut session = Session::new(opened.ports.clone(), self.window, self.references);
        let (mut judge, mut answers, mut rules) =
            (Judge::new(self.window, self.references == References::SparseIndex), Vec::new(), BTreeSet::new());
        let mut before = Rows::of(&opened.ports).await.map_err(|Broken(why)| why)?;
        for (index, (op, expected)) in self.ops.iter().zip(expected).enumerate() {
            let at = |why: String| format!("results[{index}], {}: {why}", op.name());
            let answer = session.run(op).await.map_err(|Broken(why)| at(why))?;
            let after = Rows::of(&opened.ports).await.map_err(|Broken(why)| at(why))?;
            let step = Step { op, expected, answer: &answer, before: &before, after: &after, now: session.now };
            match judge.step(&step).map_err(at)? {
                Judged::AsQuay => operations.as_quay += 1,
                Judged::ByRule(rule) => {
                    operations.by_rule += 1;
                    rules.insert(rule);
                }
                Judged::After(rule) => {
                    operations.by_memory += 1;
                    rules.insert(rule);
                }
            }
            answers.push(answer);
            before = after;
        }
        Ok((answers, rules))
    }

    async fn against_memory(&self, store: Store, memory: &[Answer]) -> Result<(), String> {
        let opened = store.open()?;
        let mut session = Session::new(opened.ports.clone(), self.window, self.references);
        for (index, (op, memory)) in self.ops.iter().zip(memory).enumerate() {
            let at = |why: String| format!("results[{index}], {}, on {store}: {why}", op.name());
            let answer = session.run(op).await.map_err(|Broken(why)| at(why))?;
            let (expected, found) = (memory.as_quay(op), answer.as_quay(op));
            if let Some(difference) = first_difference("", &expected, &found) {
                return Err(at(difference.trim_start_matches('.').to_owned()));
            }
        }
        Ok(())
    }
}
