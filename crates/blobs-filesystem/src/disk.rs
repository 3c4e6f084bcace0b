//! Every change that is made to a filesystem, and every question that decides one, behind one trait: what a full disk or a
//! crash does is tested by a double that fails where it is told to.
//!
//! Directories are open files, and names are single components, so a directory that is moved or replaced by a link while the
//! store is open leads nowhere else. No call follows a symbolic link.

use rustix::fs::{AtFlags, Mode, OFlags, StatVfsMountFlags};
use std::fmt;
use std::fs::File;
use std::io::{self, IoSlice, Read as _, Write as _};

pub(crate) trait Disk: fmt::Debug + Send + Sync {
    /// Makes a directory that only its owner may enter. One that is there already is no error.
    fn make_dir(&self, parent: &File, name: &str) -> io::Result<()>;

    /// Opens a directory.
    fn open_dir(&self, parent: &File, name: &str) -> io::Result<File>;

    /// Makes a file that was not there, for writing and reading by its owner.
    fn create(&self, dir: &File, name: &str) -> io::Result<File>;

    /// Opens what was there, for reading. It may be no regular file.
    fn open(&self, dir: &File, name: &str) -> io::Result<File>;

    /// Appends all of the slices.
    fn write(&self, file: &File, slices: &mut [IoSlice<'_>]) -> io::Result<()>;

    /// Appends at most `limit` bytes of `from` to `to`, in the kernel where it can. How many.
    fn copy(&self, from: &File, to: &File, limit: u64) -> io::Result<u64>;

    /// Reads on: `limit` bytes, or fewer where the file ends.
    fn read(&self, file: &File, limit: usize) -> io::Result<Vec<u8>>;

    /// Brings a file or a directory to the disk.
    fn sync(&self, file: &File) -> io::Result<()>;

    /// Gives a file a second name.
    fn link(&self, from: &File, name: &str, to: &File, new_name: &str) -> io::Result<()>;

    /// Gives a file another name instead of the one it has.
    fn rename(&self, from: &File, name: &str, to: &File, new_name: &str) -> io::Result<()>;

    /// Takes a name away.
    fn unlink(&self, dir: &File, name: &str) -> io::Result<()>;

    /// How much room the filesystem of a directory has.
    fn space(&self, dir: &File) -> io::Result<Space>;
}

/// How much room a filesystem has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Space {
    /// Bytes that an ordinary user can still write.
    pub(crate) free: u64,
    /// Whether it is mounted for reading only.
    pub(crate) read_only: bool,
}

/// The filesystem as the kernel has it.
#[derive(Debug)]
pub(crate) struct Kernel;

impl Disk for Kernel {
    fn make_dir(&self, parent: &File, name: &str) -> io::Result<()> {
        match rustix::fs::mkdirat(parent, name, Mode::RWXU) {
            Ok(()) | Err(rustix::io::Errno::EXIST) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }

    fn open_dir(&self, parent: &File, name: &str) -> io::Result<File> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(rustix::fs::openat(parent, name, flags, Mode::empty())?.into())
    }

    fn create(&self, dir: &File, name: &str) -> io::Result<File> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(rustix::fs::openat(dir, name, flags, Mode::RUSR | Mode::WUSR)?.into())
    }

    fn open(&self, dir: &File, name: &str) -> io::Result<File> {
        // Without NONBLOCK, opening a FIFO would wait for somebody who writes to it.
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(rustix::fs::openat(dir, name, flags, Mode::empty())?.into())
    }

    fn write(&self, mut file: &File, mut slices: &mut [IoSlice<'_>]) -> io::Result<()> {
        // Empty slices at the front would be taken for a write of nothing.
        IoSlice::advance_slices(&mut slices, 0);
        while !slices.is_empty() {
            match file.write_vectored(slices) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => IoSlice::advance_slices(&mut slices, written),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn copy(&self, from: &File, mut to: &File, limit: u64) -> io::Result<u64> {
        // The standard library uses copy_file_range between files, and falls back to reads and writes where there is none.
        io::copy(&mut from.take(limit), &mut to)
    }

    fn read(&self, file: &File, limit: usize) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::with_capacity(limit);
        file.take(limit as u64).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        file.sync_all()
    }

    fn link(&self, from: &File, name: &str, to: &File, new_name: &str) -> io::Result<()> {
        Ok(rustix::fs::linkat(from, name, to, new_name, AtFlags::empty())?)
    }

    fn rename(&self, from: &File, name: &str, to: &File, new_name: &str) -> io::Result<()> {
        Ok(rustix::fs::renameat(from, name, to, new_name)?)
    }

    fn unlink(&self, dir: &File, name: &str) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(dir, name, AtFlags::empty())?)
    }

    fn space(&self, dir: &File) -> io::Result<Space> {
        let found = rustix::fs::fstatvfs(dir)?;
        Ok(Space {
            free: found.f_bavail.saturating_mul(found.f_frsize),
            read_only: found.f_flag.contains(StatVfsMountFlags::RDONLY),
        })
    }
}
