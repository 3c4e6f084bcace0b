use super::Paging;
use manifest_core::ports::UploadId;
use oci_types::{Algorithm, Digest, Reference, RepositoryName, TagName};
use std::collections::BTreeSet;

/// What a request asks for, by its method, path and query alone.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Ping,
    Extensions,
    Catalogue { page: Paging<RepositoryName> },
    GetManifest { repository: RepositoryName, reference: Reference },
    HeadManifest { repository: RepositoryName, reference: Reference },
    PutManifest { repository: RepositoryName, target: PutTarget },
    DeleteManifest { repository: RepositoryName, reference: Reference },
    GetBlob { repository: RepositoryName, digest: Digest },
    HeadBlob { repository: RepositoryName, digest: Digest },
    DeleteBlob { repository: RepositoryName, digest: Digest },
    BeginUpload { repository: RepositoryName, algorithm: Algorithm },
    UploadWhole { repository: RepositoryName, digest: Digest },
    MountBlob { repository: RepositoryName, digest: Digest, from: MountSource, algorithm: Algorithm },
    AppendUpload { repository: RepositoryName, id: UploadId },
    FinishUpload { repository: RepositoryName, id: UploadId, digest: Digest },
    UploadStatus { repository: RepositoryName, id: UploadId },
    CancelUpload { repository: RepositoryName, id: UploadId },
    Tags { repository: RepositoryName, page: Paging<TagName> },
    Referrers { repository: RepositoryName, subject: Digest, types: Vec<String>, page: Paging<Digest> },
    Alive,
    Ready,
}

/// Where a pushed manifest goes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum PutTarget {
    /// To a tag. With a digest (`?digest=`), the manifest is stored under that digest rather than under its sha256.
    Tag { name: TagName, digest: Option<Digest> },
    /// To its digest, and to these tags (`?tag=`).
    Digest { digest: Digest, tags: BTreeSet<TagName> },
}

/// Where a blob is to be mounted from.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum MountSource {
    Anywhere,
    Repository(RepositoryName),
    /// `from` is no name. That is no error: the client is told to upload the blob (OCI distribution spec, "Mounting a blob").
    Nowhere,
}

/// The kinds of requests that metrics and logs tell apart. They hold no names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Ping,
    Extensions,
    Catalogue,
    GetManifest,
    HeadManifest,
    PutManifest,
    DeleteManifest,
    GetBlob,
    HeadBlob,
    DeleteBlob,
    BeginUpload,
    UploadWhole,
    MountBlob,
    AppendUpload,
    FinishUpload,
    UploadStatus,
    CancelUpload,
    Tags,
    Referrers,
    Health,
    Unknown,
}

impl Kind {
    pub(crate) const ALL: [Self; 21] = [
        Self::Ping,
        Self::Extensions,
        Self::Catalogue,
        Self::GetManifest,
        Self::HeadManifest,
        Self::PutManifest,
        Self::DeleteManifest,
        Self::GetBlob,
        Self::HeadBlob,
        Self::DeleteBlob,
        Self::BeginUpload,
        Self::UploadWhole,
        Self::MountBlob,
        Self::AppendUpload,
        Self::FinishUpload,
        Self::UploadStatus,
        Self::CancelUpload,
        Self::Tags,
        Self::Referrers,
        Self::Health,
        Self::Unknown,
    ];

    /// Its place in [`ALL`](Self::ALL).
    pub(crate) fn index(self) -> usize {
        self as usize
    }

    /// The values of the labels `operation` and `method`.
    pub(crate) fn labels(self) -> (&'static str, &'static str) {
        match self {
            Self::Ping => ("ping", "GET"),
            Self::Extensions => ("extensions", "GET"),
            Self::Catalogue => ("catalogue", "GET"),
            Self::GetManifest => ("manifest", "GET"),
            Self::HeadManifest => ("manifest", "HEAD"),
            Self::PutManifest => ("manifest", "PUT"),
            Self::DeleteManifest => ("manifest", "DELETE"),
            Self::GetBlob => ("blob", "GET"),
            Self::HeadBlob => ("blob", "HEAD"),
            Self::DeleteBlob => ("blob", "DELETE"),
            Self::BeginUpload => ("upload_begin", "POST"),
            Self::UploadWhole => ("upload_whole", "POST"),
            Self::MountBlob => ("mount", "POST"),
            Self::AppendUpload => ("upload_append", "PATCH"),
            Self::FinishUpload => ("upload_finish", "PUT"),
            Self::UploadStatus => ("upload_status", "GET"),
            Self::CancelUpload => ("upload_cancel", "DELETE"),
            Self::Tags => ("tags", "GET"),
            Self::Referrers => ("referrers", "GET"),
            Self::Health => ("health", "GET"),
            Self::Unknown => ("unknown", "other"),
        }
    }

    /// Whether such a request is meant to change something.
    pub(crate) fn is_write(self) -> bool {
        match self {
            Self::PutManifest
            | Self::DeleteManifest
            | Self::DeleteBlob
            | Self::BeginUpload
            | Self::UploadWhole
            | Self::MountBlob
            | Self::AppendUpload
            | Self::FinishUpload
            | Self::CancelUpload => true,
            Self::Ping
            | Self::Extensions
            | Self::Catalogue
            | Self::GetManifest
            | Self::HeadManifest
            | Self::GetBlob
            | Self::HeadBlob
            | Self::UploadStatus
            | Self::Tags
            | Self::Referrers
            | Self::Health
            | Self::Unknown => false,
        }
    }
}

impl Operation {
    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::Ping => Kind::Ping,
            Self::Extensions => Kind::Extensions,
            Self::Catalogue { .. } => Kind::Catalogue,
            Self::GetManifest { .. } => Kind::GetManifest,
            Self::HeadManifest { .. } => Kind::HeadManifest,
            Self::PutManifest { .. } => Kind::PutManifest,
            Self::DeleteManifest { .. } => Kind::DeleteManifest,
            Self::GetBlob { .. } => Kind::GetBlob,
            Self::HeadBlob { .. } => Kind::HeadBlob,
            Self::DeleteBlob { .. } => Kind::DeleteBlob,
            Self::BeginUpload { .. } => Kind::BeginUpload,
            Self::UploadWhole { .. } => Kind::UploadWhole,
            Self::MountBlob { .. } => Kind::MountBlob,
            Self::AppendUpload { .. } => Kind::AppendUpload,
            Self::FinishUpload { .. } => Kind::FinishUpload,
            Self::UploadStatus { .. } => Kind::UploadStatus,
            Self::CancelUpload { .. } => Kind::CancelUpload,
            Self::Tags { .. } => Kind::Tags,
            Self::Referrers { .. } => Kind::Referrers,
            Self::Alive | Self::Ready => Kind::Health,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Kind;

    #[test]
    fn kinds_are_where_their_index_says() {
        for (at, kind) in Kind::ALL.into_iter().enumerate() {
            assert_eq!(kind.index(), at);
        }
    }
}
