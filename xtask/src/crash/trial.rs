//! One push with one fault, and everything that must hold after it.

use std::{net::Ipv4Addr, path::Path, process::Command, time::Duration};

use anyhow::Result;
use nix::errno::Errno;

use super::{
    Mode,
    durable::Durable,
    push::{End, Progress, Push},
    tracer::{Fault, Tracer},
};
use crate::{process, server::Server};

/// What happens at the call.
fn fault(mode: Mode) -> Fault {
    match mode {
        Mode::KillBefore => Fault::KillBefore,
        Mode::KillAfter | Mode::PowerCut => Fault::KillAfter,
        Mode::Error | Mode::ErrorThenKill => Fault::Error(Errno::EIO),
        Mode::NoSpace => Fault::Error(Errno::ENOSPC),
        Mode::LostSync => Fault::Lie,
    }
}

/// Whether a push may end like this when the fault has happened.
fn allows(mode: Mode, end: End) -> bool {
    match mode {
        // Every call is made before the answer that depends on it.
        Mode::KillBefore | Mode::KillAfter | Mode::PowerCut => end == End::Cut,
        Mode::LostSync => matches!(end, End::Stopped | End::Whole),
        Mode::Error | Mode::ErrorThenKill => matches!(end, End::Refused(500..=599)),
        Mode::NoSpace => end == End::Refused(503),
    }
}

/// When a push is broken off after a fault of which it was told nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// Never: it goes on to its end.
    Never,
    /// With the answer to the request in which the fault was.
    Request,
    /// When the blob or manifest is there whose request that was.
    Item,
}

/// What a trial showed.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// The calls that were made, the chosen one included.
    pub(crate) calls: Vec<&'static str>,
    /// What is wrong.
    pub(crate) wrong: Vec<String>,
}

/// Where trials run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bench<'a> {
    /// The registry.
    pub(crate) binary: &'a Path,
    /// An address of loopback that no other trial uses at the same time, so that the port is there still when a registry
    /// starts again.
    pub(crate) host: Ipv4Addr,
    /// What is pushed.
    pub(crate) push: &'a Push,
}

/// Collection would make calls of its own between those of the push.
const SETTINGS: [(&str, &str); 1] = [("MANIFESTD_COLLECTION__ENABLED", "false")];

impl Bench<'_> {
    /// Pushes with a fault at the call that follows `point` others; without one where the push has fewer calls.
    pub(crate) fn run(&self, mode: Mode, point: usize, stop: Stop) -> Result<Outcome> {
        let directory = tempfile::Builder::new().prefix("crash-").tempdir()?;
        let mut server = Server::start_built(self.binary, directory.path(), self.host, &SETTINGS)?;
        self.push.seed(&server.address())?;
        let durable = Durable::of(&server.data())?;
        let tracer = Tracer::attach(server.process()?, durable, point, fault(mode))?;
        let stops = |at| stop == at && tracer.has_struck();
        let told = self.push.run(&server.address(), &stops);
        tracer.disarm();
        // A part that is not there is missed only where the row that names it is.
        if mode == Mode::LostSync && told.end == End::Stopped && told.upload.is_some() {
            Push::settle(&server.address())?;
        }
        let mut after = After { bench: *self, may_be_forgotten: mode == Mode::PowerCut, wrong: Vec::new() };
        let cuts_power = matches!(mode, Mode::PowerCut | Mode::LostSync);
        let calls = if told.end == End::Cut || mode == Mode::ErrorThenKill || cuts_power {
            server.crash()?;
            let trace = tracer.trace()?;
            if cuts_power {
                trace.durable.cut_power()?;
            }
            if let Err(error) = server.restart() {
                let wrong = vec![format!("it did not start again: {error:#}")];
                return Ok(Outcome { calls: trace.calls, wrong });
            }
            after.state("after the crash", &server, &told)?;
            after.resume(&server, &told)?;
            after.retry(&server)?;
            trace.calls
        } else {
            after.state("after the fault", &server, &told)?;
            after.resume(&server, &told)?;
            let again = after.retry(&server)?;
            server.crash()?;
            let calls = tracer.trace()?.calls;
            server.restart()?;
            after.state("after a crash in the end", &server, &again)?;
            calls
        };
        let struck = calls.len() > point;
        if struck && !allows(mode, told.end) || !struck && told.end != End::Whole {
            after.wrong.push(format!("the push ended with {:?}", told.end));
        }
        Ok(Outcome { calls, wrong: after.wrong })
    }
}

struct After<'a> {
    bench: Bench<'a>,
    /// Whether an upload under way may have been lost.
    may_be_forgotten: bool,
    wrong: Vec<String>,
}

impl After<'_> {
    /// The state is the one before or the one after, and rows agree with bytes.
    fn state(&mut self, when: &str, server: &Server, told: &Progress) -> Result<()> {
        let wrong = self.bench.push.check(&server.address(), told, self.may_be_forgotten)?;
        self.wrong.extend(wrong.into_iter().map(|wrong| format!("{when}: {wrong}")));
        let mut fsck = Command::new(self.bench.binary);
        fsck.args(["fsck", "--deep", "--data-dir"]).arg(server.data());
        let output = process::capture(&mut fsck, Duration::from_mins(1))?;
        if !output.success() {
            self.wrong.push(format!("{when}: fsck found: {}{}", output.stdout, output.stderr));
        }
        Ok(())
    }

    /// An upload under way goes on where the registry says that it is.
    fn resume(&mut self, server: &Server, told: &Progress) -> Result<()> {
        self.wrong.extend(self.bench.push.resume(&server.address(), told)?);
        Ok(())
    }

    /// The same push again, which must succeed.
    fn retry(&mut self, server: &Server) -> Result<Progress> {
        let told = self.bench.push.run(&server.address(), &|_| false);
        if told.end != End::Whole {
            self.wrong.push(format!("the push that was repeated ended with {told:?}"));
        }
        self.state("after the repeated push", server, &told)?;
        Ok(told)
    }
}
