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
#[cfg(test)]
mod tests;

use crate::case::Case;
use crate::compare::first_difference;
use crate::deviations::Rule;
use crate::outcome::{Operations, Outcome, Verdict};
use crate::unusable::InputError;
use answer::{Answer, Broken};
use judge::{Judge, Judged, Step};
use manifest_core::Millis;
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
    let run = Run::of(case)?;
    let mut operations = Operations::default();
    let verdict = match run.record().and_then(|memory| run.judge(case, &memory, &mut operations)) {
        Ok(rules) => Verdict::by(rules),
        Err(why) => Verdict::Failed(why),
    };
    Ok(Outcome { operations, ..verdict.on(case, &["results"]) })
}

/// A case to run.
struct Run {
    ops: Vec<Op>,
    window: i64,
    references: References,
}

/// What came of a run: the rows before the first operation, and of each operation the answer, the rows behind it and the time.
struct Record {
    before: Rows,
    steps: Vec<(Answer, Rows, Millis)>,
}

impl Run {
    fn of(case: &Case) -> Result<Self, InputError> {
        let config = case.input("config");
        let window = config.get("TM").and_then(Value::as_i64).unwrap_or(WINDOW) * 1_000;
        let is_sparse = config.get("FEATURE_SPARSE_INDEX").and_then(Value::as_bool) == Some(true);
        let references = if is_sparse { References::SparseIndex } else { References::Required };
        Ok(Self { ops: op::read(case.input("ops"))?, window, references })
    }

    /// Runs the case on the memory store, and sees to it that every other store answers as that does.
    fn record(&self) -> Result<Record, String> {
        block_on(async {
            let memory = self.on_memory().await?;
            for store in Store::ALL.into_iter().filter(|store| *store != Store::Memory) {
                self.as_memory(store, &memory).await?;
            }
            Ok(memory)
        })
    }

    async fn on_memory(&self) -> Result<Record, String> {
        let opened = Store::Memory.open().await?;
        let mut session = Session::new(opened.ports.clone(), self.window, self.references);
        let before = Rows::of(&opened.ports).await.map_err(|Broken(why)| why)?;
        let mut steps = Vec::with_capacity(self.ops.len());
        for (index, op) in self.ops.iter().enumerate() {
            let answer = session.run(op).await.map_err(|Broken(why)| at(index, op, &why))?;
            let rows = Rows::of(&opened.ports).await.map_err(|Broken(why)| at(index, op, &why))?;
            steps.push((answer, rows, session.now));
        }
        Ok(Record { before, steps })
    }

    async fn as_memory(&self, store: Store, memory: &Record) -> Result<(), String> {
        let opened = store.open().await?;
        let mut session = Session::new(opened.ports.clone(), self.window, self.references);
        for (index, (op, (memory, ..))) in self.ops.iter().zip(&memory.steps).enumerate() {
            let answer = session.run(op).await.map_err(|Broken(why)| at(index, op, &format!("{store}: {why}")))?;
            let (expected, found) = (memory.as_quay(op), answer.as_quay(op));
            if let Some(difference) = first_difference("", &expected, &found) {
                return Err(at(index, op, &format!("{store} against memory: {difference}")));
            }
        }
        Ok(())
    }

    /// Holds what the memory store answered to what Quay answered; the rules by which they differ.
    fn judge(&self, case: &Case, memory: &Record, operations: &mut Operations) -> Result<BTreeSet<Rule>, String> {
        let expected = case.expected("results").as_array().map_or(&[][..], Vec::as_slice);
        if expected.len() != self.ops.len() {
            return Err(format!("results: {} operations have {} of them", self.ops.len(), expected.len()));
        }
        let mut judge = Judge::new(self.window, self.references == References::SparseIndex);
        let (mut rules, mut before) = (BTreeSet::new(), &memory.before);
        for (index, ((op, (answer, after, now)), expected)) in
            self.ops.iter().zip(&memory.steps).zip(expected).enumerate()
        {
            let step = Step { op, expected, answer, before, after, now: *now };
            match judge.step(&step).map_err(|why| at(index, op, &why))? {
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
            before = after;
        }
        Ok(rules)
    }
}

fn block_on<T>(work: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| error.to_string())?.block_on(work)
}

/// Where in a case something is.
fn at(index: usize, op: &Op, why: &str) -> String {
    format!("results[{index}], {}: {}", op.name(), why.trim_start_matches('.'))
}
