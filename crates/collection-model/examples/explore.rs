//! Explores the worlds and prints what was found: `cargo run --release -p collection-model --example explore [-- large|rules]`.

#![expect(clippy::print_stdout, reason = "printing is what it is for")]

use collection_model::{CASES, Model, Protocol, World, explore, worlds};
use std::process::ExitCode;
use std::time::Instant;

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        None => whole(worlds::small()),
        Some("large") => whole(worlds::large()),
        Some("rules") => rules(),
        Some(other) => {
            println!("`{other}` is neither `large` nor `rules`");
            ExitCode::from(2)
        }
    }
}

/// Every world under the whole protocol.
fn whole(worlds: Vec<World>) -> ExitCode {
    let (mut states, mut violations) = (0, 0);
    let start = Instant::now();
    for world in worlds {
        let began = Instant::now();
        let model = Model::new(world, Protocol::whole());
        let report = explore(&model);
        let (name, taken) = (model.name(), began.elapsed().as_secs_f64());
        println!(
            "{name:22} {:10} states {:11} steps, {:3} deep {taken:6.1} s",
            report.states, report.steps, report.depth
        );
        states += report.states;
        if let Some(violation) = report.violation {
            violations += 1;
            println!("{violation}");
        }
    }
    println!("{states} states, {violations} violations, {:.1} s", start.elapsed().as_secs_f64());
    ExitCode::from(u8::from(violations != 0))
}

/// Each case of rules taken away, with the shortest trace of all worlds.
fn rules() -> ExitCode {
    let mut missed = false;
    for case in CASES {
        let explored = worlds::small().into_iter().map(|world| {
            let model = Model::new(world, Protocol::without(case));
            let report = explore(&model);
            (model.name(), report)
        });
        let violated = explored.filter_map(|(name, report)| Some((name, report.states, report.violation?)));
        if let Some((name, states, violation)) = violated.min_by_key(|(_, _, violation)| violation.trace.len()) {
            println!("without {case:?}, in {name}, after {states} states\n{violation}");
        } else {
            missed = true;
            println!("without {case:?}: nothing is violated\n");
        }
    }
    ExitCode::from(u8::from(missed))
}
