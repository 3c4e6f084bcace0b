//! What an operator may choose: defaults, then a TOML file, then the environment, then flags; the last one wins.
//!
//! The structs below say what the choices are and their defaults; `keys` says what each one means; `load` layers them
//! and remembers where each came from.

mod address;
mod environment;
mod file;
mod keys;
mod levels;
mod list;
mod load;
mod metadata;
mod nearest;
mod problem;
mod setting;
mod show;
mod size;
mod span;

pub(crate) use address::{AdminListen, HostName};
pub(crate) use levels::Levels;
pub(crate) use list::Pattern;
pub(crate) use load::{Loaded, load};
pub(crate) use metadata::{Metadata, MetadataUrl};
pub(crate) use problem::Problem;
pub(crate) use setting::{Flag, Origin};
pub(crate) use show::{effective, sample};
pub(crate) use size::Size;
pub(crate) use span::Span;

use manifest_core::Policy;
use manifest_core::document::Limits;
use manifest_core::facts::Visibility;
use manifest_core::policy::{LegacyImageRows, References};
use manifest_core::tags::TagPattern;
use serde::{Deserialize, Serialize};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

/// Everything, by section. `Config::default()` is what `manifestd serve` runs with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Config {
    pub(crate) server: Server,
    pub(crate) storage: Storage,
    pub(crate) metadata: Metadata,
    pub(crate) repositories: Repositories,
    pub(crate) manifests: Manifests,
    pub(crate) tags: Tags,
    pub(crate) blobs: Blobs,
    pub(crate) uploads: Uploads,
    pub(crate) listings: Listings,
    pub(crate) collection: Collection,
    pub(crate) legacy: Legacy,
    pub(crate) log: Log,
}

/// Who may reach the registry, and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Server {
    pub(crate) listen: SocketAddr,
    pub(crate) admin_listen: AdminListen,
    #[serde(deserialize_with = "list::parsed")]
    pub(crate) hosts: Vec<HostName>,
    pub(crate) auth: Auth,
    pub(crate) head_timeout: Span,
    pub(crate) idle_timeout: Span,
    pub(crate) max_connections: usize,
    pub(crate) shutdown_grace: Span,
}

/// How callers prove who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Auth {
    /// Nobody logs in, so only this machine may connect.
    Loopback,
    /// Nobody logs in, wherever the registry listens.
    None,
}

/// Where everything is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Storage {
    pub(crate) data_dir: PathBuf,
    pub(crate) min_free: Size,
    pub(crate) ephemeral: bool,
    pub(crate) ephemeral_limit: Size,
}

/// How repositories come into being.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Repositories {
    pub(crate) create_on_push: bool,
    pub(crate) default_visibility: DefaultVisibility,
}

/// [`Visibility`] as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum DefaultVisibility {
    Public,
    Private,
}

/// What is taken as a manifest, and how long it stays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Manifests {
    pub(crate) max_bytes: Size,
    pub(crate) max_config_bytes: Size,
    pub(crate) max_depth: usize,
    pub(crate) max_references: usize,
    pub(crate) max_tag_parameters: usize,
    pub(crate) references: ReferencesRule,
    pub(crate) untagged_ttl: Span,
    pub(crate) pin_on_untag: bool,
    pub(crate) strict_lookup: bool,
    pub(crate) max_purge: usize,
}

/// Which tags stay as they are, and how long one lives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Tags {
    #[serde(deserialize_with = "list::parsed")]
    pub(crate) immutable: Vec<Pattern>,
    #[serde(deserialize_with = "list::parsed")]
    pub(crate) immutable_exceptions: Vec<Pattern>,
    pub(crate) min_life: Span,
    pub(crate) max_life: Span,
}

/// [`References`] as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ReferencesRule {
    Required,
    SparseIndex,
    Unchecked,
}

/// How long a blob waits for its manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Blobs {
    pub(crate) lease: Span,
    pub(crate) head_lease_floor: Span,
}

/// How long an upload may rest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Uploads {
    pub(crate) ttl: Span,
}

/// How large a page may be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Listings {
    pub(crate) max_page: u32,
    pub(crate) max_referrers_bytes: Size,
}

/// When what nothing keeps is removed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Collection {
    pub(crate) enabled: bool,
    pub(crate) interval: Span,
    pub(crate) window: Span,
    pub(crate) grace: Span,
}

/// What clients from before schema 2 get.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Legacy {
    pub(crate) api: bool,
    pub(crate) images: ImagesRule,
    pub(crate) signing_key: PathBuf,
}

/// [`LegacyImageRows`] as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ImagesRule {
    Stored,
    Off,
}

/// What is written about what happens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Log {
    pub(crate) level: Levels,
    pub(crate) format: LogFormat,
}

/// For whom logs are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum LogFormat {
    /// Text on a terminal, JSON elsewhere.
    Auto,
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

