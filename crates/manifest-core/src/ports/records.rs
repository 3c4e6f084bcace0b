use super::Page;
use crate::error::Port;
use async_trait::async_trait;
use std::collections::BTreeMap;

/// Every row of a store, for `fsck`, for copies, and for tests that compare two stores. Not for use cases.
///
/// # What every adapter promises
///
/// - **D1.** `page` MUST list every row of the table once, in the order of `key`, in the forms of this module, so that two adapters
///   that went through the same calls list equal records.
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait Records: Send + Sync {
    /// At most `limit` rows that follow the key.
    async fn page(&self, table: Table, after: Option<String>, limit: u32) -> Port<Page<Record>>;
}

/// Which rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    /// `name`: visibility, state, created. Those being deleted are left out, here and in all other tables.
    Repository,
    /// `repository@digest`: `media_type`, size, subject, `artifact_type`, platform, `image_created`, `layers_size`, `expires_after`, immutable,
    /// `pinned_until`, deleted, created, actor, `legacy_image` in its [stored form](crate::stored::nul_free).
    Manifest,
    /// `repository@digest#position`, the position with ten digits: child, required, platform.
    ManifestChild,
    /// `repository@digest#blob`: required.
    ManifestBlob,
    /// `repository@digest#position`, the position among the manifest's labels with ten digits: key, value, json, source.
    Label,
    /// `repository:name`: target, start, expires, immutable, reversion, previous, actor.
    Tag,
    /// `repository:name#start`, the start with twenty digits: target, end, reversion, previous, actor.
    TagHistory,
    /// `digest`: size. The location is not part of the record, for it is the store's own.
    Blob,
    /// `repository@digest`: size, `lease_until`.
    RepositoryBlob,
    /// `repository@id`, the id in its [stored form](crate::stored::nul_free): parent (likewise), blob, created, command, comment,
    /// `aggregate_size`, metadata. Texts are in that form, too.
    LegacyImage,
}

impl Table {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Repository,
        Self::Manifest,
        Self::ManifestChild,
        Self::ManifestBlob,
        Self::Label,
        Self::Tag,
        Self::TagHistory,
        Self::Blob,
        Self::RepositoryBlob,
        Self::LegacyImage,
    ];
}

/// A row: its key, and its columns as text. What is null is left out; times are milliseconds, truths are `true` and `false`, digests
/// and platforms in their text forms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// As [`Table`] says. Keys compare byte-wise.
    pub key: String,
    /// By name.
    pub columns: BTreeMap<&'static str, String>,
    /// Where the bytes are, for blobs.
    pub location: Option<crate::facts::Location>,
}
