//! From entry to entry through a pack, whatever became of it.
//!
//! An entry says where the next one begins. Where none begins there, an entry was deleted, and the hole is jumped over; or a crash has torn
//! what was appended last, and block by block the next header is looked for. What lies between may be bytes of a blob, and a header among
//! them has not the pack's tag.

use super::BLOCK;
use super::entry::Entry;
use super::opened::Opened;
use crate::disk::Disk;
use crate::error::Doing as _;
use manifest_core::Port;

pub(crate) struct Walk<'a> {
    disk: &'a dyn Disk,
    pack: &'a Opened,
    at: u64,
}

impl<'a> Walk<'a> {
    /// Through the entries that begin at an offset, or behind it.
    pub(crate) fn new(disk: &'a dyn Disk, pack: &'a Opened, from: u64) -> Self {
        Self { disk, pack, at: from.max(BLOCK) }
    }

    pub(crate) fn next(&mut self) -> Port<Option<Entry>> {
        loop {
            if let Some(entry) = self.pack.entry(self.disk, self.at)? {
                self.at = entry.key.end();
                return Ok(Some(entry));
            }
            let found = self.disk.next_bytes(&self.pack.file, self.at);
            match found.doing(|| format!("looking for bytes in pack {}", self.pack.head.id()))? {
                None => return Ok(None),
                Some(found) => self.at = (found - found % BLOCK).max(self.at + BLOCK),
            }
        }
    }
}
