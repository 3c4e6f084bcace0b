//! Reading an entry: it is small, so all of it is one piece.

use super::entry::{Entry, HEADER};
use super::opened::Opened;
use crate::blocking;
use crate::disk::Disk;
use crate::error::Doing as _;
use crate::key::PackedKey;
use crate::store::Shared;
use bytes::{Bytes, BytesMut};
use manifest_core::{Port, PortError, PortErrorKind};
use std::ops::Range;
use std::sync::Arc;

/// The bytes of a range, which lies within the entry.
pub(crate) async fn range(store: &Arc<Shared>, key: PackedKey, range: Range<u64>) -> Port<Bytes> {
    let mut buffer = BytesMut::zeroed(usize::try_from(range.end - range.start).unwrap_or(usize::MAX));
    if let Some(pack) = store.packs.cache.get(key.pack())
        && is_read_at_once(&*store.tree.disk, &pack, &key, range.start, &mut buffer)
    {
        return Ok(buffer.freeze());
    }
    let store = Arc::clone(store);
    blocking::run(move || {
        let disk = &*store.tree.disk;
        let known = store.packs.cache.get(key.pack());
        match known.map(|pack| read(disk, &pack, &key, range.start, &mut buffer)) {
            Some(Ok(())) => return Ok(buffer.freeze()),
            // On a filesystem of several machines, what another one appended just now is sure to be seen only in a file that is opened
            // after that.
            Some(Err(error)) if error.kind() != PortErrorKind::NotFound => return Err(error),
            Some(Err(_)) | None => {}
        }
        let pack = Arc::new(Opened::to_read(&store.tree, key.pack())?);
        store.packs.cache.put(&pack);
        read(disk, &pack, &key, range.start, &mut buffer)?;
        Ok(buffer.freeze())
    })
    .await
}

/// Fills the buffer if everything is in memory, and still is what was asked for when it has been read.
fn is_read_at_once(disk: &dyn Disk, pack: &Opened, key: &PackedKey, from: u64, buffer: &mut [u8]) -> bool {
    if !buffer.is_empty() && disk.read_at_once(&pack.file, buffer, key.start() + from) < buffer.len() {
        return false;
    }
    let mut header = [0; HEADER];
    disk.read_at_once(&pack.file, &mut header, key.offset()) == HEADER
        && Entry::of_header(&header, &pack.head, key.offset()).is_some_and(|entry| entry.key == *key)
}

fn read(disk: &dyn Disk, pack: &Opened, key: &PackedKey, from: u64, buffer: &mut [u8]) -> Port<()> {
    let filled = disk.read(&pack.file, buffer, key.start() + from).doing(|| format!("reading {key}"))?;
    // Behind the bytes: a hole may have been made while they were read.
    if !pack.holds(disk, key)? {
        return Err(PortError::new(PortErrorKind::NotFound, format!("{key} is not in its pack")));
    }
    if filled < buffer.len() {
        return Err(crate::read::short(key, from + filled as u64, from + buffer.len() as u64));
    }
    Ok(())
}
