use super::entry::{Entry, HEADER};
use super::head::{HEAD, Head};
use super::{BLOCK, dir};
use crate::disk::Disk;
use crate::error::{Doing as _, corrupt};
use crate::key::{PackId, PackedKey};
use crate::tree::Tree;
use manifest_core::{Port, PortError, PortErrorKind};
use std::fs::{File, Metadata};

/// A pack that is open, and of which the head was read.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) file: File,
    pub(crate) head: Head,
}

impl Opened {
    /// Opens a pack for reading. `NotFound` if there is none, or nothing in it.
    pub(crate) fn to_read(tree: &Tree, id: PackId) -> Port<Self> {
        Self::open(tree, id, |disk, dir, name| disk.open(dir, name))
    }

    /// Opens a pack for reading and for holes.
    pub(crate) fn to_punch(tree: &Tree, id: PackId) -> Port<Self> {
        Self::open(tree, id, |disk, dir, name| disk.open_for_holes(dir, name))
    }

    fn open(tree: &Tree, id: PackId, open: impl FnOnce(&dyn Disk, &File, &str) -> std::io::Result<File>) -> Port<Self> {
        let file = open(&*tree.disk, dir(tree), &id.to_string()).doing(|| format!("opening pack {id}"))?;
        if !file.metadata().as_ref().is_ok_and(Metadata::is_file) {
            return Err(corrupt(format!("pack {id} is no file")));
        }
        let mut bytes = [0; HEAD];
        let filled = tree.disk.read(&file, &mut bytes, 0).doing(|| format!("reading the head of pack {id}"))?;
        // What a crash leaves of a pack of which nobody was told anything.
        if filled < HEAD || bytes == [0; HEAD] {
            return Err(PortError::new(PortErrorKind::NotFound, format!("pack {id} has no head")));
        }
        match Head::of_bytes(&bytes, id) {
            Some(head) => Ok(Self { file, head }),
            None => Err(corrupt(format!("the head of pack {id} is damaged"))),
        }
    }

    /// The entry whose header is at an offset, if one is.
    pub(crate) fn entry(&self, disk: &dyn Disk, at: u64) -> Port<Option<Entry>> {
        let mut header = [0; HEADER];
        let read = disk.read(&self.file, &mut header, at);
        let filled = read.doing(|| format!("reading pack {} at {at}", self.head.id()))?;
        Ok((filled == HEADER).then(|| Entry::of_header(&header, &self.head, at)).flatten())
    }

    /// Whether the entry of a key is there.
    pub(crate) fn holds(&self, disk: &dyn Disk, key: &PackedKey) -> Port<bool> {
        Ok(self.entry(disk, key.offset())?.is_some_and(|entry| entry.key == *key))
    }

    /// Whether nothing is left of what was appended.
    pub(crate) fn is_empty(&self, disk: &dyn Disk) -> Port<bool> {
        let found = disk.next_bytes(&self.file, BLOCK);
        Ok(found.doing(|| format!("looking for bytes in pack {}", self.head.id()))?.is_none())
    }
}
