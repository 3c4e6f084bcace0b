//! Every change that is made to a filesystem, and every question that decides one, behind one trait: what a full disk or a
//! crash does is tested by a double that fails where it is told to.
//!
//! Directories are open files, and names are single components, so a directory that is moved or replaced by a link while the
//! store is open leads nowhere else. No call follows a symbolic link.

use rustix::fs::{AtFlags, FallocateFlags, FlockOperation, Mode, OFlags, ResolveFlags, SeekFrom, StatVfsMountFlags};
use rustix::io::{Errno, ReadWriteFlags};
use std::fmt;
use std::fs::File;
use std::io::{self, IoSlice, IoSliceMut, Read as _, Write as _};
use std::os::unix::fs::FileExt as _;

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

    /// Writes all of the slices from an offset on.
    fn write_at(&self, file: &File, slices: &mut [IoSlice<'_>], at: u64) -> io::Result<()>;

    /// Appends at most `limit` bytes of `from` to `to`, in the kernel where it can. How many.
    fn copy(&self, from: &File, to: &File, limit: u64) -> io::Result<u64>;

    /// Opens what was there, for reading and for holes.
    fn open_for_holes(&self, dir: &File, name: &str) -> io::Result<File>;

    /// Fills the buffer with what is at an offset, up to the end of the file. How many bytes.
    fn read(&self, file: &File, buffer: &mut [u8], at: u64) -> io::Result<usize>;

    /// Opens what was there for reading, in a directory of this one, if that takes no wait for the disk. Whatever is wrong is found by
    /// who waits.
    fn open_at_once(&self, dir: &File, below: &str, name: &str) -> Option<File>;

    /// The same as `read` for what is in memory already: none of it if that is not known.
    fn read_at_once(&self, file: &File, buffer: &mut [u8], at: u64) -> usize;

    /// Brings a file or a directory to the disk.
    fn sync(&self, file: &File) -> io::Result<()>;

    /// Brings the bytes of a file to the disk, and what it takes to find them, but no times.
    fn sync_bytes(&self, file: &File) -> io::Result<()>;

    /// Makes a file shorter.
    fn cut(&self, file: &File, len: u64) -> io::Result<()>;

    /// Takes bytes out of a file, which reads as zeros there, and gives their room back. Its length stays.
    fn punch(&self, file: &File, at: u64, len: u64) -> io::Result<()>;

    /// Where bytes that are no hole follow an offset, or begin there; none to the end of the file. Moves the place at which `write` appends.
    fn next_bytes(&self, file: &File, at: u64) -> io::Result<Option<u64>>;

    /// Locks a file until it is closed, unless somebody else has. Whether it did.
    fn lock(&self, file: &File) -> io::Result<bool>;

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
            Ok(()) | Err(Errno::EXIST) => Ok(()),
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

    fn write_at(&self, file: &File, mut slices: &mut [IoSlice<'_>], mut at: u64) -> io::Result<()> {
        IoSlice::advance_slices(&mut slices, 0);
        while !slices.is_empty() {
            match rustix::io::pwritev(file, slices, at) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    IoSlice::advance_slices(&mut slices, written);
                    at += written as u64;
                }
                Err(Errno::INTR) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
        Ok(())
    }

    fn copy(&self, from: &File, mut to: &File, limit: u64) -> io::Result<u64> {
        // The standard library uses copy_file_range between files, and falls back to reads and writes where there is none.
        io::copy(&mut from.take(limit), &mut to)
    }

    fn open_for_holes(&self, dir: &File, name: &str) -> io::Result<File> {
        let flags = OFlags::RDWR | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(rustix::fs::openat(dir, name, flags, Mode::empty())?.into())
    }

    fn read(&self, file: &File, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() {
            match file.read_at(&mut buffer[filled..], at + filled as u64) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }

    fn open_at_once(&self, dir: &File, below: &str, name: &str) -> Option<File> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let resolve = ResolveFlags::CACHED | ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
        let opened = rustix::fs::openat2(dir, format!("{below}/{name}"), flags, Mode::empty(), resolve);
        opened.ok().map(File::from)
    }

    fn read_at_once(&self, file: &File, buffer: &mut [u8], at: u64) -> usize {
        rustix::io::preadv2(file, &mut [IoSliceMut::new(buffer)], at, ReadWriteFlags::NOWAIT).unwrap_or_default()
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        file.sync_all()
    }

    fn sync_bytes(&self, file: &File) -> io::Result<()> {
        file.sync_data()
    }

    fn cut(&self, file: &File, len: u64) -> io::Result<()> {
        file.set_len(len)
    }

    fn punch(&self, file: &File, at: u64, len: u64) -> io::Result<()> {
        Ok(rustix::fs::fallocate(file, FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE, at, len)?)
    }

    fn next_bytes(&self, file: &File, at: u64) -> io::Result<Option<u64>> {
        match rustix::fs::seek(file, SeekFrom::Data(at)) {
            Ok(found) => Ok(Some(found)),
            Err(Errno::NXIO) => Ok(None),
            Err(errno) => Err(errno.into()),
        }
    }

    fn lock(&self, file: &File) -> io::Result<bool> {
        match rustix::fs::flock(file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(true),
            Err(Errno::WOULDBLOCK) => Ok(false),
            Err(errno) => Err(errno.into()),
        }
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
