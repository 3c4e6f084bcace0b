use crate::facts::Location;
use oci_types::{Digest, RepositoryName};
use std::fmt;

/// How many findings a report lists; the others are counted.
const LISTED: usize = 1_000;

/// What a check found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FsckReport {
    /// How much was looked at.
    pub counts: FsckCounts,
    /// What is wrong, at most 1,000, in the order in which it was found.
    pub findings: Vec<Finding>,
    /// How many findings there are beyond those.
    pub more: u64,
}

/// How much a check looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FsckCounts {
    /// Rows of blobs, the shared empty layer not counted.
    pub blobs: u64,
    /// The sum of the sizes that they say.
    pub blob_bytes: u64,
    /// What the store holds: sealed blobs and parts of uploads.
    pub stored: u64,
    /// Bytes that were hashed again.
    pub hashed_bytes: u64,
    /// Things in the store that wait in the trash.
    pub trash: u64,
    /// Things in the store that no row names and that may belong to an upload, because they are younger than an upload may be.
    pub young: u64,
    /// Rows that give access to blobs.
    pub access: u64,
    /// Manifests, deleted ones included.
    pub manifests: u64,
    /// Blobs and children that manifests name.
    pub links: u64,
}

impl FsckReport {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn clean(&self) -> bool {
        self.findings.is_empty() && self.more == 0
    }

    pub(super) fn find(&mut self, finding: Finding) {
        if self.findings.len() < LISTED {
            self.findings.push(finding);
        } else {
            self.more += 1;
        }
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// In which repository, where it is in one.
    pub repository: Option<RepositoryName>,
    /// About which manifest or blob, where it is about one.
    pub digest: Option<Digest>,
    /// Which bytes, where it is about bytes.
    pub location: Option<Location>,
    /// What is wrong with it.
    pub problem: Problem,
}

impl Finding {
    pub(super) fn new(problem: Problem) -> Self {
        Self { repository: None, digest: None, location: None, problem }
    }

    pub(super) fn of_bytes(digest: Option<Digest>, location: &Location, problem: Problem) -> Self {
        Self { digest, location: Some(location.clone()), ..Self::new(problem) }
    }

    pub(super) fn in_repository(repository: &RepositoryName, digest: Digest, problem: Problem) -> Self {
        Self { repository: Some(repository.clone()), digest: Some(digest), ..Self::new(problem) }
    }
}

/// What can be wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// A blob's row names bytes that the store does not hold.
    MissingBytes,
    /// The store holds more or fewer bytes than the row says.
    WrongSize {
        /// In bytes, as the row says.
        expected: u64,
        /// In bytes, as the store holds.
        found: u64,
    },
    /// The bytes hash to another digest.
    WrongBytes {
        /// What they hash to.
        found: Digest,
    },
    /// The store has the bytes and cannot read them.
    UnreadableBytes {
        /// Why, with its causes.
        error: String,
    },
    /// No row names these bytes, and no upload can be about to.
    Unnamed {
        /// How many.
        size: u64,
    },
    /// A repository may read a blob that has no row.
    AccessWithoutBlob,
    /// A manifest needs a blob that its repository may not read.
    MissingBlob {
        /// Which.
        blob: Digest,
    },
    /// An index that is served needs a manifest that is not there, or deleted.
    MissingChild {
        /// Which.
        child: Digest,
    },
    /// A legacy image's parent is not there.
    ImageWithoutParent {
        /// Which image, in its stored form.
        image: String,
        /// Its parent, likewise.
        parent: String,
    },
    /// A manifest stands for a legacy image that is not there.
    MissingImage {
        /// Which, in its stored form.
        image: String,
    },
    /// The bytes of a manifest are not those of its digest, or not as many as its row says.
    WrongManifest {
        /// What they hash to.
        found: Digest,
    },
    /// A row cannot be believed. Of its table, the rows behind it were not looked at.
    UnreadableRow {
        /// The table, and the key of the last row before it.
        place: String,
        /// Why, with its causes.
        error: String,
    },
}

impl Problem {
    /// Its kind in a few words with hyphens, for machines.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::MissingBytes => "missing-bytes",
            Self::WrongSize { .. } => "wrong-size",
            Self::WrongBytes { .. } => "wrong-bytes",
            Self::UnreadableBytes { .. } => "unreadable-bytes",
            Self::Unnamed { .. } => "unnamed-bytes",
            Self::AccessWithoutBlob => "access-without-blob",
            Self::MissingBlob { .. } => "missing-blob",
            Self::MissingChild { .. } => "missing-child",
            Self::ImageWithoutParent { .. } => "image-without-parent",
            Self::MissingImage { .. } => "missing-image",
            Self::WrongManifest { .. } => "wrong-manifest",
            Self::UnreadableRow { .. } => "unreadable-row",
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MissingBytes => f.write_str("its bytes are missing"),
            Self::WrongSize { expected, found } => write!(f, "it has {found} bytes, and its row says {expected}"),
            Self::WrongBytes { found } | Self::WrongManifest { found } => write!(f, "its bytes are those of {found}"),
            Self::UnreadableBytes { error } => write!(f, "its bytes cannot be read: {error}"),
            Self::Unnamed { size } => write!(f, "no row names these {size} bytes"),
            Self::AccessWithoutBlob => f.write_str("the repository has access to it, but it has no row"),
            Self::MissingBlob { blob } => write!(f, "it needs the blob {blob}, which the repository does not have"),
            Self::MissingChild { child } => {
                write!(f, "it needs the manifest {child}, which the repository does not have")
            }
            Self::ImageWithoutParent { image, parent } => {
                write!(f, "the legacy image {image:?} has the parent {parent:?}, which the repository does not have")
            }
            Self::MissingImage { image } => {
                write!(f, "it stands for the legacy image {image:?}, which the repository does not have")
            }
            Self::UnreadableRow { place, error } => write!(f, "a row of {place} cannot be read: {error}"),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(repository) = &self.repository {
            write!(f, "{repository}")?;
        }
        if let Some(digest) = &self.digest {
            let mark = if self.repository.is_some() { "@" } else { "" };
            write!(f, "{mark}{digest}")?;
        }
        if let Some(location) = &self.location {
            let (before, behind) = if self.digest.is_some() { (" (", ")") } else { ("", "") };
            write!(f, "{before}{location}{behind}")?;
        }
        let alone = self.repository.is_none() && self.digest.is_none() && self.location.is_none();
        write!(f, "{}{}", if alone { "" } else { ": " }, self.problem)
    }
}
