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
    ManageApi,
    ManageTags,
    PointTag,
    RestoreTag,
    SetExpiry,
    ClearExpiry,
    SetImmutable,
    ClearImmutable,
    History,
    Manifests,
    Why,
    EndTags,
    Labels,
    AddLabel,
    DeleteLabel,
    GetRepository,
    CreateRepository,
    SetState,
    DeleteRepository,
    PlanPurge,
    Purge,
    V1Ping,
    V1Images,
    V1Tags,
    V1Json,
    V1Ancestry,
    V1Layer,
    V1Search,
    Health,
    Unknown,
}

impl Kind {
    pub(crate) const ALL: [Self; 49] = [
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
        Self::ManageApi,
        Self::ManageTags,
        Self::PointTag,
        Self::RestoreTag,
        Self::SetExpiry,
        Self::ClearExpiry,
        Self::SetImmutable,
        Self::ClearImmutable,
        Self::History,
        Self::Manifests,
        Self::Why,
        Self::EndTags,
        Self::Labels,
        Self::AddLabel,
        Self::DeleteLabel,
        Self::GetRepository,
        Self::CreateRepository,
        Self::SetState,
        Self::DeleteRepository,
        Self::PlanPurge,
        Self::Purge,
        Self::V1Ping,
        Self::V1Images,
        Self::V1Tags,
        Self::V1Json,
        Self::V1Ancestry,
        Self::V1Layer,
        Self::V1Search,
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
            Self::ManageApi => ("manifestd_api", "GET"),
            Self::ManageTags => ("manifestd_tags", "GET"),
            Self::PointTag => ("manifestd_tag", "PUT"),
            Self::RestoreTag => ("manifestd_restore", "POST"),
            Self::SetExpiry => ("manifestd_expiry", "PUT"),
            Self::ClearExpiry => ("manifestd_expiry", "DELETE"),
            Self::SetImmutable => ("manifestd_immutable", "PUT"),
            Self::ClearImmutable => ("manifestd_immutable", "DELETE"),
            Self::History => ("manifestd_history", "GET"),
            Self::Manifests => ("manifestd_manifests", "GET"),
            Self::Why => ("manifestd_why", "GET"),
            Self::EndTags => ("manifestd_manifest_tags", "DELETE"),
            Self::Labels => ("manifestd_labels", "GET"),
            Self::AddLabel => ("manifestd_labels", "POST"),
            Self::DeleteLabel => ("manifestd_label", "DELETE"),
            Self::GetRepository => ("manifestd_repository", "GET"),
            Self::CreateRepository => ("manifestd_repository", "PUT"),
            Self::SetState => ("manifestd_repository", "PATCH"),
            Self::DeleteRepository => ("manifestd_repository", "DELETE"),
            Self::PlanPurge => ("manifestd_purge_plan", "POST"),
            Self::Purge => ("manifestd_purge", "POST"),
            Self::V1Ping => ("v1_ping", "GET"),
            Self::V1Images => ("v1_images", "GET"),
            Self::V1Tags => ("v1_tags", "GET"),
            Self::V1Json => ("v1_json", "GET"),
            Self::V1Ancestry => ("v1_ancestry", "GET"),
            Self::V1Layer => ("v1_layer", "GET"),
            Self::V1Search => ("v1_search", "GET"),
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
            | Self::CancelUpload
            | Self::PointTag
            | Self::RestoreTag
            | Self::SetExpiry
            | Self::ClearExpiry
            | Self::SetImmutable
            | Self::ClearImmutable
            | Self::EndTags
            | Self::AddLabel
            | Self::DeleteLabel
            | Self::CreateRepository
            | Self::SetState
            | Self::DeleteRepository
            | Self::Purge => true,
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
            | Self::ManageApi
            | Self::ManageTags
            | Self::History
            | Self::Manifests
            | Self::Why
            | Self::Labels
            | Self::GetRepository
            | Self::PlanPurge
            | Self::V1Ping
            | Self::V1Images
            | Self::V1Tags
            | Self::V1Json
            | Self::V1Ancestry
            | Self::V1Layer
            | Self::V1Search
            | Self::Health
            | Self::Unknown => false,
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
