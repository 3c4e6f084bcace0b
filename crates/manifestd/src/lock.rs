use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

/// The file that is locked, beside the database.
const NAME: &str = "lock";

/// The data directory is ours until this is dropped, or the process ends in any way.
///
/// The lock is the system's (`flock`), not the file: a file that a killed process left behind locks nothing. The file holds
/// the process id, for whoever is refused.
#[derive(Debug)]
pub(crate) struct DirectoryLock {
    _file: File,
}

/// Why the directory is not ours.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LockError {
    /// Another process has it.
    #[error("the directory is in use")]
    Held { pid: Option<u32> },
    /// The directory cannot be made, or the file in it cannot be opened.
    #[error("the lock file cannot be opened")]
    Io(#[source] io::Error),
}

impl DirectoryLock {
    /// Makes the directory if it is absent, and locks it.
    pub(crate) fn acquire(directory: &Path) -> Result<Self, LockError> {
        // What is pushed is nobody else's to read; whoever made the directory before has chosen for themselves.
        create_durably(directory).map_err(LockError::Io)?;
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let mut file = options.open(directory.join(NAME)).map_err(LockError::Io)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(LockError::Held { pid: read_pid(&mut file) }),
            Err(TryLockError::Error(error)) => return Err(LockError::Io(error)),
        }
        // The lock is held whether or not the id can be written: on a full disk, reads and deletes must go on.
        let _written = write_pid(&mut file);
        Ok(Self { _file: file })
    }
}

/// Makes the directory and those above it that are absent. Each is on the disk, name included, before anything is stored
/// in it: a push that was acknowledged must not vanish with the directory that holds it.
fn create_durably(directory: &Path) -> io::Result<()> {
    if directory.is_dir() {
        return Ok(());
    }
    let parent = directory.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    create_durably(parent)?;
    match DirBuilder::new().mode(0o700).create(directory) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && directory.is_dir() => {}
        made => made?,
    }
    File::open(parent)?.sync_all()
}

fn write_pid(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    file.seek(SeekFrom::Start(0))?;
    writeln!(file, "{}", std::process::id())
}

fn read_pid(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{DirectoryLock, LockError};

    #[test]
    fn one_process_at_a_time() {
        let directory = tempfile::tempdir().unwrap();
        let data = directory.path().join("a/b");
        let held = DirectoryLock::acquire(&data).unwrap();
        let Err(LockError::Held { pid }) = DirectoryLock::acquire(&data) else { panic!("the lock is held") };
        assert_eq!(pid, Some(std::process::id()));
        drop(held);
        DirectoryLock::acquire(&data).unwrap();
    }

    #[test]
    fn a_file_left_behind_locks_nothing() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("lock"), "4194305 and more\n").unwrap();
        DirectoryLock::acquire(directory.path()).unwrap();
        let text = std::fs::read_to_string(directory.path().join("lock")).unwrap();
        assert_eq!(text, format!("{}\n", std::process::id()));
    }
}
