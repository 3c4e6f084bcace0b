//! What the database holds, as far as collection depends on it, and the writes that change it.

/// A logical time. A tick is long: the millisecond by which one tag's intervals are kept apart vanishes in it.
pub type Time = u8;
/// The end of what has no end.
pub const NEVER: Time = Time::MAX;

/// How many repositories, manifests, blobs and uploads a world has at most.
pub const REPOSITORIES: usize = 2;
/// See [`REPOSITORIES`].
pub const MANIFESTS: usize = 2;
/// See [`REPOSITORIES`].
pub const BLOBS: usize = 2;
/// See [`REPOSITORIES`].
pub const UPLOADS: usize = 4;

/// A set of locations.
pub type Locations = u16;

/// A row of `manifest` with its rows of `manifest_blob` and `manifest_child`, which come and go with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Manifest {
    /// Whether the row is there.
    pub there: bool,
    /// `deleted_ms`, or [`NEVER`].
    pub deleted: Time,
    /// `pinned_until_ms`.
    pub pinned: Time,
    /// The latest end of its intervals in `tag_history`; earlier ones decide nothing. 0 if there is none.
    pub history: Time,
}

/// No row.
pub const ABSENT: Manifest = Manifest { there: false, deleted: NEVER, pinned: 0, history: 0 };

/// The row of the one tag that a repository has in the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Tag {
    /// Its manifest.
    pub to: u8,
    /// `start_ms`.
    pub start: Time,
    /// `expires_ms`.
    pub expires: Time,
}

/// A row of `repository_blob`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Access {
    /// The location, which with the digest refers to the blob row.
    pub location: u8,
    /// `lease_until_ms`.
    pub lease: Time,
}

/// The rows of one repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Repository {
    /// By manifest.
    pub manifests: [Manifest; MANIFESTS],
    /// Its tag.
    pub tag: Option<Tag>,
    /// By blob.
    pub access: [Option<Access>; BLOBS],
}

/// A row of `upload` with its parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Upload {
    /// No row.
    Absent,
    /// Not finished.
    Open {
        /// `expires_ms`.
        expires: Time,
        /// Published parts.
        parts: Locations,
    },
    /// Finished.
    Finished {
        /// `expires_ms`.
        expires: Time,
    },
}

/// All rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rows {
    /// By repository.
    pub repositories: [Repository; REPOSITORIES],
    /// Rows of `blob`: the location by blob.
    pub blobs: [Option<u8>; BLOBS],
    /// Rows of `trash`.
    pub trash: Locations,
    /// By upload.
    pub uploads: [Upload; UPLOADS],
}

/// A change of rows. Whoever makes it holds the lock of the row, so it means the same when it is committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Write {
    /// A new manifest row with its links.
    PutManifest(u8, u8),
    /// `deleted_ms = NULL`.
    Revive(u8, u8),
    /// `pinned_until_ms = greatest(pinned_until_ms, …)`.
    Pin(u8, u8, Time),
    /// `deleted_ms = now, pinned_until_ms = 0`.
    MarkDeleted(u8, u8, Time),
    /// The row, its links, its history, and the tag that points at it if it had expired by then, go.
    RemoveManifest(u8, u8, Time),
    /// The tag points at a manifest; the interval it was in goes to the history.
    Point(u8, Tag),
    /// The tag ends; the interval it was in goes to the history.
    End(u8, Time),
    /// A new access row.
    PutAccess(u8, u8, Access),
    /// `lease_until_ms = greatest(lease_until_ms, …)`.
    Lease(u8, u8, Time),
    /// An access row goes.
    RemoveAccess(u8, u8),
    /// A new blob row. What is named is no trash.
    PutBlob(u8, u8),
    /// A blob row goes and its location into the trash.
    RemoveBlob(u8),
    /// An upload becomes a blob; its parts go into the trash.
    Finish(u8),
    /// Locations go into the trash, but for those that a blob row names.
    Discard(Locations),
}

