//! Stops a running registry at one chosen system call among those that make bytes durable or give them names.
//!
//! The tracer sees every thread, so the number of a call is its place in the order of the whole process, whichever
//! thread makes it; a trace that counts by thread would miss calls whenever work changes threads.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
};

use anyhow::{Context, Result, anyhow};
use nix::{
    errno::Errno,
    libc,
    sys::{
        ptrace,
        signal::{Signal, kill},
        wait::{Id, WaitPidFlag, WaitStatus, waitid, waitpid},
    },
    unistd::Pid,
};

use super::durable::{Durable, Synced};

/// What happens at a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The process dies, and the call is not made.
    KillBefore,
    /// The process dies when the call has been made.
    KillAfter,
    /// The call is not made, and the process is told this error.
    Error(Errno),
    /// The call is a sync that ends well and has brought nothing to the disk, and so have later ones of the same file.
    Lie,
}

/// The calls that are counted, each under its number.
const CALLS: [(libc::c_long, &str); 9] = [
    (libc::SYS_fsync, "fsync"),
    (libc::SYS_fdatasync, "fdatasync"),
    (libc::SYS_link, "link"),
    (libc::SYS_linkat, "linkat"),
    (libc::SYS_rename, "rename"),
    (libc::SYS_renameat, "renameat"),
    (libc::SYS_renameat2, "renameat2"),
    (libc::SYS_mkdir, "mkdir"),
    (libc::SYS_mkdirat, "mkdirat"),
];

/// What a sync of a directory that holds parts of uploads is called.
pub(crate) const SYNC_OF_PARTS: &str = "fsync of parts";

/// A thread that traces one process until it ends.
#[derive(Debug)]
pub(crate) struct Tracer {
    thread: thread::JoinHandle<Result<Trace>>,
    armed: Arc<AtomicBool>,
    struck: Arc<AtomicBool>,
}

/// What the process did until it ended.
#[derive(Debug)]
pub(crate) struct Trace {
    /// The calls that were counted, in order.
    pub(crate) calls: Vec<&'static str>,
    /// What the disk has of what the process wrote.
    pub(crate) durable: Durable,
}

impl Tracer {
    /// Follows the process from now on, and lets the fault happen at the call that follows `point` others.
    pub(crate) fn attach(process: u32, durable: Durable, point: usize, fault: Fault) -> Result<Self> {
        let leader = Pid::from_raw(i32::try_from(process)?);
        let (ready, is_ready) = mpsc::channel();
        let armed = Arc::new(AtomicBool::new(true));
        let still_armed = Arc::clone(&armed);
        let struck = Arc::new(AtomicBool::new(false));
        let strikes = Arc::clone(&struck);
        // A process obeys the very thread that seized it.
        let thread = thread::spawn(move || {
            let mut traced = Traced {
                leader,
                point,
                fault,
                armed: still_armed,
                struck: strikes,
                durable,
                calls: Vec::new(),
                entered: None,
                syncing: BTreeMap::new(),
                starting: BTreeSet::new(),
            };
            traced.seize()?;
            traced.follow(&ready)?;
            Ok(Trace { calls: traced.calls, durable: traced.durable })
        });
        if is_ready.recv().is_ok() {
            return Ok(Self { thread, armed, struck });
        }
        let ended = joined(thread);
        Err(ended.err().unwrap_or_else(|| anyhow!("the process ended")).context("it cannot be traced"))
    }

    /// Counts no further call, and lets no further fault happen.
    pub(crate) fn disarm(&self) {
        self.armed.store(false, Ordering::SeqCst);
    }

    /// Whether the fault has happened.
    pub(crate) fn has_struck(&self) -> bool {
        self.struck.load(Ordering::SeqCst)
    }

    /// Waits until the process has ended.
    pub(crate) fn trace(self) -> Result<Trace> {
        joined(self.thread)
    }
}

fn joined<T>(thread: thread::JoinHandle<Result<T>>) -> Result<T> {
    thread.join().map_err(|_| anyhow!("the tracer panicked"))?
}

struct Traced {
    leader: Pid,
    point: usize,
    fault: Fault,
    armed: Arc<AtomicBool>,
    struck: Arc<AtomicBool>,
    durable: Durable,
    calls: Vec<&'static str>,
    /// The thread that is in the chosen call.
    entered: Option<Pid>,
    /// What threads are syncing, as it was when they began.
    syncing: BTreeMap<Pid, Synced>,
    /// Threads that were told to stop for the first time, and did not yet.
    starting: BTreeSet<Pid>,
}

