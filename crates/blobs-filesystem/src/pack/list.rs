//! Listing the entries of packs, in the order of their keys.

use super::dir;
use super::opened::Opened;
use super::walk::Walk;
use crate::clock::millis;
use crate::error::Doing as _;
use crate::key::{PackId, PackedKey};
use crate::store::Shared;
use manifest_core::ports::Stored;
use manifest_core::time::Millis;
use manifest_core::{Port, PortErrorKind};
use rustix::fs::Dir;
use std::collections::BTreeSet;
use std::io;

/// Adds the entries that follow a key, until there are `enough`.
pub(crate) fn list(store: &Shared, after: Option<PackedKey>, enough: usize, items: &mut Vec<Stored>) -> Port<()> {
    let packs = packs(store).doing(|| "listing packs".to_owned())?;
    for id in packs.into_iter().filter(|id| after.is_none_or(|after| *id >= after.pack())) {
        if items.len() >= enough {
            break;
        }
        match Opened::to_read(&store.tree, id) {
            Ok(pack) => entries(store, &pack, after, enough, items)?,
            // It went meanwhile, or a crash left nothing in it.
            Err(error) if error.kind() == PortErrorKind::NotFound => {}
            // One that is damaged hides none of the others; whoever reads in it is told.
            Err(error) if error.kind() == PortErrorKind::Corrupt => tracing::warn!(%error, "a pack is passed over"),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn entries(
    store: &Shared,
    pack: &Opened,
    after: Option<PackedKey>,
    enough: usize,
    items: &mut Vec<Stored>,
) -> Port<()> {
    let id = pack.head.id();
    let born = born(pack);
    let from = after.filter(|after| after.pack() == id).map_or(0, |after| after.offset());
    let mut walk = Walk::new(&*store.tree.disk, pack, from);
    while items.len() < enough
        && let Some(entry) = walk.next()?
    {
        if after.is_none_or(|after| entry.key > after) {
            items.push(Stored {
                location: store.location(entry.key),
                upload: entry.key.upload(),
                size: entry.key.size(),
                // A restored backup makes old bytes young, as it does where they are files.
                modified: entry.written.max(born),
            });
        }
    }
    Ok(())
}

/// The packs, in order. What is named unlike them is passed over.
fn packs(store: &Shared) -> io::Result<BTreeSet<PackId>> {
    let mut found = BTreeSet::new();
    for entry in Dir::read_from(dir(&store.tree))? {
        found.extend(entry?.file_name().to_str().ok().and_then(PackId::of_name));
    }
    Ok(found)
}

/// When the file was made, or put back; long ago where nobody knows.
fn born(pack: &Opened) -> Millis {
    pack.file.metadata().and_then(|metadata| metadata.created()).map_or(0, millis)
}