/// The set of one location.
#[must_use]
pub fn location(location: u8) -> Locations {
    1 << location
}

/// The members of a set of at most eight.
pub fn members(mask: u8) -> impl Iterator<Item = u8> {
    (0..8).filter(move |bit| mask & (1 << bit) != 0)
}

/// The set of those of the first few that are so.
#[must_use]
pub fn set(most: usize, is: impl Fn(u8) -> bool) -> u8 {
    (0..).take(most).filter(|item| is(*item)).fold(0, |all, item| all | 1 << item)
}

impl Write {
    /// Does it.
    pub fn apply(self, rows: &mut Rows) {
        match self {
            Self::PutManifest(r, m) => rows.manifest(r, m).there = true,
            Self::Revive(r, m) => rows.manifest(r, m).deleted = NEVER,
            Self::Pin(r, m, until) => {
                let row = rows.manifest(r, m);
                row.pinned = row.pinned.max(until);
            }
            Self::MarkDeleted(r, m, now) => {
                let row = rows.manifest(r, m);
                (row.deleted, row.pinned) = (now, 0);
            }
            Self::RemoveManifest(r, m, by) => {
                *rows.manifest(r, m) = ABSENT;
                let tag = &mut rows.repositories[usize::from(r)].tag;
                *tag = tag.filter(|tag| tag.to != m || tag.expires > by);
            }
            Self::Point(r, tag) => rows.repositories[usize::from(r)].point(tag),
            Self::End(r, now) => rows.repositories[usize::from(r)].end(now),
            Self::PutAccess(r, b, access) => *rows.access(r, b) = Some(access),
            Self::Lease(r, b, until) => {
                if let Some(access) = rows.access(r, b) {
                    access.lease = access.lease.max(until);
                }
            }
            Self::RemoveAccess(r, b) => *rows.access(r, b) = None,
            Self::PutBlob(b, at) => {
                rows.blobs[usize::from(b)] = Some(at);
                rows.trash &= !location(at);
            }
            Self::RemoveBlob(b) => {
                if let Some(at) = rows.blobs[usize::from(b)].take() {
                    rows.trash |= location(at);
                }
            }
            Self::Finish(u) => {
                let upload = &mut rows.uploads[usize::from(u)];
                if let Upload::Open { expires, parts } = *upload {
                    *upload = Upload::Finished { expires };
                    rows.trash |= parts;
                }
            }
            Self::Discard(locations) => rows.trash |= locations & !rows.named_by_blobs(),
        }
    }
}

impl Rows {
    fn manifest(&mut self, r: u8, m: u8) -> &mut Manifest {
        &mut self.repositories[usize::from(r)].manifests[usize::from(m)]
    }

    fn access(&mut self, r: u8, b: u8) -> &mut Option<Access> {
        &mut self.repositories[usize::from(r)].access[usize::from(b)]
    }

    /// The locations that blob rows name.
    #[must_use]
    pub fn named_by_blobs(&self) -> Locations {
        self.blobs.iter().flatten().fold(0, |all, at| all | location(*at))
    }

    /// Whether any repository has an access row for the blob.
    #[must_use]
    pub fn has_access(&self, b: u8) -> bool {
        self.repositories.iter().any(|repository| repository.access[usize::from(b)].is_some())
    }
}

impl Repository {
    /// Points the tag and closes the interval it is in, where the new one starts or where it had expired (promise M4).
    pub fn point(&mut self, tag: Tag) {
        let start = self.tag.map_or(tag.start, |old| tag.start.max(old.start));
        self.close(start);
        self.tag = Some(Tag { start, ..tag });
    }

    /// Ends the tag, now or where it starts if that is later.
    pub fn end(&mut self, now: Time) {
        let end = self.tag.map_or(now, |old| now.max(old.start));
        self.close(end);
    }

    fn close(&mut self, at: Time) {
        if let Some(old) = self.tag.take() {
            let row = &mut self.manifests[usize::from(old.to)];
            row.history = row.history.max(at.min(old.expires));
        }
    }
}
