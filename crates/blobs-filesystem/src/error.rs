//! Errors of the operating system as the core knows them, classified in one place.

use manifest_core::{Port, PortError, PortErrorKind};
use rustix::io::Errno;
use std::io;

/// Says what was being done, in words for an operator, where an operation of the system failed.
pub(crate) trait Doing<T> {
    fn doing(self, what: impl FnOnce() -> String) -> Port<T>;
}

impl<T> Doing<T> for io::Result<T> {
    fn doing(self, what: impl FnOnce() -> String) -> Port<T> {
        self.map_err(|error| PortError::new(kind(&error), what()).with_source(error))
    }
}

/// An error of ours about something stored.
pub(crate) fn corrupt(what: String) -> PortError {
    PortError::new(PortErrorKind::Corrupt, what)
}

/// What a caller can make of an error of the system.
pub(crate) fn kind(error: &io::Error) -> PortErrorKind {
    match Errno::from_io_error(error) {
        Some(errno) => kind_of_errno(errno),
        // A short write or an unexpected end; the standard library makes these without the system.
        None => PortErrorKind::Internal,
    }
}

fn kind_of_errno(errno: Errno) -> PortErrorKind {
    match errno {
        // EFBIG: the largest file that the filesystem, or a limit of the process, allows.
        Errno::NOSPC | Errno::DQUOT | Errno::FBIG => PortErrorKind::Full,
        Errno::NOENT => PortErrorKind::NotFound,
        // A link or a file where a directory of ours should be, or a directory where a file should be.
        Errno::LOOP | Errno::NOTDIR | Errno::ISDIR => PortErrorKind::Corrupt,
        Errno::TIMEDOUT => PortErrorKind::Timeout,
        // Too many open files, too little memory, a network filesystem that lost its server, or a directory that somebody
        // made read-only (the kernel does, after an error of the disk): nothing is wrong with what was asked.
        Errno::MFILE
        | Errno::NFILE
        | Errno::NOMEM
        | Errno::AGAIN
        | Errno::BUSY
        | Errno::STALE
        | Errno::HOSTDOWN
        | Errno::HOSTUNREACH
        | Errno::ROFS
        | Errno::ACCESS
        | Errno::PERM => PortErrorKind::Unavailable,
        _ => PortErrorKind::Internal,
    }
}

/// Whether an attempt to link failed because this pair of directories cannot have links, so that a copy is needed.
pub(crate) fn cannot_link(error: &io::Error) -> bool {
    // EPERM is what Linux answers where the filesystem has no hard links; EMLINK, where a file has all the names it may have.
    matches!(
        Errno::from_io_error(error),
        Some(Errno::PERM | Errno::OPNOTSUPP | Errno::NOSYS | Errno::MLINK | Errno::XDEV)
    )
}

/// Whether a pack could not be begun because this filesystem cannot have any: it makes no holes in files, or does not lock them.
pub(crate) fn cannot_pack(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::OPNOTSUPP | Errno::NOSYS | Errno::NOLCK))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds() {
        let check = |errno: Errno, expected: PortErrorKind| {
            let error = Err::<(), _>(io::Error::from(errno)).doing(|| "a test".to_owned()).unwrap_err();
            assert_eq!(error.kind(), expected, "{errno:?}");
            assert!(std::error::Error::source(&error).is_some());
        };
        check(Errno::NOSPC, PortErrorKind::Full);
        check(Errno::DQUOT, PortErrorKind::Full);
        check(Errno::FBIG, PortErrorKind::Full);
        check(Errno::NOENT, PortErrorKind::NotFound);
        check(Errno::LOOP, PortErrorKind::Corrupt);
        check(Errno::NOTDIR, PortErrorKind::Corrupt);
        check(Errno::MFILE, PortErrorKind::Unavailable);
        check(Errno::ROFS, PortErrorKind::Unavailable);
        check(Errno::TIMEDOUT, PortErrorKind::Timeout);
        check(Errno::IO, PortErrorKind::Internal);
        assert_eq!(kind(&io::ErrorKind::WriteZero.into()), PortErrorKind::Internal);
    }
}
