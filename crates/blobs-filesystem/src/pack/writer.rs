//! The thread that appends to packs, the only one of a process: it takes all that waits, writes it at once, waits for the disk once, and
//! answers all.

use super::group::{Append, Group};
use super::growing::Growing;
use super::{FULL, dir};
use crate::batch::Batch;
use crate::disk::Disk;
use crate::error::{cannot_pack, kind};
use crate::key::PackedKey;
use crate::store::no_room;
use crate::tree::Tree;
use manifest_core::{PortError, PortErrorKind};
use std::fs::File;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;

/// Why a blob was not appended.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// The disk failed, or is full.
    Failed(PortError),
    /// There are no packs here; a file can still be made.
    NoPacks(Batch),
}

/// How many blobs are appended at once, at most 16 MiB: as many as anybody waits for at a time, and what is behind them waits no longer.
const MOST: usize = 256;

/// Starts the thread. It ends when nobody can send any more.
pub(crate) fn start(tree: &Tree, min_free: u64, impossible: &Arc<AtomicBool>) -> Option<Sender<Append>> {
    let (send, receive) = mpsc::channel();
    let started = dir(tree).try_clone().and_then(|dir| {
        let disk = Arc::clone(&tree.disk);
        let mut writer = Writer { disk, dir, min_free, pack: None, impossible: Arc::clone(impossible) };
        thread::Builder::new().name("packs".to_owned()).spawn(move || writer.run(&receive))
    });
    match started {
        Ok(_) => Some(send),
        Err(error) => {
            tracing::warn!(%error, "the thread that writes packs could not be started: small blobs are files of their own");
            impossible.store(true, Ordering::Relaxed);
            None
        }
    }
}

struct Writer {
    disk: Arc<dyn Disk>,
    dir: File,
    min_free: u64,
    /// The pack that grows; none before the first blob, and after an error.
    pack: Option<Growing>,
    impossible: Arc<AtomicBool>,
}

impl Writer {
    fn run(&mut self, queue: &Receiver<Append>) {
        while let Ok(first) = queue.recv() {
            let mut group = Vec::from([first]);
            group.extend(queue.try_iter().take(MOST - 1));
            let group = self.admitted(group);
            if !group.0.is_empty() {
                self.store(group);
            }
        }
        if let Some(pack) = self.pack.take() {
            pack.close(&*self.disk, &self.dir);
        }
    }

    /// Those for which there is room above the reserve. The others are told.
    fn admitted(&self, group: Vec<Append>) -> Group {
        let space = match self.disk.space(&self.dir) {
            Ok(space) => space,
            Err(error) => {
                fail(Group(group), "asking how much room is left", &error);
                return Group(Vec::new());
            }
        };
        let mut left = space.free.checked_sub(self.min_free);
        let mut admit = |append: Append| {
            if let Some(rest) = left.and_then(|left| left.checked_sub(append.room())) {
                left = Some(rest);
                return Some(append);
            }
            answer(append, |append| Err(Refusal::Failed(no_room(&space, append.room(), self.min_free))));
            None
        };
        Group(group.into_iter().filter_map(&mut admit).collect())
    }

    fn store(&mut self, mut group: Group) {
        let mut pack = match self.ready() {
            Ok(pack) => pack,
            Err(error) if cannot_pack(&error) => {
                tracing::info!(%error, "the filesystem makes no holes in files, or no locks: small blobs are files of their own");
                self.impossible.store(true, Ordering::Relaxed);
                group.0.into_iter().for_each(|append| {
                    // Whoever does not wait for it any more needs no file either.
                    let _ = append.answer.send(Err(Refusal::NoPacks(append.batch)));
                });
                return;
            }
            Err(error) => return fail(group, "beginning a pack", &error),
        };
        match pack.append(&*self.disk, &self.dir, &mut group) {
            Ok(keys) => {
                for (append, key) in group.0.into_iter().zip(keys) {
                    if append.answer.send(Ok(key)).is_err() {
                        pack.take_back(&*self.disk, &key);
                    }
                }
                self.pack = Some(pack);
            }
            Err(error) => {
                pack.abandon(&*self.disk, &self.dir);
                fail(group, "appending to a pack", &error);
            }
        }
    }

    /// A pack that can be appended to.
    fn ready(&mut self) -> io::Result<Growing> {
        match self.pack.take() {
            Some(pack) if pack.end() < FULL => return Ok(pack),
            Some(pack) => pack.close(&*self.disk, &self.dir),
            None => {}
        }
        Growing::begin(&*self.disk, &self.dir)
    }
}

/// Tells all of a group what went wrong.
fn fail(group: Group, what: &'static str, error: &io::Error) {
    // Where something is not found, the root itself is gone, or is not mounted any more. Nothing that a row names was looked for.
    let kind = Some(kind(error)).filter(|kind| *kind != PortErrorKind::NotFound).unwrap_or(PortErrorKind::Unavailable);
    for append in group.0 {
        answer(append, |_| {
            let source = error.raw_os_error().map_or_else(|| error.kind().into(), io::Error::from_raw_os_error);
            Err(Refusal::Failed(PortError::new(kind, what).with_source(source)))
        });
    }
}

fn answer(append: Append, result: impl FnOnce(&Append) -> Result<PackedKey, Refusal>) {
    let result = result(&append);
    // Nobody waits for it any more, and nothing is there that would have to be taken back.
    let _ = append.answer.send(result);
}
