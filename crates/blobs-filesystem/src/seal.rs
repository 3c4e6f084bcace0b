//! Sealing: the bytes of all parts get a name that nobody has seen. Parts stay where they are, so a crash before the upload is
//! finished loses nothing.

use crate::error::{Doing as _, cannot_link, corrupt};
use crate::fresh::Fresh;
use crate::key::Key;
use crate::new_file::NewFile;
use crate::store::Shared;
use manifest_core::ports::{Part, UploadId};
use manifest_core::{Port, PortError, PortErrorKind};
use oci_types::Digest;
use std::fs::File;
use std::sync::Arc;

/// Joins parts under a new name, which is on the disk with its bytes when this returns.
pub(crate) fn parts(store: &Shared, upload: UploadId, parts: &[Part], digest: Digest) -> Port<Fresh> {
    let mut sources = Vec::with_capacity(parts.len());
    for part in parts {
        let key = store.key(&part.location)?;
        if key.digest().is_some() {
            return Err(PortError::new(PortErrorKind::Internal, format!("{key} is no part")));
        }
        // A part of no bytes adds nothing, and without it the others may be one, which costs no copy.
        if part.size > 0 {
            sources.push(Source { key, size: part.size });
        }
    }
    let key = Key::fresh_sealed(upload, digest);
    let dir = store.tree.prepare(&key)?;
    let linked = match sources.as_slice() {
        [source] => source.link(store, &dir, key)?,
        _ => false,
    };
    if !linked {
        join(store, upload, &sources, &dir, key)?;
    }
    let sealed = Fresh::new(Arc::clone(&store.tree.disk), dir, key);
    (store.tree.disk.sync(sealed.dir())).doing(|| format!("syncing the directory of {key}"))?;
    Ok(sealed)
}

/// A part, and how many bytes the upload says that it has.
struct Source {
    key: Key,
    size: u64,
}

impl Source {
    /// Gives the part a second name. `false` where the filesystem cannot.
    fn link(&self, store: &Shared, dir: &File, name: Key) -> Port<bool> {
        drop(self.open(store)?);
        let disk = &store.tree.disk;
        let linked = match store.tree.find(self.key.room(), self.key.fan())? {
            Some(from) => disk.link(&from, &self.key.file_name(), dir, &name.file_name()),
            None => Err(rustix::io::Errno::NOENT.into()),
        };
        match linked {
            Ok(()) => Ok(true),
            Err(error) if cannot_link(&error) => Ok(false),
            Err(error) => Err(error).doing(|| format!("linking {} to {name}", self.key)),
        }
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
fn join(store: &Shared, upload: UploadId, sources: &[Source], dir: &File, name: Key) -> Port<()> {
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
