use super::Paging;
use super::kind::Kind;
use super::manage::Manage;
use super::v1::V1;
use manifest_core::Millis;
use manifest_core::ports::UploadId;
use oci_types::{Algorithm, Digest, Reference, RepositoryName, TagName};
use std::collections::BTreeSet;

/// What a request asks for, by its method, path and query alone.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Ping,
    Extensions,
    Catalogue {
        page: Paging<RepositoryName>,
    },
    GetManifest {
        repository: RepositoryName,
        reference: Reference,
    },
    HeadManifest {
        repository: RepositoryName,
        reference: Reference,
    },
    /// What a tag pointed at, at a time.
    GetManifestAt {
        repository: RepositoryName,
        tag: TagName,
        at: Millis,
    },
    HeadManifestAt {
        repository: RepositoryName,
        tag: TagName,
        at: Millis,
    },
    PutManifest {
        repository: RepositoryName,
        target: PutTarget,
    },
    DeleteManifest {
        repository: RepositoryName,
        reference: Reference,
    },
    GetBlob {
        repository: RepositoryName,
        digest: Digest,
    },
    HeadBlob {
        repository: RepositoryName,
        digest: Digest,
    },
    DeleteBlob {
        repository: RepositoryName,
        digest: Digest,
    },
    BeginUpload {
        repository: RepositoryName,
        algorithm: Algorithm,
    },
    UploadWhole {
        repository: RepositoryName,
        digest: Digest,
    },
    MountBlob {
        repository: RepositoryName,
        digest: Digest,
        from: MountSource,
        algorithm: Algorithm,
    },
    AppendUpload {
        repository: RepositoryName,
        id: UploadId,
    },
    FinishUpload {
        repository: RepositoryName,
        id: UploadId,
        digest: Digest,
    },
    UploadStatus {
        repository: RepositoryName,
        id: UploadId,
    },
    CancelUpload {
        repository: RepositoryName,
        id: UploadId,
    },
    Tags {
        repository: RepositoryName,
        page: Paging<TagName>,
    },
    Referrers {
        repository: RepositoryName,
        subject: Digest,
        types: Vec<String>,
        page: Paging<Digest>,
    },
    /// The extension's own endpoints.
    Manage {
        repository: RepositoryName,
        what: Manage,
    },
    /// The extension's description.
    ManageApi,
    /// Docker's first registry protocol.
    V1(V1),
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

impl Operation {
    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::Ping => Kind::Ping,
            Self::Extensions => Kind::Extensions,
            Self::Catalogue { .. } => Kind::Catalogue,
            Self::GetManifest { .. } | Self::GetManifestAt { .. } => Kind::GetManifest,
            Self::HeadManifest { .. } | Self::HeadManifestAt { .. } => Kind::HeadManifest,
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
            Self::Manage { what, .. } => what.kind(),
            Self::ManageApi => Kind::ManageApi,
            Self::V1(what) => what.kind(),
            Self::Alive | Self::Ready => Kind::Health,
        }
    }
}
