use crate::disk::Disk;
use crate::error::{Doing as _, corrupt};
use crate::key::{FileKey, Room};
use manifest_core::{Port, PortError, PortErrorKind};
use std::fs::File;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The directories of a store: one for each room, held open, and up to 256 below each, made when they are first needed.
#[derive(Debug)]
pub(crate) struct Tree {
    pub(crate) disk: Arc<dyn Disk>,
    rooms: [Opened; 4],
}

/// A room, and which of its directories are known to outlast a crash.
#[derive(Debug)]
struct Opened {
    dir: File,
    durable: [AtomicBool; 256],
}

impl Tree {
    /// From the directories of the rooms, in the order of [`Room::ALL`].
    pub(crate) fn new(disk: Arc<dyn Disk>, rooms: [File; 4]) -> Self {
        let rooms = rooms.map(|dir| Opened { dir, durable: [const { AtomicBool::new(false) }; 256] });
        Self { disk, rooms }
    }

    /// The directory of a room.
    pub(crate) fn room(&self, room: Room) -> &File {
        &self.opened(room).dir
    }

    /// A directory below a room, if it exists.
    pub(crate) fn find(&self, room: Room, fan: u8) -> Port<Option<File>> {
        match self.disk.open_dir(self.room(room), &fan_name(fan)) {
            Ok(dir) => Ok(Some(dir)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).doing(|| format!("opening {}/{fan:02x}", room.name())),
        }
    }

    /// The directory for a file that is to be made: it exists and outlasts a crash.
    pub(crate) fn prepare(&self, key: &FileKey) -> Port<File> {
        let (room, fan) = (key.room(), key.fan());
        let known = &self.opened(room).durable[usize::from(fan)];
        if known.load(Ordering::Acquire)
            && let Some(dir) = self.find(room, fan)?
        {
            return Ok(dir);
        }
        let dir = match self.make(room, &fan_name(fan)) {
            // The root itself is gone, or is not mounted any more. Nothing that a row names was looked for.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let what = format!("{} is gone", room.name());
                return Err(PortError::new(PortErrorKind::Unavailable, what).with_source(error));
            }
            result => result.doing(|| format!("making {}/{fan:02x}", room.name()))?,
        };
        known.store(true, Ordering::Release);
        Ok(dir)
    }

    /// Makes a directory that may be there, and brings its name to the disk.
    ///
    /// Another writer, even another process, may just have made it, and may not have synced the room yet: whoever uses a
    /// directory for the first time syncs its name, so that nobody relies on what others are about to do.
    fn make(&self, room: Room, name: &str) -> io::Result<File> {
        let parent = self.room(room);
        self.disk.make_dir(parent, name)?;
        let dir = self.disk.open_dir(parent, name)?;
        self.disk.sync(parent)?;
        Ok(dir)
    }

    /// Opens the file of a key for reading. Its size comes with it.
    pub(crate) fn open(&self, key: &FileKey) -> Port<(File, u64)> {
        let opened = (|| {
            let dir = self.disk.open_dir(self.room(key.room()), &fan_name(key.fan()))?;
            self.disk.open(&dir, &key.file_name())
        })();
        opened.and_then(sized).doing(|| format!("opening {key}"))?.ok_or_else(|| corrupt(format!("{key} is no file")))
    }

    /// The same without a wait for the disk, or none: then `open` says why.
    pub(crate) fn open_at_once(&self, key: &FileKey) -> Option<(File, u64)> {
        let file = self.disk.open_at_once(self.room(key.room()), &fan_name(key.fan()), &key.file_name())?;
        sized(file).ok().flatten()
    }

    fn opened(&self, room: Room) -> &Opened {
        &self.rooms[room as usize]
    }
}

/// A file with its size; none if it is something else.
fn sized(file: File) -> io::Result<Option<(File, u64)>> {
    let metadata = file.metadata()?;
    Ok(metadata.is_file().then_some((file, metadata.len())))
}

/// The name of a directory below a room.
fn fan_name(fan: u8) -> String {
    format!("{fan:02x}")
}
