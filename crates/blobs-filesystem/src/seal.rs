//! Sealing: the bytes of all parts get a name that nobody has seen. Parts stay where they are, so a crash before the upload is
//! finished loses nothing that somebody was told of; the last part, of which nobody was, is used up.

use crate::error::{Doing as _, cannot_link, corrupt};
use crate::fresh::Fresh;
use crate::key::Key;
use crate::new_file::NewFile;
use crate::store::Shared;
use manifest_core::ports::{Part, UploadId};
use manifest_core::{Port, PortError, PortErrorKind};
use oci_types::Digest;
use std::fs::File;
use std::io;
use std::sync::Arc;

/// Joins parts and the last one under a new name, which is on the disk with its bytes when this returns. Nothing is left of the last.
pub(crate) fn parts(
    store: &Shared,
    upload: UploadId,
    parts: &[Part],
    last: Option<&Part>,
    digest: Digest,
) -> Port<Fresh> {
    let sources: Vec<Source> = parts.iter().map(|part| Source::of(store, part)).collect::<Port<_>>()?;
    let last = last.map(|part| Source::of(store, part)).transpose()?;
    // A part of no bytes adds nothing, and without it the others may be one, which costs no copy.
    let full: Vec<&Source> = sources.iter().chain(&last).filter(|source| source.size > 0).collect();
    let key = Key::fresh_sealed(upload, digest);
    let dir = store.tree.prepare(&key)?;
    let unsynced = match (full.as_slice(), &last) {
        ([_], Some(last)) if last.size > 0 => Some(last.rename(store, &dir, key)?),
        ([source], _) if source.link(store, &dir, key)? => None,
        (sources, _) => {
            join(store, upload, sources, &dir, key)?;
            None
        }
    };
    let sealed = Fresh::new(Arc::clone(&store.tree.disk), dir, key);
    match (&unsynced, &last) {
        // After the rename, so that the disk is waited for once: the bytes and both directories go there together.
        (Some(file), _) => store.tree.disk.sync(file).doing(|| format!("syncing {key}"))?,
        (None, Some(last)) => store.delete(&last.key)?,
        (None, None) => {}
    }
    (store.tree.disk.sync(sealed.dir())).doing(|| format!("syncing the directory of {key}"))?;
    Ok(sealed)
}

/// A part, and how many bytes the upload says that it has.
struct Source {
    key: Key,
    size: u64,
}

impl Source {
    fn of(store: &Shared, part: &Part) -> Port<Self> {
        let key = store.key(&part.location)?;
        match key.digest() {
            None => Ok(Self { key, size: part.size }),
            Some(_) => Err(PortError::new(PortErrorKind::Internal, format!("{key} is no part"))),
        }
    }

    /// Gives the part another name instead of its own. The file, which may not be on the disk yet.
    fn rename(&self, store: &Shared, dir: &File, name: Key) -> Port<File> {
        let file = self.open(store)?;
        let renamed = self.named(store, |from, own| store.tree.disk.rename(from, own, dir, &name.file_name()))?;
        renamed.doing(|| format!("moving {} to {name}", self.key))?;
        Ok(file)
    }

    /// Gives the part a second name. `false` where the filesystem cannot.
    fn link(&self, store: &Shared, dir: &File, name: Key) -> Port<bool> {
        drop(self.open(store)?);
        match self.named(store, |from, own| store.tree.disk.link(from, own, dir, &name.file_name()))? {
            Ok(()) => Ok(true),
            Err(error) if cannot_link(&error) => Ok(false),
            Err(error) => Err(error).doing(|| format!("linking {} to {name}", self.key)),
        }
    }

    /// Names the part anew, from the directory and the name that it has.
    fn named(&self, store: &Shared, name: impl FnOnce(&File, &str) -> io::Result<()>) -> Port<io::Result<()>> {
        Ok(match store.tree.find(self.key.room(), self.key.fan())? {
            Some(from) => name(&from, &self.key.file_name()),
            None => Err(rustix::io::Errno::NOENT.into()),
        })
    }

    fn open(&self, store: &Shared) -> Port<File> {
        let (file, found) = store.tree.open(&self.key)?;
        if found == self.size { Ok(file) } else { Err(self.torn(found)) }
    }

    fn torn(&self, found: u64) -> PortError {
        corrupt(format!("{} has {found} bytes, not {}", self.key, self.size))
    }
}

/// Copies all parts into one new file, and moves that to its name. No part, no bytes.
fn join(store: &Shared, upload: UploadId, sources: &[&Source], dir: &File, name: Key) -> Port<()> {
    let mut joined = NewFile::create(store, upload)?;
    for source in sources {
        let file = source.open(store)?;
        let copied = joined.append_file(store, &file, source.size)?;
        if copied != source.size {
            return Err(source.torn(copied));
        }
    }
    joined.sync(store)?;
    let temporary = joined.into_name();
    let disk = &store.tree.disk;
    (disk.rename(temporary.dir(), &temporary.key().file_name(), dir, &name.file_name()))
        .doing(|| format!("moving {} to {name}", temporary.key()))?;
    temporary.keep();
    Ok(())
}
