//! The operations of a case, as the file has them.

use crate::case::bytes;
use crate::compare::shown;
use crate::unusable::InputError;
use manifest_core::oci_types::{Digest, RepositoryName, TagName};
use serde::{Deserialize, Deserializer, de};
use serde_json::Value;
use std::fmt::Display;
use std::ops::Deref;
use std::str::FromStr;

/// What the data layer is asked to do. An option that is left out has the default that the format gives it.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Op {
    CreateRepo { repo: Repo },
    Advance { ms: i64 },
    PutBlob(PutBlob),
    MountBlob(MountBlob),
    GetOrCreate(GetOrCreate),
    Push(Push),
    RetargetExisting(RetargetExisting),
    Lookup(LookUp),
    GetTag { repo: Repo, tag: Parsed<TagName> },
    HasExpiredTag { repo: Repo, tag: Parsed<TagName> },
    ListAlive { repo: Repo },
    ListPage(ListPage),
    History(HistoryOp),
    DeleteTag { repo: Repo, tag: Parsed<TagName> },
    DeleteTagsForManifest { repo: Repo, digest: Parsed<Digest> },
    TempTag(TempTag),
    ChangeExpiration { repo: Repo, tag: Parsed<TagName>, in_seconds: Option<i64> },
    SetImmutable { repo: Repo, tag: Parsed<TagName>, immutable: bool },
    CreateLabel(CreateLabel),
    ListLabels { repo: Repo, digest: Parsed<Digest>, prefix: Option<String> },
    DeleteLabel { repo: Repo, digest: Parsed<Digest>, key: String },
    Referrers { repo: Repo, digest: Parsed<Digest>, artifact_type: Option<String> },
    BlobInRepo(BlobInRepo),
    RetrieverBlob { repo: Repo, digest: Parsed<Digest> },
    DropObject { digest: Parsed<Digest> },
    EnsureSharedEmptyLayer,
    Gc { repo: Repo },
    Purge { repo: Repo },
    State,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PutBlob {
    pub(super) repo: Repo,
    #[serde(deserialize_with = "text_or_bytes")]
    pub(super) content: Vec<u8>,
    #[serde(default = "an_hour")]
    pub(super) link_s: i64,
    #[serde(default)]
    pub(super) no_content: bool,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MountBlob {
    pub(super) repo: Repo,
    pub(super) digest: Parsed<Digest>,
    #[serde(default = "an_hour")]
    pub(super) link_s: i64,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GetOrCreate {
    pub(super) repo: Repo,
    pub(super) media_type: String,
    #[serde(deserialize_with = "text_or_bytes")]
    pub(super) manifest: Vec<u8>,
    #[serde(default = "five_minutes")]
    pub(super) temp_tag_expiration_sec: i64,
    #[serde(default)]
    pub(super) for_tagging: bool,
    #[serde(default)]
    pub(super) raise_on_error: bool,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Push {
    pub(super) repo: Repo,
    pub(super) media_type: String,
    #[serde(deserialize_with = "text_or_bytes")]
    pub(super) manifest: Vec<u8>,
    pub(super) tag: Parsed<TagName>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RetargetExisting {
    pub(super) repo: Repo,
    pub(super) digest: Parsed<Digest>,
    pub(super) tag: Parsed<TagName>,
    #[serde(default)]
    pub(super) is_reversion: bool,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LookUp {
    pub(super) repo: Repo,
    pub(super) digest: Parsed<Digest>,
    #[serde(default)]
    pub(super) allow_dead: bool,
    #[serde(default)]
    pub(super) allow_hidden: bool,
    #[serde(default)]
    pub(super) require_available: bool,
    #[serde(default = "five_minutes")]
    pub(super) temp_tag_expiration_sec: i64,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListPage {
    pub(super) repo: Repo,
    pub(super) last: Option<Parsed<TagName>>,
    #[serde(default = "a_hundred")]
    pub(super) limit: u32,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HistoryOp {
    pub(super) repo: Repo,
    pub(super) tag: Option<Parsed<TagName>>,
    #[serde(default = "one")]
    pub(super) page: u32,
    #[serde(default = "a_hundred")]
    pub(super) size: u32,
    #[serde(default)]
    pub(super) active_only: bool,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TempTag {
    pub(super) repo: Repo,
    pub(super) digest: Parsed<Digest>,
    pub(super) sec: i64,
    #[serde(default)]
    pub(super) skip_expiration: bool,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CreateLabel {
    pub(super) repo: Repo,
    pub(super) digest: Parsed<Digest>,
    pub(super) key: String,
    pub(super) value: String,
    pub(super) source: Source,
    pub(super) media_type: Option<String>,
    #[serde(default)]
    pub(super) via_api: bool,
}

/// Where a label comes from, by Quay's names.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Source {
    Manifest,
    Api,
    Internal,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BlobInRepo {
    pub(super) repo: Repo,
    pub(super) digests: Vec<Parsed<Digest>>,
    #[serde(default)]
    pub(super) with_uploads: bool,
}

/// A repository of the one namespace that every case has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Repo(RepositoryName);

/// The namespace.
const NAMESPACE: &str = "devtable";

impl Deref for Repo {
    type Target = RepositoryName;

    fn deref(&self) -> &RepositoryName {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Repo {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        repository(&name).map(Self).ok_or_else(|| de::Error::custom("no name of a repository"))
    }
}

/// The repository of that name in the namespace.
pub(super) fn repository(name: &str) -> Option<RepositoryName> {
    format!("{NAMESPACE}/{name}").parse().ok()
}

/// The name of a repository without the namespace, as the file has it.
pub(super) fn short(repo: &RepositoryName) -> &str {
    repo.as_str().strip_prefix(NAMESPACE).and_then(|name| name.strip_prefix('/')).unwrap_or(repo.as_str())
}

/// A name or digest, read from its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Parsed<T>(T);

impl<T> Deref for Parsed<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<'de, T: FromStr<Err: Display>> Deserialize<'de> for Parsed<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map(Self).map_err(de::Error::custom)
    }
}

impl Op {
    /// Its name in the file.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::CreateRepo { .. } => "create_repo",
            Self::Advance { .. } => "advance",
            Self::PutBlob(_) => "put_blob",
            Self::MountBlob(_) => "mount_blob",
            Self::GetOrCreate(_) => "get_or_create",
            Self::Push(_) => "push",
            Self::RetargetExisting(_) => "retarget_existing",
            Self::Lookup(_) => "lookup",
            Self::GetTag { .. } => "get_tag",
            Self::HasExpiredTag { .. } => "has_expired_tag",
            Self::ListAlive { .. } => "list_alive",
            Self::ListPage(_) => "list_page",
            Self::History(_) => "history",
            Self::DeleteTag { .. } => "delete_tag",
            Self::DeleteTagsForManifest { .. } => "delete_tags_for_manifest",
            Self::TempTag(_) => "temp_tag",
            Self::ChangeExpiration { .. } => "change_expiration",
            Self::SetImmutable { .. } => "set_immutable",
            Self::CreateLabel(_) => "create_label",
            Self::ListLabels { .. } => "list_labels",
            Self::DeleteLabel { .. } => "delete_label",
            Self::Referrers { .. } => "referrers",
            Self::BlobInRepo(_) => "blob_in_repo",
            Self::RetrieverBlob { .. } => "retriever_blob",
            Self::DropObject { .. } => "drop_object",
            Self::EnsureSharedEmptyLayer => "ensure_shared_empty_layer",
            Self::Gc { .. } => "gc",
            Self::Purge { .. } => "purge",
            Self::State => "state",
        }
    }
}

/// Reads the operations of a case.
pub(super) fn read(value: &Value) -> Result<Vec<Op>, InputError> {
    let form = |wanted, found| InputError::Form { input: "ops".to_owned(), wanted, found };
    let list = value.as_array().ok_or_else(|| form("a list", shown(value)))?;
    list.iter().map(|op| Op::deserialize(op).map_err(|_| form("operations", shown(op)))).collect()
}

fn text_or_bytes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    let value = Value::deserialize(deserializer)?;
    bytes(&value).ok_or_else(|| de::Error::custom("neither text nor bytes"))
}

fn an_hour() -> i64 {
    3_600
}

fn five_minutes() -> i64 {
    300
}

fn a_hundred() -> u32 {
    100
}

fn one() -> u32 {
    1
}