impl Traced {
    /// Takes hold of every thread. Those that they start later are seized by the kernel.
    fn seize(&mut self) -> Result<()> {
        let options = ptrace::Options::PTRACE_O_TRACESYSGOOD | ptrace::Options::PTRACE_O_TRACECLONE;
        loop {
            let mut new = false;
            for entry in fs::read_dir(format!("/proc/{}/task", self.leader))? {
                let thread = Pid::from_raw(entry?.file_name().to_string_lossy().parse()?);
                if self.starting.contains(&thread) {
                    continue;
                }
                match ptrace::seize(thread, options) {
                    Ok(()) => {
                        ptrace::interrupt(thread).or_else(gone)?;
                        self.starting.insert(thread);
                        new = true;
                    }
                    // It was started by a thread that we hold already, or has ended.
                    Err(Errno::EPERM | Errno::ESRCH) if !self.starting.is_empty() => {}
                    Err(errno) => return Err(errno).with_context(|| format!("thread {thread} cannot be seized")),
                }
            }
            if !new {
                return Ok(());
            }
        }
    }

    /// Lets the threads go from call to call until the process ends.
    fn follow(&mut self, ready: &mpsc::Sender<()>) -> Result<()> {
        let ours = WaitPidFlag::__WALL | WaitPidFlag::__WNOTHREAD;
        // The end of the process is only looked at: it is for whoever started it to take.
        let look = ours | WaitPidFlag::WEXITED | WaitPidFlag::WSTOPPED | WaitPidFlag::WNOWAIT;
        loop {
            let thread = match waitid(Id::All, look) {
                Ok(WaitStatus::Exited(thread, _) | WaitStatus::Signaled(thread, ..)) if thread == self.leader => break,
                Ok(status) => status.pid().context("a wait without an answer")?,
                Err(Errno::EINTR) => continue,
                Err(Errno::ECHILD) => break,
                Err(errno) => return Err(errno.into()),
            };
            let status = match waitpid(thread, Some(ours)) {
                Ok(status) => status,
                Err(Errno::ECHILD) => continue,
                Err(errno) => return Err(errno.into()),
            };
            // What a stopped thread is asked fails when the process was killed meanwhile.
            self.stopped(thread, status).or_else(gone)?;
            if self.starting.remove(&thread) && self.starting.is_empty() {
                // Whoever waits for this may have given up.
                let _ = ready.send(());
            }
        }
        Ok(())
    }

    fn stopped(&mut self, thread: Pid, status: WaitStatus) -> nix::Result<()> {
        match status {
            WaitStatus::PtraceSyscall(_) => {
                let go_on = match ptrace::syscall_info(thread)?.op {
                    libc::PTRACE_SYSCALL_INFO_ENTRY => self.enters(thread)?,
                    libc::PTRACE_SYSCALL_INFO_EXIT => self.leaves(thread)?,
                    _ => true,
                };
                if go_on { ptrace::syscall(thread, None) } else { Ok(()) }
            }
            WaitStatus::Stopped(_, signal) => ptrace::syscall(thread, signal),
            WaitStatus::PtraceEvent(..) => ptrace::syscall(thread, None),
            WaitStatus::Exited(..) | WaitStatus::Signaled(..) | WaitStatus::Continued(_) | WaitStatus::StillAlive => {
                Ok(())
            }
        }
    }

    /// A thread is about to make a call. Whether it may.
    fn enters(&mut self, thread: Pid) -> nix::Result<bool> {
        let mut registers = ptrace::getregs(thread)?;
        let number = registers.orig_rax.cast_signed();
        let Some((_, name)) = CALLS.iter().find(|(call, _)| *call == number) else { return Ok(true) };
        let name = self.begins(thread, number, registers.rdi).unwrap_or(name);
        if !self.armed.load(Ordering::SeqCst) {
            return Ok(true);
        }
        let earlier = self.calls.len();
        self.calls.push(name);
        if earlier != self.point {
            return Ok(true);
        }
        self.struck.store(true, Ordering::SeqCst);
        match self.fault {
            Fault::Lie => {
                if let Some(synced) = self.syncing.remove(&thread) {
                    self.durable.distrust(&synced);
                }
                return Ok(true);
            }
            Fault::KillBefore => {
                kill(self.leader, Signal::SIGKILL)?;
                return Ok(false);
            }
            Fault::KillAfter => {}
            // There is no call of that number, so the kernel does nothing.
            Fault::Error(_) => {
                self.syncing.remove(&thread);
                registers.orig_rax = u64::MAX;
                ptrace::setregs(thread, registers)?;
            }
        }
        self.entered = Some(thread);
        Ok(true)
    }

