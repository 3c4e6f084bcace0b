//! The worlds that are explored: each puts one meeting of writers and collectors into focus.

use crate::world::{Condition, Op, START, Target, World};

const TO_TAG: Target = Target::Tag(Condition::Any);
const MOUNT: Op = Op::Mount { from: 0, to: 1, blob: 0 };
const PUSH_MOUNTED: Op = Op::Push { repository: 1, manifest: 0, to: TO_TAG };
const DELETE: Op = Op::DeleteManifest { repository: 0, manifest: 0 };
const DELETE_BLOB: Op = Op::DeleteBlob { repository: 0, blob: 0 };

fn push(manifest: u8, to: Target) -> Op {
    Op::Push { repository: 0, manifest, to }
}

fn upload(repository: u8, blob: u8) -> Op {
    Op::Upload { repository, blob, parts: false }
}

fn end_tag(guard: Condition) -> Op {
    Op::DeleteTag { repository: 0, guard }
}

/// The worlds of the tests.
#[must_use]
pub fn small() -> Vec<World> {
    vec![
        retag(),
        revive(),
        share(),
        deletes(),
        deletes_untagged(),
        index(),
        blob_deletes(),
        mount(),
        mount_and_upload(),
        uploads(),
        referrer(),
        expiring(),
        guarded(),
    ]
}

/// Worlds with longer scripts, more time and writers that may be killed.
#[must_use]
pub fn large() -> Vec<World> {
    let life = World::empty("the life of an image")
        .images([0b01, 0b11])
        .writers(
            &[upload(0, 0), push(0, TO_TAG), DELETE, push(0, Target::Digest)],
            &[upload(0, 1), push(1, TO_TAG), end_tag(Condition::Any)],
        )
        .ticks(3);
    let mounts = World::empty("a life by mounts")
        .images([0b01, 0b01])
        .blob(0, 0, START + 1)
        .pinned(0, 0, START + 1)
        .writers(&[MOUNT, PUSH_MOUNTED], &[DELETE, DELETE_BLOB, upload(1, 0)])
        .ticks(4);
    let part = Op::Upload { repository: 0, blob: 0, parts: true };
    let parts =
        World::empty("uploads in parts").images([0b01, 0b01]).writers(&[part, push(0, TO_TAG)], &[part]).ticks(2);
    let indexes = World::empty("the life of an index")
        .index(0b01)
        .blob(0, 0, START + 1)
        .writers(
            &[push(0, Target::Digest), push(1, TO_TAG), end_tag(Condition::Is(1)), push(1, Target::Digest)],
            &[DELETE, push(0, TO_TAG), Op::DeleteManifest { repository: 0, manifest: 1 }, DELETE],
        )
        .ticks(4)
        .kills(1);
    let mut shared = share();
    shared.name = "share, with kills";
    vec![life, mounts, parts, indexes, shared.ticks(3).kills(1)]
}

/// A manifest that nothing holds any more is tagged while it is collected; the tag moves on and ends.
#[must_use]
pub fn retag() -> World {
    let world = World::empty("retag").images([0b01, 0b10]).blob(0, 0, 1).blob(0, 1, 1).tagged(0, 1).stale(0, 0);
    world.writers(&[push(0, TO_TAG)], &[push(1, TO_TAG), end_tag(Condition::Any)]).ticks(3).kills(1)
}

/// A manifest whose window ends is revived while it is collected.
#[must_use]
pub fn revive() -> World {
    let world = World::empty("revive").images([0b01, 0b01]).blob(0, 0, 1).deleted(0, 0, START);
    world.writers(&[push(0, TO_TAG)], &[push(0, Target::Digest)]).ticks(3).kills(1)
}

/// Two writers upload one blob at once and push manifests over it.
#[must_use]
pub fn share() -> World {
    let world = World::empty("share").images([0b01, 0b01]);
    world.writers(&[upload(0, 0), push(0, TO_TAG)], &[upload(0, 0), push(1, Target::Digest)]).ticks(2)
}

