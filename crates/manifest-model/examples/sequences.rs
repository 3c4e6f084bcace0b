//! Runs many sequences: `cargo run --release -p manifest-model --example sequences -- [count] [seed]`.

#![expect(clippy::print_stdout, reason = "printing is what it is for")]

use std::process::ExitCode;
use std::time::Instant;

/// Sequences between two lines of output.
const BATCH: u32 = 500;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1).map(|argument| argument.parse::<u32>());
    let (Ok(count), Ok(seed)) = (arguments.next().unwrap_or(Ok(10_000)), arguments.next().unwrap_or(Ok(1))) else {
        println!("usage: sequences [count] [seed]");
        return ExitCode::from(2);
    };
    let start = Instant::now();
    let mut done = 0;
    while done < count {
        let batch = BATCH.min(count - done);
        if let Err(error) = manifest_model::check(batch, 40, u64::from(seed) << 32 | u64::from(done)) {
            println!("{error}");
            return ExitCode::FAILURE;
        }
        done += batch;
        println!("{done} sequences, no difference, {:.0} s", start.elapsed().as_secs_f64());
    }
    ExitCode::SUCCESS
}
