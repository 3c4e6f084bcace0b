//! Runs many sequences: `cargo run --release -p manifest-model --example sequences -- [count] [seed]`.

#![expect(clippy::print_stdout, reason = "printing is what it is for")]

use manifest_model::{Memory, Op, Sqlite, check};
use std::collections::BTreeSet;
use std::process::ExitCode;
use std::time::Instant;

/// Sequences between two lines of output.
const BATCH: u32 = 500;

/// Operations in a sequence, on the average, besides those that furnish it.
const OPS: usize = 40;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1).map(|argument| argument.parse::<u32>());
    let (Ok(count), Ok(seed)) = (arguments.next().unwrap_or(Ok(10_000)), arguments.next().unwrap_or(Ok(1))) else {
        println!("usage: sequences [count] [seed]");
        return ExitCode::from(2);
    };
    println!("{count} sequences from seed {seed}");
    let start = Instant::now();
    let (mut done, mut operations, mut kinds) = (0, 0, BTreeSet::new());
    while done < count {
        let batch = BATCH.min(count - done);
        match check(&[&Memory, &Sqlite], batch, OPS, u64::from(seed) << 32 | u64::from(done)) {
            Ok(ran) => {
                operations += ran.operations;
                kinds.extend(ran.kinds);
            }
            Err(error) => {
                println!("{error}");
                return ExitCode::FAILURE;
            }
        }
        done += batch;
        println!(
            "{done} sequences, {operations} operations of {} kinds out of {}, no difference, {:.0} s",
            kinds.len(),
            Op::kinds(),
            start.elapsed().as_secs_f64()
        );
    }
    ExitCode::SUCCESS
}