impl Config {
    /// The choices that the core's rules depend on.
    pub(crate) fn policy(&self) -> Policy {
        Policy {
            max_manifest_bytes: self.manifests.max_bytes.0,
            max_config_bytes: self.manifests.max_config_bytes.0,
            limits: Limits { depth: self.manifests.max_depth, references: self.manifests.max_references },
            max_tag_parameters: self.manifests.max_tag_parameters,
            references: match self.manifests.references {
                ReferencesRule::Required => References::Required,
                ReferencesRule::SparseIndex => References::SparseIndex,
                ReferencesRule::Unchecked => References::Unchecked,
            },
            untagged_ttl: self.manifests.untagged_ttl.as_millis(),
            pin_on_untag: self.manifests.pin_on_untag,
            lease: self.blobs.lease.as_millis(),
            head_lease_floor: self.blobs.head_lease_floor.as_millis(),
            upload_ttl: self.uploads.ttl.as_millis(),
            history_window: self.collection.window.as_millis(),
            collection_grace: self.collection.grace.as_millis(),
            create_on_push: self.repositories.create_on_push,
            default_visibility: match self.repositories.default_visibility {
                DefaultVisibility::Public => Visibility::Public,
                DefaultVisibility::Private => Visibility::Private,
            },
            max_page: self.listings.max_page,
            max_referrers_bytes: usize::try_from(self.listings.max_referrers_bytes.0).unwrap_or(usize::MAX),
            immutable_tags: patterns(&self.tags.immutable),
            immutable_exceptions: patterns(&self.tags.immutable_exceptions),
            min_tag_life: self.tags.min_life.as_millis(),
            max_tag_life: self.tags.max_life.as_millis(),
            strict_lookup: self.manifests.strict_lookup,
            max_purge: self.manifests.max_purge,
            legacy_images: match self.legacy.images {
                ImagesRule::Stored => LegacyImageRows::Stored,
                ImagesRule::Off => LegacyImageRows::Off,
            },
        }
    }
}

fn patterns(patterns: &[Pattern]) -> Vec<TagPattern> {
    patterns.iter().map(|pattern| pattern.0.clone()).collect()
}

const fn loopback(port: u16) -> SocketAddr {
    SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), port)
}

impl Default for Server {
    fn default() -> Self {
        Self {
            listen: loopback(5000),
            admin_listen: AdminListen::At(loopback(5001)),
            hosts: Vec::new(),
            auth: Auth::Loopback,
            head_timeout: Span::seconds(30),
            idle_timeout: Span::seconds(60),
            max_connections: 4_096,
            shutdown_grace: Span::seconds(30),
        }
    }
}

impl Default for Storage {
    fn default() -> Self {
        Self {
            data_dir: PathBuf::from("manifestd-data"),
            min_free: Size::mib(256),
            ephemeral: false,
            ephemeral_limit: Size::mib(1024),
        }
    }
}

// What the core has a default for is taken from there, so that it is said once.

impl Default for Repositories {
    fn default() -> Self {
        let policy = Policy::default();
        Self {
            create_on_push: policy.create_on_push,
            default_visibility: match policy.default_visibility {
                Visibility::Public => DefaultVisibility::Public,
                Visibility::Private => DefaultVisibility::Private,
            },
        }
    }
}

impl Default for Manifests {
    fn default() -> Self {
        let policy = Policy::default();
        Self {
            max_bytes: Size(policy.max_manifest_bytes),
            max_config_bytes: Size(policy.max_config_bytes),
            max_depth: policy.limits.depth,
            max_references: policy.limits.references,
            max_tag_parameters: policy.max_tag_parameters,
            references: match policy.references {
                References::Required => ReferencesRule::Required,
                References::SparseIndex => ReferencesRule::SparseIndex,
                References::Unchecked => ReferencesRule::Unchecked,
            },
            untagged_ttl: Span::from_millis(policy.untagged_ttl),
            pin_on_untag: policy.pin_on_untag,
            strict_lookup: policy.strict_lookup,
            max_purge: policy.max_purge,
        }
    }
}

impl Default for Tags {
    fn default() -> Self {
        let policy = Policy::default();
        let patterns = |patterns: Vec<TagPattern>| patterns.into_iter().map(Pattern).collect();
        Self {
            immutable: patterns(policy.immutable_tags),
            immutable_exceptions: patterns(policy.immutable_exceptions),
            min_life: Span::from_millis(policy.min_tag_life),
            max_life: Span::from_millis(policy.max_tag_life),
        }
    }
}

impl Default for Blobs {
    fn default() -> Self {
        let policy = Policy::default();
        Self { lease: Span::from_millis(policy.lease), head_lease_floor: Span::from_millis(policy.head_lease_floor) }
    }
}

impl Default for Uploads {
    fn default() -> Self {
        Self { ttl: Span::from_millis(Policy::default().upload_ttl) }
    }
}

impl Default for Listings {
    fn default() -> Self {
        let policy = Policy::default();
        Self { max_page: policy.max_page, max_referrers_bytes: Size(policy.max_referrers_bytes as u64) }
    }
}

impl Default for Collection {
    fn default() -> Self {
        let policy = Policy::default();
        Self {
            enabled: true,
            interval: Span::seconds(10 * 60),
            window: Span::from_millis(policy.history_window),
            grace: Span::from_millis(policy.collection_grace),
        }
    }
}

impl Default for Legacy {
    fn default() -> Self {
        let images = match Policy::default().legacy_images {
            LegacyImageRows::Stored => ImagesRule::Stored,
            LegacyImageRows::Off => ImagesRule::Off,
        };
        Self { api: true, images, signing_key: PathBuf::new() }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self { level: Levels::default(), format: LogFormat::Auto }
    }
}

#[cfg(test)]
mod tests {
    use super::Config;
    use manifest_core::Policy;

    #[test]
    fn the_defaults_are_the_cores() {
        assert_eq!(Config::default().policy(), Policy::default());
    }
}
