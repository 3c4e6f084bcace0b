//! A small world: who writes what, from which start, for how long.

use crate::liveness::{Definition, Definitions};
use crate::rows::{ABSENT, Access, Locations, Manifest, NEVER, Repository, Rows, Tag, Time, Upload, location};

/// Where the clock starts. Time before it is the past, in which everything has ended.
pub const START: Time = 10;

/// The first of the locations in which blobs are from the start; those of uploads are below.
const FIRST_LOCATION: u8 = 8;

/// A request of a writer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    /// Uploads a blob.
    Upload {
        /// Where.
        repository: u8,
        /// Which.
        blob: u8,
        /// Whether a part is published before the upload is finished; else the finish brings all bytes.
        parts: bool,
    },
    /// Mounts a blob.
    Mount {
        /// From where.
        from: u8,
        /// Into where.
        to: u8,
        /// Which.
        blob: u8,
    },
    /// Pushes a manifest.
    Push {
        /// Where.
        repository: u8,
        /// Which.
        manifest: u8,
        /// To the tag or by its digest.
        to: Target,
    },
    /// Deletes the tag.
    DeleteTag {
        /// Of which repository.
        repository: u8,
        /// On what condition.
        guard: Condition,
    },
    /// Deletes a manifest by its digest.
    DeleteManifest {
        /// Where.
        repository: u8,
        /// Which.
        manifest: u8,
    },
    /// Takes a repository's access to a blob away.
    DeleteBlob {
        /// Where.
        repository: u8,
        /// Which.
        blob: u8,
    },
}

/// What a manifest is pushed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// The tag.
    Tag(Condition),
    /// Its digest.
    Digest,
}

/// A condition on the tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Condition {
    /// None.
    Any,
    /// It is not alive.
    Absent,
    /// It is alive and points there.
    Is(u8),
    /// It is not alive or points there.
    AbsentOrIs(u8),
}

impl Condition {
    /// Whether it holds for what the tag points at.
    #[must_use]
    pub fn holds(self, current: Option<u8>) -> bool {
        match self {
            Self::Any => true,
            Self::Absent => current.is_none(),
            Self::Is(m) => current == Some(m),
            Self::AbsentOrIs(m) => current.is_none_or(|now| now == m),
        }
    }
}

/// How long things last, in ticks.
#[derive(Clone, Copy, Debug)]
pub struct Spans {
    /// The history window.
    pub window: Time,
    /// Of an access row.
    pub lease: Time,
    /// How long access rows outlive their lease.
    pub grace: Time,
    /// Of a pin.
    pub untagged: Time,
    /// Of an upload.
    pub upload: Time,
}

/// A world to explore.
#[derive(Clone, Debug)]
pub struct World {
    /// For reports.
    pub name: &'static str,
    /// What the manifests are.
    pub definitions: Definitions,
    /// Manifests whose label lets their tag expire after a tick, as a set.
    pub expiring: u8,
    /// What each writer does, one request after the other.
    pub scripts: [Vec<Op>; 2],
    /// The rows at the start.
    pub rows: Rows,
    /// The bytes at the start.
    pub bytes: Locations,
    /// How many ticks pass.
    pub ticks: Time,
    /// How many writers may be killed, at any moment.
    pub kills: u8,
    /// How long things last.
    pub spans: Spans,
}

impl World {
    /// Nothing but two repositories.
    #[must_use]
    pub fn empty(name: &'static str) -> Self {
        let repository = Repository { manifests: [ABSENT; 2], tag: None, access: [None; 2] };
        Self {
            name,
            definitions: [Definition::default(); 2],
            expiring: 0,
            scripts: [Vec::new(), Vec::new()],
            rows: Rows { repositories: [repository; 2], blobs: [None; 2], trash: 0, uploads: [Upload::Absent; 4] },
            bytes: 0,
            ticks: 0,
            kills: 0,
            spans: Spans { window: 1, lease: 1, grace: 1, untagged: 1, upload: 1 },
        }
    }

    /// Images over these sets of blobs.
    #[must_use]
    pub fn images(mut self, blobs: [u8; 2]) -> Self {
        self.definitions = blobs.map(|blobs| Definition { blobs, ..Definition::default() });
        self
    }

    /// The second manifest is an index of the first one.
    #[must_use]
    pub fn index(mut self, blobs: u8) -> Self {
        self.definitions =
            [Definition { blobs, ..Definition::default() }, Definition { child: Some(0), ..Definition::default() }];
        self
    }

    /// The second manifest is about the first one and names these blobs.
    #[must_use]
    pub fn referrer(mut self, blobs: [u8; 2]) -> Self {
        self = self.images(blobs);
        self.definitions[1].subject = Some(0);
        self
    }

    /// What the two writers do.
    #[must_use]
    pub fn writers(mut self, first: &[Op], second: &[Op]) -> Self {
        self.scripts = [first.to_vec(), second.to_vec()];
        self
    }

    /// How many ticks pass.
    #[must_use]
    pub fn ticks(mut self, ticks: Time) -> Self {
        self.ticks = ticks;
        self
    }

    /// How many writers may be killed.
    #[must_use]
    pub fn kills(mut self, kills: u8) -> Self {
        self.kills = kills;
        self
    }

    /// A repository has a blob from the start, under a lease until then.
    #[must_use]
    pub fn blob(mut self, repository: u8, blob: u8, lease: Time) -> Self {
        let at = FIRST_LOCATION + blob;
        self.rows.blobs[usize::from(blob)] = Some(at);
        self.bytes |= location(at);
        self.rows.repositories[usize::from(repository)].access[usize::from(blob)] =
            Some(Access { location: at, lease });
        self
    }

    /// A repository has a manifest from the start that nothing holds any more, though it was never deleted.
    #[must_use]
    pub fn stale(mut self, repository: u8, manifest: u8) -> Self {
        self.rows.repositories[usize::from(repository)].manifests[usize::from(manifest)] =
            Manifest { there: true, ..ABSENT };
        self
    }

    /// A repository has a manifest from the start that its tag points at.
    #[must_use]
    pub fn tagged(mut self, repository: u8, manifest: u8) -> Self {
        self = self.stale(repository, manifest);
        self.rows.repositories[usize::from(repository)].tag = Some(Tag { to: manifest, start: 1, expires: NEVER });
        self
    }

    /// A repository has a manifest from the start that is pinned until then.
    #[must_use]
    pub fn pinned(mut self, repository: u8, manifest: u8, until: Time) -> Self {
        self.rows.repositories[usize::from(repository)].manifests[usize::from(manifest)] =
            Manifest { there: true, pinned: until, ..ABSENT };
        self
    }

    /// A repository has a manifest from the start that was deleted at that time.
    #[must_use]
    pub fn deleted(mut self, repository: u8, manifest: u8, at: Time) -> Self {
        self.rows.repositories[usize::from(repository)].manifests[usize::from(manifest)] =
            Manifest { there: true, deleted: at, ..ABSENT };
        self
    }

    /// Where the sealed copy of an upload is to be.
    #[must_use]
    pub(crate) fn sealed(upload: u8) -> u8 {
        2 * upload + 1
    }

    /// Where the part of an upload is to be.
    #[must_use]
    pub(crate) fn part(upload: u8) -> u8 {
        2 * upload
    }

    /// The one location of a blob, if locations were made of digests alone.
    #[must_use]
    pub(crate) fn by_digest(blob: u8) -> u8 {
        FIRST_LOCATION + blob
    }
}
