//! Every fault at every call.

use std::{
    collections::BTreeMap,
    net::Ipv4Addr,
    path::Path,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Instant,
};

use anyhow::{Context, Result, anyhow, bail, ensure};

use super::{
    Mode,
    push::Push,
    tracer::SYNC_OF_PARTS,
    trial::{Bench, Stop},
};
use crate::{count::Count, server, workspace::Workspace};

/// How many trials run at once. Each mostly waits for the disk.
const WORKERS: u8 = 4;

/// How often a trial is made again whose calls were others: the directory of an upload's parts follows from its random id,
/// and one time in 256 it is there already.
const TRIES: u32 = 5;

/// Runs all trials and counts them.
pub(super) fn sweep(workspace: &Workspace, modes: &[Mode]) -> Result<()> {
    let binary = server::build(workspace)?;
    let push = Push::new()?;
    let start = Instant::now();
    let calls = usual(Bench { binary: &binary, host: Ipv4Addr::LOCALHOST, push: &push })?;
    let trials: Vec<(Mode, usize)> =
        modes.iter().flat_map(|mode| points(*mode, &calls).into_iter().map(move |point| (*mode, point))).collect();
    let (next, count) = (AtomicUsize::new(0), Mutex::new(Count::default()));
    let work = |bench: Bench<'_>| -> Result<()> {
        while let Some((mode, point)) = trials.get(next.fetch_add(1, Ordering::SeqCst)) {
            let at = format!("{mode:?} at call {point}, {}", calls.get(*point).unwrap_or(&"the end"));
            let wrong = if *mode == Mode::LostSync {
                blind(bench, *point, &calls)
            } else {
                trial(bench, *mode, *point, Stop::Never, &calls)
            };
            let wrong = wrong.context(at.clone())?;
            for wrong in &wrong {
                println!("FAILED {at}: {wrong}");
            }
            count.lock().unwrap_or_else(PoisonError::into_inner).add(wrong.is_empty());
        }
        Ok(())
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..WORKERS)
            .map(|worker| {
                let host = Ipv4Addr::new(127, 0, 0, 2 + worker);
                let bench = Bench { binary: Path::new(&binary), host, push: &push };
                scope.spawn(move || work(bench))
            })
            .collect();
        workers.into_iter().try_for_each(|worker| worker.join().map_err(|_| anyhow!("a worker panicked"))?)
    })?;
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    for call in &calls {
        *kinds.entry(call).or_default() += 1;
    }
    let seconds = start.elapsed().as_secs_f64();
    println!("{} calls {kinds:?}, {} faults each, {} runs in {seconds:.1} s", calls.len(), modes.len(), trials.len());
    count.into_inner().unwrap_or_else(PoisonError::into_inner).close()
}

/// The calls of a push in which nothing goes wrong: twice the same.
fn usual(bench: Bench<'_>) -> Result<Vec<&'static str>> {
    let mut last = Vec::new();
    for _ in 0..TRIES {
        let outcome = bench.run(Mode::KillBefore, usize::MAX, Stop::Never)?;
        ensure!(outcome.wrong.is_empty(), "without a fault: {}", outcome.wrong.join(", "));
        if outcome.calls == last {
            return Ok(last);
        }
        last = outcome.calls;
    }
    Err(anyhow!("the calls of a push differ from run to run"))
}

/// At which calls something goes wrong in this way.
fn points(mode: Mode, calls: &[&str]) -> Vec<usize> {
    match mode {
        Mode::KillBefore | Mode::KillAfter | Mode::Error | Mode::ErrorThenKill | Mode::NoSpace => {
            (0..calls.len()).collect()
        }
        // Also behind all of them.
        Mode::PowerCut => (0..=calls.len()).collect(),
        Mode::LostSync => (0..calls.len()).filter(|point| calls[*point].contains("sync")).collect(),
    }
}

/// Why a sync that did nothing was not found out, unless it was, or had nothing to do: the directory of a part that gets another
/// name before it is acknowledged.
fn blind(bench: Bench<'_>, point: usize, usual: &[&str]) -> Result<Vec<String>> {
    for stop in [Stop::Request, Stop::Item] {
        if !trial(bench, Mode::LostSync, point, stop, usual)?.is_empty() {
            return Ok(Vec::new());
        }
    }
    if usual.get(point) == Some(&SYNC_OF_PARTS) {
        return Ok(Vec::new());
    }
    Ok(vec!["the sync did nothing, and nobody missed it".to_owned()])
}

/// What is wrong after a fault at a call. An error if the calls up to it were never the usual ones.
fn trial(bench: Bench<'_>, mode: Mode, point: usize, stop: Stop, usual: &[&str]) -> Result<Vec<String>> {
    let until = usual.len().min(point + 1);
    let mut calls = Vec::new();
    for _ in 0..TRIES {
        let outcome = bench.run(mode, point, stop)?;
        if outcome.calls.get(..until) == usual.get(..until) {
            return Ok(outcome.wrong);
        }
        // What is wrong is told whatever the calls were, but for what is wrong on purpose.
        if !outcome.wrong.is_empty() && mode != Mode::LostSync {
            return Ok(outcome.wrong);
        }
        calls = outcome.calls;
    }
    bail!("the calls were others each time, at last {calls:?}")
}
