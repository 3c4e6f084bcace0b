//! What the disk has of a directory while a process writes there: what would be left of it if the power failed.
//!
//! A killed process loses nothing that it wrote, since the kernel has it; only a machine that goes down does. So the syncs of
//! the process are watched: of a file, the disk has the bytes that it had when it was last synced, and of a directory the names.
//! Nothing else, though a real disk may well have more.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs,
    io::Write as _,
    os::unix::fs::{DirBuilderExt as _, DirEntryExt as _, MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

/// The durable state of everything below a directory.
#[derive(Debug)]
pub(crate) struct Durable {
    root: PathBuf,
    top: u64,
    nodes: BTreeMap<u64, Content>,
    /// The file or directory of which no sync counts any more.
    liar: Option<u64>,
}

/// A file or a directory at the moment when a sync of it began.
#[derive(Debug)]
pub(crate) struct Synced {
    inode: u64,
    content: Content,
}

#[derive(Clone, Debug)]
enum Content {
    File(Vec<u8>),
    /// Each name with its inode, and whether it is of a directory.
    Directory(Vec<(OsString, u64, bool)>),
}

impl Durable {
    /// Takes for durable what is there now.
    pub(crate) fn of(root: &Path) -> Result<Self> {
        let root = root.canonicalize()?;
        let mut durable = Self { top: fs::metadata(&root)?.ino(), root, nodes: BTreeMap::new(), liar: None };
        let mut open = vec![durable.root.clone()];
        while let Some(path) = open.pop() {
            let Synced { inode, content } = look(&path)?;
            if let Content::Directory(entries) = &content {
                open.extend(entries.iter().map(|(name, ..)| path.join(name)));
            }
            durable.nodes.insert(inode, content);
        }
        Ok(durable)
    }

    /// What a process has open under that number, and where that is, if it is below the root.
    pub(crate) fn opened(&self, process: i32, descriptor: u64) -> Result<Option<(Synced, PathBuf)>> {
        let link = PathBuf::from(format!("/proc/{process}/fd/{descriptor}"));
        let path = fs::read_link(&link)?;
        if path.starts_with(&self.root) { Ok(Some((look(&link)?, path))) } else { Ok(None) }
    }

    /// A sync has ended well.
    pub(crate) fn keep(&mut self, Synced { inode, content }: Synced) {
        if self.liar != Some(inode) {
            self.nodes.insert(inode, content);
        }
    }

    /// From now on no sync of the same file or directory counts, though it ends well.
    pub(crate) fn distrust(&mut self, synced: &Synced) {
        self.liar = Some(synced.inode);
    }

    /// Leaves below the root what is durable and nothing else. The process must have ended.
    pub(crate) fn cut_power(&self) -> Result<()> {
        fs::remove_dir_all(&self.root)?;
        self.write(&self.root, self.top, true).context("what is on the disk cannot be put back")
    }

    fn write(&self, path: &Path, inode: u64, is_directory: bool) -> Result<()> {
        match self.nodes.get(&inode) {
            Some(Content::Directory(entries)) if is_directory => {
                fs::DirBuilder::new().mode(0o700).create(path)?;
                entries
                    .iter()
                    .try_for_each(|(name, inode, is_directory)| self.write(&path.join(name), *inode, *is_directory))
            }
            // The name is there, and what it names was never synced.
            _ if is_directory => Ok(fs::DirBuilder::new().mode(0o700).create(path)?),
            Some(Content::File(bytes)) => write_file(path, bytes),
            _ => write_file(path, &[]),
        }
    }
}

impl Synced {
    pub(crate) fn is_directory(&self) -> bool {
        matches!(self.content, Content::Directory(_))
    }
}

/// For its owner alone, as the registry makes all of its files: a key that others could read is refused.
fn write_file(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    Ok(file.write_all(bytes)?)
}

fn look(path: &Path) -> Result<Synced> {
    let found = fs::metadata(path).with_context(|| format!("{} cannot be looked at", path.display()))?;
    let content = if found.is_dir() {
        let entries = fs::read_dir(path)?.map(|entry| {
            let entry = entry?;
            Ok((entry.file_name(), entry.ino(), entry.file_type()?.is_dir()))
        });
        Content::Directory(entries.collect::<Result<_>>()?)
    } else {
        Content::File(fs::read(path)?)
    };
    Ok(Synced { inode: found.ino(), content })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{Durable, look};

    #[test]
    fn what_was_synced_is_left_and_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().join("root");
        let at = |name: &str| root.join(name);
        fs::create_dir_all(at("old")).unwrap();
        fs::write(at("old/file"), "before").unwrap();
        let mut durable = Durable::of(&root).unwrap();
        let sync = |durable: &mut Durable, name: &str| durable.keep(look(&at(name)).unwrap());
        // A file that grew, of which the first half was synced; one that was moved, and one that has no durable name.
        fs::write(at("old/file"), "half").unwrap();
        sync(&mut durable, "old/file");
        fs::write(at("old/file"), "half, and the other").unwrap();
        fs::create_dir(at("new")).unwrap();
        fs::write(at("new/named"), "bytes").unwrap();
        sync(&mut durable, "new/named");
        sync(&mut durable, "new");
        fs::write(at("new/unnamed"), "bytes").unwrap();
        sync(&mut durable, "new/unnamed");
        fs::write(at("empty"), "never synced").unwrap();
        sync(&mut durable, ".");
        fs::write(at("late"), "").unwrap();
        durable.cut_power().unwrap();
        let read = |name: &str| fs::read_to_string(at(name)).ok();
        assert_eq!(read("old/file").as_deref(), Some("half"));
        assert_eq!(read("new/named").as_deref(), Some("bytes"));
        assert_eq!(read("empty").as_deref(), Some(""));
        assert_eq!((read("new/unnamed"), read("late")), (None, None));
    }

    #[test]
    fn a_sync_that_is_not_trusted_keeps_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("file");
        fs::write(&file, "before").unwrap();
        let mut durable = Durable::of(directory.path()).unwrap();
        fs::write(&file, "after").unwrap();
        durable.distrust(&look(&file).unwrap());
        durable.keep(look(&file).unwrap());
        durable.cut_power().unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "before");
    }
}
