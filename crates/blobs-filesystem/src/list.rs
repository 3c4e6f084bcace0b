//! Listing: directory by directory in the order of the names, holding no more than a page.

use crate::error::{self, Doing as _};
use crate::key::{FileKey, Key, Place, Room};
use crate::pack;
use crate::store::Shared;
use manifest_core::ports::{Page, Stored};
use manifest_core::time::{Millis, SECOND};
use manifest_core::{Port, PortErrorKind};
use rustix::fs::Dir;
use std::collections::{BTreeSet, BinaryHeap};
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;

/// The files that follow a key, at most so many.
pub(crate) fn page(store: &Shared, after: Option<Key>, limit: u32) -> Port<Page<Stored>> {
    let limit = limit as usize;
    let mut items = Vec::new();
    if limit == 0 {
        return Ok(Page { items, more: false });
    }
    // One more than the page holds tells whether others follow.
    let enough = limit + 1;
    let after = match after.map(|after| after.0) {
        Some(Place::File(after)) => Some(after),
        Some(Place::Packed(after)) => {
            pack::list(store, Some(after), enough, &mut items)?;
            None
        }
        None => {
            pack::list(store, None, enough, &mut items)?;
            None
        }
    };
    for room in [Room::Parts, Room::Sha256, Room::Sha512] {
        if items.len() < enough {
            files(store, room, after, enough, &mut items)?;
        }
    }
    let more = items.len() > limit;
    items.truncate(limit);
    Ok(Page { items, more })
}

/// Adds the files of a room that follow a key, until there are `enough`; and what would be files there if they were not held.
fn files(store: &Shared, room: Room, after: Option<FileKey>, enough: usize, items: &mut Vec<Stored>) -> Port<()> {
    let start = after.map(|key| (key.room(), key.fan()));
    let mut held = store.held.list(|key, size, since| stored(store, key, size, since));
    held.retain(|(key, _)| key.room() == room && after.is_none_or(|after| *key > after));
    let mut fans = fans(store.tree.room(room)).doing(|| format!("listing {}", room.name()))?;
    fans.extend(held.iter().map(|(key, _)| key.fan()));
    for fan in fans.into_iter().filter(|fan| start.is_none_or(|start| (room, *fan) >= start)) {
        if items.len() >= enough {
            break;
        }
        let first = items.len();
        directory(store, (room, fan), after, enough, items)?;
        for (_, stored) in held.iter().filter(|(key, _)| key.fan() == fan) {
            // One that is being driven out has its file already.
            if !items[first..].iter().any(|item| item.location == stored.location) {
                items.push(stored.clone());
            }
        }
        items[first..].sort_by(|one, other| one.location.key.cmp(&other.location.key));
        items.truncate(enough);
    }
    Ok(())
}

fn stored(store: &Shared, key: &FileKey, size: u64, modified: Millis) -> Stored {
    Stored { location: store.location(*key), upload: key.upload(), size, modified }
}

/// Adds the files of one directory that follow a key, until there are `enough`.
fn directory(
    store: &Shared,
    (room, fan): (Room, u8),
    mut after: Option<FileKey>,
    enough: usize,
    items: &mut Vec<Stored>,
) -> Port<()> {
    let Some(dir) = store.tree.find(room, fan)? else {
        return Ok(());
    };
    // A name may vanish before it is looked at; then the directory is read again behind the last one.
    while items.len() < enough {
        let wanted = enough - items.len();
        let keys = lowest(&dir, (room, fan), after, wanted).doing(|| format!("listing {}/{fan:02x}", room.name()))?;
        for key in &keys {
            if let Some(metadata) = look(store, &dir, key).doing(|| format!("looking at {key}"))? {
                items.push(stored(store, key, metadata.len(), modified(&metadata)));
            }
        }
        if keys.len() < wanted {
            break;
        }
        after = keys.last().copied();
    }
    Ok(())
}

/// The directories of a room.
fn fans(room: &File) -> io::Result<BTreeSet<u8>> {
    let mut found = BTreeSet::new();
    for entry in Dir::read_from(room)? {
        if let Ok(name) = entry?.file_name().to_str()
            && let Ok(fan) = u8::from_str_radix(name, 16)
            && name == format!("{fan:02x}")
        {
            found.insert(fan);
        }
    }
    Ok(found)
}

/// The lowest keys of a directory that follow `after`, at most so many, in order. What is named unlike our files is passed over.
fn lowest(dir: &File, (room, fan): (Room, u8), after: Option<FileKey>, wanted: usize) -> io::Result<Vec<FileKey>> {
    let mut keys = BinaryHeap::new();
    for entry in Dir::read_from(dir)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().to_str() else {
            continue;
        };
        let Ok(Key(Place::File(key))) = format!("{}/{fan:02x}/{name}", room.name()).parse() else {
            continue;
        };
        if after.is_none_or(|after| key > after) {
            keys.push(key);
            if keys.len() > wanted {
                keys.pop();
            }
        }
    }
    Ok(keys.into_sorted_vec())
}

/// Size and times of a file; none if it is gone, or is no regular file.
fn look(store: &Shared, dir: &File, key: &FileKey) -> io::Result<Option<Metadata>> {
    match store.tree.disk.open(dir, &key.file_name()) {
        Ok(file) => Ok(Some(file.metadata()?).filter(Metadata::is_file)),
        Err(error) if matches!(error::kind(&error), PortErrorKind::NotFound | PortErrorKind::Corrupt) => Ok(None),
        Err(error) => Err(error),
    }
}

/// When a file was written, or got the name under which it is listed: a link makes old bytes young, and so does a restored
/// backup, so that neither is taken for something that was forgotten long ago.
fn modified(metadata: &Metadata) -> Millis {
    let millis =
        |seconds: i64, nanoseconds: i64| seconds.saturating_mul(SECOND).saturating_add(nanoseconds / 1_000_000);
    millis(metadata.mtime(), metadata.mtime_nsec()).max(millis(metadata.ctime(), metadata.ctime_nsec()))
}
