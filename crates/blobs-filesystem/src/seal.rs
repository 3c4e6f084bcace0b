//! Sealing: the bytes of all parts get a name that nobody has seen. Parts stay where they are, so a crash before the upload is
//! finished loses nothing that somebody was told of; the last part, of which nobody was, is used up.

use crate::batch::Batch;
use crate::blocking::{self, Aside};
use crate::error::{Doing as _, cannot_link, corrupt};
use crate::fresh::Fresh;
use crate::key::{FileKey, Key, Place};
use crate::new_file::NewFile;
use crate::pack::Refusal;
use crate::store::Shared;
use manifest_core::ports::{Part, UploadId};
use manifest_core::{Port, PortError, PortErrorKind};
use oci_types::Digest;
use std::fs::File;
use std::io;
use std::sync::Arc;

/// Joins parts and the last one under a new key, which is on the disk with its bytes when this returns. Nothing is left of the last.
///
/// A small last part that is all there is goes to a pack, and everything else to a file.
pub(crate) async fn seal(
    store: &Arc<Shared>,
    upload: UploadId,
    parts: &[Part],
    last: Option<Part>,
    digest: Digest,
) -> Port<Key> {
    let last = match last.map(|part| Last::of(store, part)).transpose()? {
        Some(Last::Held(batch)) if parts.is_empty() => match store.packs.append(store, upload, digest, batch).await {
            Ok(key) => return Ok(key.into()),
            Err(Refusal::Failed(error)) => return Err(error),
            Err(Refusal::NoPacks(batch)) => Some(Last::Held(batch)),
        },
        last => last,
    };
    let (store, parts) = (Arc::clone(store), parts.to_vec());
    // A seal that nobody waits for any more takes its name away again.
    let sealed = blocking::run(move || file(&store, upload, &parts, last, digest).map(Aside::new));
    Ok(sealed.await?.take().keep().into())
}

/// A last part, wherever it is.
enum Last {
    /// In memory, and nowhere else from now on.
    Held(Batch),
    /// In a file.
    Stored(Part),
}

impl Last {
    fn of(store: &Shared, part: Part) -> Port<Self> {
        let key = part_key(store, &part)?;
        match store.held.size(&key) {
            Some(size) if size != part.size => Err(torn(&key, size, part.size)),
            Some(_) => Ok(store.held.take(&key).map_or(Self::Stored(part), Self::Held)),
            None => Ok(Self::Stored(part)),
        }
    }
}

/// The key of a part, which must be one.
fn part_key(store: &Shared, part: &Part) -> Port<FileKey> {
    match store.key(&part.location)? {
        Key(Place::File(key)) if key.digest().is_none() => Ok(key),
        key => Err(PortError::new(PortErrorKind::Internal, format!("{key} is no part"))),
    }
}

fn torn(key: &FileKey, found: u64, said: u64) -> PortError {
    corrupt(format!("{key} has {found} bytes, not {said}"))
}

fn file(store: &Shared, upload: UploadId, parts: &[Part], last: Option<Last>, digest: Digest) -> Port<Fresh> {
    let sources: Vec<Source> = parts.iter().map(|part| Source::of(store, part)).collect::<Port<_>>()?;
    let (last, held) = match last {
        Some(Last::Stored(part)) => (Some(Source::of(store, &part)?), None),
        Some(Last::Held(batch)) => (None, Some(batch)),
        None => (None, None),
    };
    let held = held.filter(|batch| batch.len() > 0);
    // A part of no bytes adds nothing, and without it the others may be one, which costs no copy.
    let full: Vec<&Source> = sources.iter().chain(&last).filter(|source| source.size > 0).collect();
    let key = FileKey::fresh_sealed(upload, digest);
    let dir = store.tree.prepare(&key)?;
    let unsynced = match (full.as_slice(), &last) {
        ([_], Some(last)) if last.size > 0 => Some(last.rename(store, &dir, key)?),
        ([source], _) if held.is_none() && source.link(store, &dir, key)? => None,
        (sources, _) => {
            join(store, upload, sources, held, (&dir, key))?;
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
    key: FileKey,
    size: u64,
}

impl Source {
    fn of(store: &Shared, part: &Part) -> Port<Self> {
        Ok(Self { key: part_key(store, part)?, size: part.size })
    }

    /// Gives the part another name instead of its own. The file, which may not be on the disk yet.
    fn rename(&self, store: &Shared, dir: &File, name: FileKey) -> Port<File> {
        let file = self.open(store)?;
        let renamed = self.named(store, |from, own| store.tree.disk.rename(from, own, dir, &name.file_name()))?;
        renamed.doing(|| format!("moving {} to {name}", self.key))?;
        Ok(file)
    }

    /// Gives the part a second name. `false` where the filesystem cannot.
    fn link(&self, store: &Shared, dir: &File, name: FileKey) -> Port<bool> {
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
        if found == self.size { Ok(file) } else { Err(torn(&self.key, found, self.size)) }
    }
}

/// Copies all parts into one new file, then what was held, and moves that to its name. No part, no bytes.
fn join(
    store: &Shared,
    upload: UploadId,
    sources: &[&Source],
    held: Option<Batch>,
    (dir, name): (&File, FileKey),
) -> Port<()> {
    let mut joined = NewFile::create(store, upload)?;
    for source in sources {
        let file = source.open(store)?;
        let copied = joined.append_file(store, &file, source.size)?;
        if copied != source.size {
            return Err(torn(&source.key, copied, source.size));
        }
    }
    if let Some(batch) = held {
        joined.append(store, batch)?;
    }
    joined.sync(store)?;
    let temporary = joined.into_name();
    let disk = &store.tree.disk;
    (disk.rename(temporary.dir(), &temporary.key().file_name(), dir, &name.file_name()))
        .doing(|| format!("moving {} to {name}", temporary.key()))?;
    temporary.keep();
    Ok(())
}
