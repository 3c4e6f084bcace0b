use super::dir;
use super::opened::Opened;
use crate::error::Doing as _;
use crate::key::PackedKey;
use crate::store::Shared;
use manifest_core::{Port, PortErrorKind};

/// Makes a hole where an entry is, if it is there; and takes the pack away when nothing is left in it and nobody appends to it.
///
/// Nothing is synced: an entry that a crash brings back is named by no row, and goes with the sweep.
pub(crate) fn delete(store: &Shared, key: &PackedKey) -> Port<()> {
    let disk = &*store.tree.disk;
    let pack = match Opened::to_punch(&store.tree, key.pack()) {
        Err(error) if error.kind() == PortErrorKind::NotFound => return Ok(()),
        opened => opened?,
    };
    // What is at that place may be another entry, or the middle of one.
    if !pack.holds(disk, key)? {
        return Ok(());
    }
    disk.punch(&pack.file, key.offset(), key.room()).doing(|| format!("removing {key}"))?;
    if pack.is_empty(disk)? {
        remove(store, &pack)?;
    }
    Ok(())
}

/// Takes away a pack in which nothing is left. Who appends to one has locked it, and looks at its end whether anything is left.
fn remove(store: &Shared, pack: &Opened) -> Port<()> {
    let (disk, id) = (&*store.tree.disk, pack.head.id());
    if !disk.lock(&pack.file).doing(|| format!("locking pack {id}"))? {
        return Ok(());
    }
    // Whoever had locked it may have appended until then. Nobody will from now on.
    if pack.is_empty(disk)? {
        store.packs.cache.forget(id);
        match disk.unlink(dir(&store.tree), &id.to_string()).doing(|| format!("removing pack {id}")) {
            Err(error) if error.kind() == PortErrorKind::NotFound => {}
            removed => removed?,
        }
    }
    Ok(())
}
