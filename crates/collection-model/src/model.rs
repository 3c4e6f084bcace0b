//! The system that is explored: a world under a protocol.

use crate::check;
use crate::describe;
use crate::explore::System;
use crate::locks::deadlocked;
use crate::planner::Planner;
use crate::protocol::Protocol;
use crate::rows::{BLOBS, REPOSITORIES};
use crate::spec::Spec;
use crate::state::{At, COLLECTOR, PROCESSES, Process, SWEEPER, State};
use crate::steps;
use crate::turn::{Stepped, Turn};
use crate::world::{START, World};

/// A world under a protocol.
#[derive(Debug)]
pub struct Model {
    pub(crate) world: World,
    pub(crate) protocol: Protocol,
    pub(crate) planner: Planner,
}

impl Model {
    /// That world under that protocol.
    #[must_use]
    pub fn new(world: World, protocol: Protocol) -> Self {
        let planner = Planner::new(&world);
        Self { world, protocol, planner }
    }

    /// The name of the world.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.world.name
    }

    /// What the processes can do, the clock and killers left out; whom each process waits for.
    pub(crate) fn moves(&self, state: &State, out: &mut Vec<(Label, State)>) -> [u8; PROCESSES] {
        let mut waits_for = [0; PROCESSES];
        for (who, waits) in waits_for.iter_mut().enumerate() {
            for stepped in steps::steps(&Turn::new(self, state, who)) {
                match stepped {
                    Stepped::Took(what, next) => out.push((Label { who: WHO[who], what }, *next)),
                    Stepped::Waits(want) => *waits |= Turn::new(self, state, who).barred_by(want),
                }
            }
        }
        waits_for
    }

    /// Whether no request is under way and no step of collection either.
    #[must_use]
    pub(crate) fn quiet(&self, state: &State) -> bool {
        (0..PROCESSES).all(|who| {
            let process = &state.processes[who];
            let ended = who >= COLLECTOR || usize::from(process.op) == self.world.scripts[who].len();
            process.at == At::Killed || process.at == At::Ready && ended
        })
    }
}

/// The processes by name.
const WHO: [&str; PROCESSES] = ["writer 1", "writer 2", "collector", "sweeper"];

/// What a step was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Label {
    /// Who took it.
    pub who: &'static str,
    /// What it was.
    pub what: &'static str,
}

impl std::fmt::Display for Label {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:10} {}", self.who, self.what)
    }
}

impl System for Model {
    type State = State;
    type Label = Label;

    fn start(&self) -> State {
        let mut leases = [[0; BLOBS]; REPOSITORIES];
        for (leases, repository) in leases.iter_mut().zip(&self.world.rows.repositories) {
            for (lease, access) in leases.iter_mut().zip(repository.access) {
                *lease = access.map_or(0, |access| access.lease);
            }
        }
        let mut repositories = self.world.rows.repositories;
        for repository in &mut repositories {
            repository.access = [None; BLOBS];
        }
        State {
            clock: START,
            rows: self.world.rows,
            bytes: self.world.bytes,
            gone: 0,
            kills: self.world.kills,
            processes: [Process::default(); PROCESSES],
            spec: Spec { repositories, leases },
            broken: None,
        }
    }

    fn steps(&self, state: &State, out: &mut Vec<(Label, State)>) {
        self.moves(state, out);
        if state.clock < START + self.world.ticks {
            let next = State { clock: state.clock + 1, ..*state };
            out.push((Label { who: "clock", what: "ticks" }, next));
        }
        for (who, process) in state.processes.iter().enumerate() {
            let writes = who < COLLECTOR;
            if process.at == At::Ready || process.at == At::Killed || writes && state.kills == 0 {
                continue;
            }
            let mut next = *state;
            // The sweeper and the collector start again; a client may or may not, and one that does not leaves more behind.
            next.processes[who] = Process { at: if writes { At::Killed } else { At::Ready }, ..Process::default() };
            next.kills -= u8::from(writes);
            out.push((Label { who: WHO[who], what: "is killed" }, next));
        }
    }

    fn check(&self, state: &State, _: usize) -> Result<(), String> {
        if let Some(broken) = state.broken {
            return Err(broken.words().to_owned());
        }
        check::state(self, state)?;
        let mut moves = Vec::new();
        let waits_for = self.moves(state, &mut moves);
        if deadlocked(&waits_for) {
            let waiting = waits_for.iter().enumerate().filter(|(_, waits)| **waits != 0);
            let waiting: Vec<String> =
                waiting.map(|(who, _)| format!("{} at {:?}", WHO[who], state.processes[who].at)).collect();
            return Err(format!("a deadlock of {}", waiting.join(" and ")));
        }
        let writers_can = moves.iter().any(|(label, _)| WHO[..COLLECTOR].contains(&label.who));
        if !writers_can && waits_for == [0; PROCESSES] && !self.writers_ended(state) {
            return Err("a writer neither ends nor waits for anybody".to_owned());
        }
        if self.quiet(state) && state.clock == START + self.world.ticks { check::at_rest(self, state) } else { Ok(()) }
    }

    fn describe(&self, state: &State) -> String {
        describe::state(state)
    }
}

impl Model {
    fn writers_ended(&self, state: &State) -> bool {
        let mut writers = state.processes[..COLLECTOR].iter().zip(&self.world.scripts);
        writers.all(|(process, script)| process.at == At::Killed || usize::from(process.op) == script.len())
    }

    /// Collects and sweeps alone, long after everything, until nothing is left to do.
    pub(crate) fn drain(&self, state: &State) -> State {
        let mut state = State { clock: state.clock + 20, ..*state };
        let mut out = Vec::new();
        loop {
            out.clear();
            for who in [COLLECTOR, SWEEPER] {
                for stepped in steps::steps(&Turn::new(self, &state, who)) {
                    if let Stepped::Took(_, next) = stepped {
                        out.push(next);
                    }
                }
                // One of them at a time, so that both come to an end.
                if !out.is_empty() {
                    break;
                }
            }
            match out.drain(..).next() {
                Some(next) => state = *next,
                None => return state,
            }
        }
    }
}