    /// A thread is about to make a call; if it syncs something, what that is. A better name for the call, if there is one.
    fn begins(&mut self, thread: Pid, number: libc::c_long, descriptor: u64) -> Option<&'static str> {
        if number != libc::SYS_fsync && number != libc::SYS_fdatasync {
            return None;
        }
        // What cannot be looked at is not open, and the call will fail.
        let (synced, path) = self.durable.opened(self.leader.as_raw(), descriptor).ok().flatten()?;
        let of_parts = synced.is_directory() && path.components().any(|part| part.as_os_str() == "parts");
        self.syncing.insert(thread, synced);
        of_parts.then_some(SYNC_OF_PARTS)
    }

    /// A thread has made a call. Whether it may go on.
    fn leaves(&mut self, thread: Pid) -> nix::Result<bool> {
        if let Some(synced) = self.syncing.remove(&thread)
            && ptrace::getregs(thread)?.rax == 0
        {
            self.durable.keep(synced);
        }
        if self.entered != Some(thread) {
            return Ok(true);
        }
        self.entered = None;
        match self.fault {
            Fault::KillBefore | Fault::Lie => Ok(true),
            Fault::KillAfter => {
                kill(self.leader, Signal::SIGKILL)?;
                Ok(false)
            }
            Fault::Error(errno) => {
                let mut registers = ptrace::getregs(thread)?;
                registers.rax = (-i64::from(errno as i32)).cast_unsigned();
                ptrace::setregs(thread, registers)?;
                Ok(true)
            }
        }
    }
}

/// A thread that has ended is no error.
fn gone(errno: Errno) -> nix::Result<()> {
    if errno == Errno::ESRCH { Ok(()) } else { Err(errno) }
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        io::Write as _,
        process::{Command, Stdio},
    };

    use nix::errno::Errno;

    use super::{Fault, Tracer};
    use crate::crash::durable::Durable;

    /// What a program that makes three directories has made in the end, and its exit code, with a fault at a call.
    fn made(point: usize, fault: Fault) -> (Vec<String>, Option<i32>, usize) {
        let directory = tempfile::tempdir().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", "read _; exec mkdir a b c"]).current_dir(directory.path());
        let mut child = command.stdin(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let durable = Durable::of(directory.path()).unwrap();
        let tracer = Tracer::attach(child.id(), durable, point, fault).unwrap();
        child.stdin.as_mut().unwrap().write_all(b"\n").unwrap();
        let calls = tracer.trace().unwrap().calls;
        let mut names: Vec<String> = fs::read_dir(directory.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        (names, child.wait().unwrap().code(), calls.len())
    }

    #[test]
    fn the_fault_happens_at_the_chosen_call_and_nowhere_else() {
        let check = |point, fault, names: &[&str], code, calls| {
            let (made, ended, seen) = made(point, fault);
            assert_eq!(
                (made, ended, seen),
                (names.iter().map(ToString::to_string).collect(), code, calls),
                "{fault:?} {point}"
            );
        };
        check(0, Fault::KillBefore, &[], None, 1);
        check(1, Fault::KillBefore, &["a"], None, 2);
        check(0, Fault::KillAfter, &["a"], None, 1);
        check(2, Fault::KillAfter, &["a", "b", "c"], None, 3);
        check(1, Fault::Error(Errno::ENOSPC), &["a", "c"], Some(1), 3);
        check(3, Fault::KillBefore, &["a", "b", "c"], Some(0), 3);
    }

    #[test]
    fn what_has_ended_cannot_be_traced() {
        let mut child = Command::new("true").spawn().unwrap();
        let process = child.id();
        child.wait().unwrap();
        let durable = Durable::of(tempfile::tempdir().unwrap().path()).unwrap();
        assert!(Tracer::attach(process, durable, 0, Fault::KillBefore).is_err());
    }
}