/// A manifest is pushed again while it is deleted.
#[must_use]
pub fn deletes() -> World {
    let world = World::empty("deletes").images([0b01, 0b01]).blob(0, 0, 1).tagged(0, 0);
    world.writers(&[push(0, TO_TAG), push(0, Target::Digest)], &[DELETE, DELETE]).ticks(2).kills(1)
}

/// A manifest without a tag is tagged while it is deleted.
#[must_use]
pub fn deletes_untagged() -> World {
    let world = World::empty("deletes untagged").images([0b01, 0b01]).blob(0, 0, 1).pinned(0, 0, START + 2);
    world.writers(&[push(0, TO_TAG)], &[DELETE]).ticks(3).kills(1)
}

/// An index is pushed while the manifest that it lists is deleted.
#[must_use]
pub fn index() -> World {
    let world = World::empty("index").index(0b01).blob(0, 0, 1).tagged(0, 0);
    world.writers(&[push(1, TO_TAG), push(1, Target::Digest)], &[DELETE]).ticks(2).kills(1)
}

/// A manifest is pushed while the access to its blob is deleted.
#[must_use]
pub fn blob_deletes() -> World {
    let world = World::empty("blob deletes").images([0b01, 0b01]).blob(0, 0, START + 1);
    world.writers(&[push(0, TO_TAG), upload(0, 0)], &[DELETE_BLOB, push(0, Target::Digest)]).ticks(2)
}

/// A blob is mounted while its source ends.
#[must_use]
pub fn mount() -> World {
    let world = World::empty("mount").images([0b01, 0b01]).blob(0, 0, START + 1).stale(0, 0);
    world.writers(&[MOUNT, PUSH_MOUNTED], &[DELETE, DELETE_BLOB]).ticks(3).kills(1)
}

/// A blob is mounted into a repository and uploaded to it at once, while it is collected.
#[must_use]
pub fn mount_and_upload() -> World {
    let world = World::empty("mount and upload").images([0b01, 0b01]).blob(0, 0, START + 1);
    world.writers(&[MOUNT, PUSH_MOUNTED], &[upload(1, 0)]).ticks(2)
}

/// An upload in parts lives longer than it may.
#[must_use]
pub fn uploads() -> World {
    let world = World::empty("uploads").images([0b01, 0b01]);
    let upload = Op::Upload { repository: 0, blob: 0, parts: true };
    world.writers(&[upload, push(0, TO_TAG)], &[]).ticks(3).kills(1)
}

/// A referrer is kept by its subject.
#[must_use]
pub fn referrer() -> World {
    let world = World::empty("referrer").referrer([0b01, 0b10]).blob(0, 0, 1).blob(0, 1, 1).tagged(0, 0).stale(0, 1);
    world.writers(&[push(1, Target::Digest)], &[end_tag(Condition::Is(0)), push(0, TO_TAG)]).ticks(2)
}

/// A tag expires by itself, which pins nothing, and is pushed again.
#[must_use]
pub fn expiring() -> World {
    let mut world = World::empty("expiring").images([0b01, 0b01]).blob(0, 0, START + 1);
    world.expiring = 0b01;
    world.writers(&[push(0, TO_TAG), push(0, TO_TAG)], &[push(1, TO_TAG)]).ticks(3)
}

/// Guarded moves of one tag.
#[must_use]
pub fn guarded() -> World {
    let world = World::empty("guarded").images([0b01, 0b01]).blob(0, 0, 1).pinned(0, 0, START + 1).stale(0, 1);
    let absent = Target::Tag(Condition::Absent);
    let first = [push(0, absent), end_tag(Condition::Is(0))];
    world.writers(&first, &[push(1, absent), push(0, Target::Tag(Condition::Is(1)))]).ticks(2)
}
