use super::span::Span;
use manifest_postgres::{DatabaseUrl, ParseDatabaseUrlError};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use std::path::PathBuf;
use std::str::FromStr;

/// Where rows are kept, if not in the data directory, and how they are asked for there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Metadata {
    pub(crate) url: MetadataUrl,
    pub(crate) password_file: PathBuf,
    pub(crate) application_name: String,
    pub(crate) pool_size: u32,
    pub(crate) acquire_timeout: Span,
    pub(crate) statement_timeout: Span,
    pub(crate) idle_timeout: Span,
    pub(crate) max_lifetime: Span,
    pub(crate) migrate: bool,
}

/// A database, or none: then rows are in the data directory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct MetadataUrl(pub(crate) Option<DatabaseUrl>);

impl MetadataUrl {
    pub(crate) fn is_postgres(&self) -> bool {
        self.0.is_some()
    }
}

/// A URL as it may be printed. What is none may still hold a password, somewhere.
pub(super) fn without_password(text: &str) -> String {
    match text.parse::<MetadataUrl>() {
        Ok(MetadataUrl(Some(url))) => url.to_string(),
        Ok(MetadataUrl(None)) => String::new(),
        Err(_) => "***".to_owned(),
    }
}

impl FromStr for MetadataUrl {
    type Err = ParseDatabaseUrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() { Ok(Self(None)) } else { text.parse().map(|url| Self(Some(url))) }
    }
}

impl Serialize for MetadataUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.as_ref().map(ToString::to_string).unwrap_or_default())
    }
}

impl<'de> Deserialize<'de> for MetadataUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

impl Default for Metadata {
    fn default() -> Self {
        Self {
            url: MetadataUrl::default(),
            password_file: PathBuf::new(),
            application_name: String::new(),
            pool_size: 16,
            acquire_timeout: Span::seconds(5),
            statement_timeout: Span::seconds(30),
            idle_timeout: Span::seconds(10 * 60),
            max_lifetime: Span::seconds(30 * 60),
            migrate: true,
        }
    }
}
