//! A disk that fails where a test tells it to, and counts what it is asked.

use crate::disk::{Disk, Kernel, Space};
use rustix::io::Errno;
use std::fs::File;
use std::io::{self, IoSlice};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

/// The kernel's filesystem, with faults.
#[derive(Debug)]
pub(crate) struct Double {
    pub(crate) fault: Option<Fault>,
    /// How many changes were asked for.
    pub(crate) changes: AtomicU64,
    /// How many reads.
    pub(crate) reads: AtomicU64,
    /// Bytes that can still be written; what the kernel says if absent.
    pub(crate) free: Option<AtomicU64>,
    /// How often bytes of a file alone were synced.
    pub(crate) byte_syncs: AtomicU64,
    /// What a link answers, if it always fails.
    pub(crate) no_links: Option<Errno>,
    /// What punching a hole answers, if it always fails.
    pub(crate) no_holes: Option<Errno>,
    /// What locking a file answers, if it always fails.
    pub(crate) no_locks: Option<Errno>,
    /// A directory of a name that is opened elsewhere.
    pub(crate) mounted: Option<(&'static str, PathBuf)>,
}

/// The change that fails, counted from 0, and how.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fault {
    pub(crate) at: u64,
    pub(crate) errno: Errno,
    /// Whether everything after it fails as well, as if the process had died.
    pub(crate) deadly: bool,
}

impl Double {
    pub(crate) fn sound() -> Self {
        Self {
            fault: None,
            changes: AtomicU64::new(0),
            reads: AtomicU64::new(0),
            free: None,
            byte_syncs: AtomicU64::new(0),
            no_links: None,
            no_holes: None,
            no_locks: None,
            mounted: None,
        }
    }

    /// Whether the fault came about.
    pub(crate) fn failed(&self) -> bool {
        self.fault.is_some_and(|fault| self.changes.load(Ordering::SeqCst) > fault.at)
    }

    fn change<T>(&self, make: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        let count = self.changes.fetch_add(1, Ordering::SeqCst);
        match self.fault {
            Some(fault) if count == fault.at || fault.deadly && count > fault.at => Err(fault.errno.into()),
            _ => make(),
        }
    }
}

impl Disk for Double {
    fn make_dir(&self, parent: &File, name: &str) -> io::Result<()> {
        self.change(|| Kernel.make_dir(parent, name))
    }

    fn open_dir(&self, parent: &File, name: &str) -> io::Result<File> {
        match &self.mounted {
            Some((mounted, path)) if *mounted == name => File::open(path),
            _ => Kernel.open_dir(parent, name),
        }
    }

    fn create(&self, dir: &File, name: &str) -> io::Result<File> {
        self.change(|| Kernel.create(dir, name))
    }

    fn open(&self, dir: &File, name: &str) -> io::Result<File> {
        Kernel.open(dir, name)
    }

    fn write(&self, file: &File, slices: &mut [IoSlice<'_>]) -> io::Result<()> {
        let len = slices.iter().map(|slice| slice.len() as u64).sum();
        // A write that fails has written some of it.
        if let Err(error) = self.change(|| Ok(())) {
            let some = slices.len().min(1);
            Kernel.write(file, &mut slices[..some])?;
            return Err(error);
        }
        self.take(len);
        Kernel.write(file, slices)
    }

    fn write_at(&self, file: &File, slices: &mut [IoSlice<'_>], at: u64) -> io::Result<()> {
        let len = slices.iter().map(|slice| slice.len() as u64).sum();
        if let Err(error) = self.change(|| Ok(())) {
            // All of the first slice, a whole header, and nothing of what must follow.
            let some = slices.len().min(1);
            Kernel.write_at(file, &mut slices[..some], at)?;
            return Err(error);
        }
        self.take(len);
        Kernel.write_at(file, slices, at)
    }

    fn copy(&self, from: &File, to: &File, limit: u64) -> io::Result<u64> {
        if let Err(error) = self.change(|| Ok(())) {
            Kernel.copy(from, to, limit / 2)?;
            return Err(error);
        }
        self.take(limit);
        Kernel.copy(from, to, limit)
    }

    fn open_for_holes(&self, dir: &File, name: &str) -> io::Result<File> {
        Kernel.open_for_holes(dir, name)
    }

    fn read(&self, file: &File, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        Kernel.read(file, buffer, at)
    }

    /// A disk that always has to be waited for.
    fn open_at_once(&self, _: &File, _: &str, _: &str) -> Option<File> {
        None
    }

    fn read_at_once(&self, _: &File, _: &mut [u8], _: u64) -> usize {
        0
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        self.change(|| Kernel.sync(file))
    }

    fn sync_bytes(&self, file: &File) -> io::Result<()> {
        self.byte_syncs.fetch_add(1, Ordering::SeqCst);
        self.change(|| Kernel.sync_bytes(file))
    }

    fn cut(&self, file: &File, len: u64) -> io::Result<()> {
        self.change(|| Kernel.cut(file, len))
    }

    fn punch(&self, file: &File, at: u64, len: u64) -> io::Result<()> {
        match self.no_holes {
            Some(errno) => Err(errno.into()),
            None => self.change(|| Kernel.punch(file, at, len)),
        }
    }

    fn next_bytes(&self, file: &File, at: u64) -> io::Result<Option<u64>> {
        Kernel.next_bytes(file, at)
    }

    fn lock(&self, file: &File) -> io::Result<bool> {
        match self.no_locks {
            Some(errno) => Err(errno.into()),
            None => self.change(|| Kernel.lock(file)),
        }
    }

    fn link(&self, from: &File, name: &str, to: &File, new_name: &str) -> io::Result<()> {
        match self.no_links {
            Some(errno) => Err(errno.into()),
            None => self.change(|| Kernel.link(from, name, to, new_name)),
        }
    }

    fn rename(&self, from: &File, name: &str, to: &File, new_name: &str) -> io::Result<()> {
        self.change(|| Kernel.rename(from, name, to, new_name))
    }

    fn unlink(&self, dir: &File, name: &str) -> io::Result<()> {
        self.change(|| Kernel.unlink(dir, name))
    }

    fn space(&self, dir: &File) -> io::Result<Space> {
        let space = Kernel.space(dir)?;
        match &self.free {
            Some(free) => Ok(Space { free: free.load(Ordering::SeqCst), ..space }),
            None => Ok(space),
        }
    }
}

impl Double {
    fn take(&self, bytes: u64) {
        if let Some(free) = &self.free {
            let _ = free.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |free| Some(free.saturating_sub(bytes)));
        }
    }
}
