//! A state of the whole: rows, bytes, clock, and how far each process is.

use crate::locks::Held;
use crate::planner::Planned;
use crate::rows::{Locations, Rows, Time, Write};
use crate::spec::{Broken, Spec};

/// How many processes there are: two writers, the collector, the sweeper of bytes.
pub const PROCESSES: usize = 4;
/// The place of the collector among them.
pub const COLLECTOR: usize = 2;
/// The place of the sweeper of bytes among them.
pub const SWEEPER: usize = 3;

/// A state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct State {
    /// The true time.
    pub clock: Time,
    /// What is committed.
    pub rows: Rows,
    /// Locations that hold bytes.
    pub bytes: Locations,
    /// Locations whose bytes were deleted.
    pub gone: Locations,
    /// How many writers may still be killed.
    pub kills: u8,
    /// The processes.
    pub processes: [Process; PROCESSES],
    /// What was acknowledged.
    pub spec: Spec,
    /// A promise that a step broke.
    pub broken: Option<Broken>,
}

/// A process: its place in its script and in the request, and its open transaction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Process {
    /// Which request of its script it is at.
    pub op: u8,
    /// Where in the request.
    pub at: At,
    /// The time as the request knows it, read once at its start.
    pub now: Time,
    /// What is to be written.
    pub(crate) plan: Option<Planned>,
    /// What was found by an earlier statement, as the step that comes next needs it.
    pub found: Option<u8>,
    /// What the transaction has written and not committed.
    pub log: [Option<Write>; 5],
    /// What the transaction has locked.
    pub held: Held,
}

/// The next statement of a process. Sets are of manifests, blobs or locations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum At {
    /// Before a request, or between two steps of collection.
    #[default]
    Ready,
    /// Killed.
    Killed,
    /// The facts statement, again.
    Facts,
    /// Begin, with the repository lock.
    Begin,
    /// In the queue for the repository lock alone.
    Queued,
    /// The first statement behind the lock.
    Look,
    /// Insert the manifest row.
    Insert,
    /// Check what the manifest requires; it is deleted if so said.
    Check {
        /// Whether the row was.
        deleted: bool,
    },
    /// Revive it.
    Revive,
    /// Look at the tag first, where writes do not test.
    LookAtTag,
    /// Write the tag.
    WriteTag,
    /// Pin these.
    Pin {
        /// Which.
        manifests: u8,
    },
    /// Look for tags of the manifest to delete, and who lists it.
    Holders,
    /// End its tag.
    EndTag,
    /// Mark it deleted.
    MarkDeleted,
    /// Delete an access row that no undeleted manifest needs.
    RemoveAccess,
    /// Find the source of a mount.
    Source,
    /// Lock the blob row.
    LockBlob,
    /// Write the access row.
    WriteAccess,
    /// Check the foreign key of the new access row.
    ForeignKey,
    /// Store a part.
    StorePart,
    /// Publish it.
    Publish,
    /// Load the upload and seal it.
    Seal,
    /// Move the offset of the upload to finished, the compare-and-set.
    Finish,
    /// Insert the blob row, if there is none.
    InsertBlob,
    /// Find out where the blob is.
    Locate,
    /// Commit.
    Commit,
    /// Collect these manifests: take the lock by try.
    TryManifests {
        /// In which repository.
        repository: u8,
        /// Which.
        manifests: u8,
    },
    /// Look again.
    AgainManifests {
        /// In which repository.
        repository: u8,
        /// Which.
        manifests: u8,
    },
    /// Delete.
    RemoveManifests {
        /// In which repository.
        repository: u8,
        /// Which.
        manifests: u8,
    },
    /// Collect these access rows: take the lock by try.
    TryAccess {
        /// In which repository.
        repository: u8,
        /// Which.
        blobs: u8,
    },
    /// Look again: the snapshot of the statement that deletes.
    AgainAccess {
        /// In which repository.
        repository: u8,
        /// Which.
        blobs: u8,
    },
    /// Delete the rows that this snapshot named, one by one.
    RemoveAccessRows {
        /// In which repository.
        repository: u8,
        /// Which.
        blobs: u8,
    },
    /// Lock these blob rows, but for those that are locked.
    LockBlobs {
        /// Which.
        blobs: u8,
    },
    /// Delete them.
    RemoveBlobs {
        /// Which.
        blobs: u8,
    },
    /// Sweep an expired upload.
    SweepUpload {
        /// Which.
        upload: u8,
    },
    /// Put a location into the trash that nobody names.
    DiscardUnnamed {
        /// Which.
        location: u8,
    },
    /// Delete the bytes of a location in the trash.
    DeleteBytes {
        /// Which.
        location: u8,
    },
    /// And its trash row.
    EmptyTrash {
        /// Which.
        location: u8,
    },
}
