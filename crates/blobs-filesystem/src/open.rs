use crate::disk::Disk;
use crate::key::Room;
use crate::store::Shared;
use crate::store_id::{ParseStoreIdError, StoreId};
use crate::tree::Tree;
use manifest_core::facts::StoreName;
use rustix::fs::{Access, AtFlags};
use rustix::io::Errno;
use std::fs::{self, DirBuilder, File};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How a directory is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// How many bytes of the filesystem stay free: what would leave less is refused with `Full`. Writers look before each batch
    /// and do not wait for each other, so together they may leave less by what they write between two looks: 512 KiB for each
    /// body, 16 MiB for each seal that joins parts, and for the small blobs that are packed together. What stays free is for the
    /// database beside the store, and for cleaning up.
    pub min_free: u64,
}

impl Default for Options {
    /// 256 MiB stay free.
    fn default() -> Self {
        Self { min_free: 256 * 1024 * 1024 }
    }
}

/// Why a directory cannot be a store.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Something else has the name of a directory. A symbolic link is something else below the root.
    #[error("{} is not a directory: name another one, or move what is there away", path.display())]
    NotADirectory {
        /// Where.
        path: PathBuf,
    },
    /// This process may not write there, or nobody may.
    #[error("{} is not writable: give it to the user that runs this process, or name another directory", path.display())]
    NotWritable {
        /// Where.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Parts and sealed blobs are on different filesystems, so that no part could be linked.
    #[error("{} is on another filesystem than {}: a store is one filesystem, so mount its root instead", path.display(), root.display())]
    OtherFilesystem {
        /// What was mounted inside.
        path: PathBuf,
        /// The root.
        root: PathBuf,
    },
    /// The file that says who the store is does not say it.
    #[error("{} does not hold the id of a store: restore it from a backup, or from the database that names this store", path.display())]
    StoreId {
        /// Where.
        path: PathBuf,
        /// What was found.
        source: ParseStoreIdError,
    },
    /// The system failed otherwise.
    #[error("{} could not be opened or made", path.display())]
    System {
        /// Where.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl OpenError {
    fn new(path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        match Errno::from_io_error(&source) {
            Some(Errno::NOTDIR | Errno::LOOP | Errno::EXIST) => Self::NotADirectory { path },
            Some(Errno::ACCESS | Errno::PERM | Errno::ROFS) => Self::NotWritable { path, source },
            _ => Self::System { path, source },
        }
    }
}

/// Opens a store on a disk, which is the kernel's but in tests.
pub(crate) fn open(disk: Arc<dyn Disk>, root: &Path, name: StoreName, options: Options) -> Result<Shared, OpenError> {
    make_root(root)?;
    let failed = |error| OpenError::new(root, error);
    let root_dir = File::open(root).map_err(failed)?;
    let metadata = root_dir.metadata().map_err(failed)?;
    if !metadata.is_dir() {
        return Err(OpenError::NotADirectory { path: root.to_owned() });
    }
    check_writable(&root_dir).map_err(failed)?;
    let [packs, parts, sha256, sha512] = Room::ALL.map(|room| {
        let path = root.join(room.name());
        let dir = open_room(&*disk, &root_dir, room.name()).map_err(|error| OpenError::new(&path, error))?;
        let found = dir.metadata().map_err(|error| OpenError::new(&path, error))?;
        if found.dev() != metadata.dev() {
            return Err(OpenError::OtherFilesystem { path, root: root.to_owned() });
        }
        check_writable(&dir).map_err(|error| OpenError::new(&path, error))?;
        Ok(dir)
    });
    let rooms = [packs?, parts?, sha256?, sha512?];
    let id = store_id(&*disk, root, &root_dir)?;
    disk.sync(&root_dir).map_err(failed)?;
    Ok(Shared::new(name, id, options.min_free, Tree::new(disk, rooms)))
}

/// Makes the root and what is missing above it, and brings their names to the disk.
fn make_root(root: &Path) -> Result<(), OpenError> {
    let missing: Vec<&Path> = (root.ancestors())
        .take_while(|path| !path.as_os_str().is_empty() && fs::symlink_metadata(path).is_err())
        .collect();
    for path in missing.into_iter().rev() {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        made.and_then(|()| File::open(parent.unwrap_or(Path::new(".")))?.sync_all())
            // Where what is above is no directory, that is what must go.
            .map_err(|error| match (Errno::from_io_error(&error), parent) {
                (Some(Errno::NOTDIR), Some(parent)) => OpenError::new(parent, error),
                _ => OpenError::new(path, error),
            })?;
    }
    Ok(())
}

fn open_room(disk: &dyn Disk, root: &File, name: &str) -> io::Result<File> {
    disk.make_dir(root, name)?;
    disk.open_dir(root, name)
}

/// Asks, and does not try: a store on a full disk must open, for reads and deletes.
fn check_writable(dir: &File) -> io::Result<()> {
    rustix::fs::accessat(dir, ".", Access::WRITE_OK | Access::EXEC_OK, AtFlags::EACCESS)?;
    Ok(())
}

const STORE_ID: &str = "store-id";

/// Reads who the store is; if nobody has said so yet, draws an id. Of several processes that do so at once, one wins.
fn store_id(disk: &dyn Disk, root: &Path, root_dir: &File) -> Result<StoreId, OpenError> {
    let path = root.join(STORE_ID);
    let failed = |error| OpenError::new(&path, error);
    loop {
        match disk.open(root_dir, STORE_ID) {
            Ok(file) => {
                let mut text = Vec::new();
                // No id is longer, and whatever else stands there need not be read.
                file.take(100).read_to_end(&mut text).map_err(failed)?;
                let id = String::from_utf8_lossy(&text).trim_ascii_end().parse();
                return id.map_err(|source| OpenError::StoreId { path, source });
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                write_store_id(disk, root_dir, StoreId::draw()).map_err(failed)?;
            }
            Err(error) => return Err(failed(error)),
        }
    }
}

/// Writes an id under another name first, so that nobody reads half of it.
fn write_store_id(disk: &dyn Disk, root: &File, id: StoreId) -> io::Result<()> {
    let temporary = format!("{STORE_ID}.{id}");
    let mut file = disk.create(root, &temporary)?;
    let named = (|| {
        writeln!(file, "{id}")?;
        disk.sync(&file)?;
        disk.link(root, &temporary, root, STORE_ID)
    })();
    match named {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        // Where there are no links, the last of several that are first wins, and all but it must be started again.
        Err(error) if crate::error::cannot_link(&error) => return disk.rename(root, &temporary, root, STORE_ID),
        Err(error) => {
            disk.unlink(root, &temporary).ok();
            return Err(error);
        }
        Ok(()) => {}
    }
    disk.unlink(root, &temporary)
}
