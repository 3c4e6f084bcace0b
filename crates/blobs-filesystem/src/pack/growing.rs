use super::BLOCK;
use super::group::Group;
use super::head::Head;
use crate::disk::Disk;
use crate::key::{PackId, PackedKey};
use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt as _;

/// The pack to which this process appends. It is locked, so that nobody takes it away while it has no entries.
#[derive(Debug)]
pub(crate) struct Growing {
    file: File,
    head: Head,
    /// Up to here everything is on the disk. 0 for a pack that is not there yet, whatever was tried.
    end: u64,
}

impl Growing {
    /// Makes a pack, if this filesystem can have any: holes can be made, and files locked.
    pub(crate) fn begin(disk: &dyn Disk, dir: &File) -> io::Result<Self> {
        let head = Head::draw(PackId::draw());
        let file = disk.create(dir, &head.id().to_string())?;
        let pack = Self { file, head, end: 0 };
        let tried = disk.lock(&pack.file).and_then(|locked| {
            if locked { disk.punch(&pack.file, 0, BLOCK) } else { Err(rustix::io::Errno::BUSY.into()) }
        });
        match tried {
            Ok(()) => Ok(pack),
            Err(error) => {
                pack.abandon(disk, dir);
                Err(error)
            }
        }
    }

    /// How long it is.
    pub(crate) fn end(&self) -> u64 {
        self.end
    }

    /// Appends a group, and brings it to the disk with all that it takes to find it. After an error the pack is to be abandoned: what the
    /// disk has of it behind its end is not known, and stays unknown whatever a second sync says.
    pub(crate) fn append(&mut self, disk: &dyn Disk, dir: &File, group: &mut Group) -> io::Result<Vec<PackedKey>> {
        let is_new = self.end == 0;
        let entries = group.entries(&self.head, self.end.max(BLOCK));
        let (at, end) = (self.end, entries.last().map_or(self.end, |entry| entry.key.end()));
        let headers: Vec<_> = entries.iter().map(|entry| entry.header(&self.head)).collect();
        let head = self.head.to_bytes();
        disk.write_at(&self.file, &mut group.slices(is_new.then_some(&head), &headers), at)?;
        disk.sync_bytes(&self.file)?;
        if is_new {
            disk.sync(dir)?;
        }
        // Somebody removed the directory: what is written to a file without a name is gone with the process.
        if self.file.metadata()?.nlink() == 0 {
            return Err(rustix::io::Errno::STALE.into());
        }
        self.end = end;
        Ok(entries.into_iter().map(|entry| entry.key).collect())
    }

    /// Takes an entry away of which nobody was told.
    pub(crate) fn take_back(&self, disk: &dyn Disk, key: &PackedKey) {
        if let Err(error) = disk.punch(&self.file, key.offset(), key.room()) {
            // The sweep of unnamed bytes finds it later.
            tracing::warn!(%key, %error, "a small blob that nobody waits for could not be removed");
        }
    }

    /// Ends a pack after an error: takes away what is behind its end, and the pack if that is all.
    pub(crate) fn abandon(self, disk: &dyn Disk, dir: &File) {
        let id = self.head.id();
        let gone = if self.end == 0 { disk.unlink(dir, &id.to_string()) } else { disk.cut(&self.file, self.end) };
        if let Err(error) = gone {
            tracing::warn!(pack = %id, %error, "what failed to be written to a pack could not be removed");
        }
    }

    /// Ends a pack, and takes it away if nothing is left in it.
    pub(crate) fn close(self, disk: &dyn Disk, dir: &File) {
        let id = self.head.id();
        let closed = disk.next_bytes(&self.file, BLOCK).and_then(|found| match found {
            Some(_) => Ok(()),
            None => disk.unlink(dir, &id.to_string()),
        });
        if let Err(error) = closed {
            tracing::warn!(pack = %id, %error, "a pack could not be looked through at its end");
        }
    }
}
