//! What our code makes of the inputs.

use crate::cases::{Case, bytes};
use manifest_core::document::{ConfigError, Document, DocumentError, ImageConfig, Limits};
use manifest_core::labels;
use manifest_core::oci_types::MediaType;
use serde_json::Value;
use std::collections::BTreeMap;

/// Why something was refused, in our words and by our types.
#[derive(Debug)]
pub(crate) enum Failure {
    Document(DocumentError),
    Config(ConfigError),
    /// The config has another size than the manifest says. The plan of a push tests this; here the harness does.
    ConfigSize,
    /// The config is not there. As above.
    ConfigMissing,
}

impl Failure {
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Document(error) => error.kind().as_str(),
            Self::Config(error) => error.kind().as_str(),
            Self::ConfigSize => "config-size",
            Self::ConfigMissing => "config-missing",
        }
    }
}

/// Reads the manifest of a case as the HTTP edge has it read.
pub(crate) fn document(case: &Case) -> Result<Document, Failure> {
    let header = case.inputs.get("media_type").and_then(Value::as_str).filter(|header| !header.is_empty());
    let media_type = header.map(|header| MediaType::from_content_type(header).unwrap());
    Document::parse(media_type.as_ref(), case.bytes("manifest").into(), &Limits::default()).map_err(Failure::Document)
}

/// Reads the config of a manifest out of what there is.
pub(crate) fn config(document: &Document, content: &BTreeMap<String, Vec<u8>>) -> Result<Option<ImageConfig>, Failure> {
    let Some(config) = document.config() else {
        return Ok(None);
    };
    let bytes = content.get(&config.digest.to_string()).ok_or(Failure::ConfigMissing)?;
    if bytes.len() as u64 != config.size {
        return Err(Failure::ConfigSize);
    }
    ImageConfig::parse(config.kind, bytes).map(Some).map_err(Failure::Config)
}

/// What a case says there is: its `content`, or its one config.
pub(crate) fn content(case: &Case) -> BTreeMap<String, Vec<u8>> {
    if let Some(content) = case.inputs["content"].as_object() {
        return content.iter().map(|(digest, value)| (digest.clone(), bytes(value))).collect();
    }
    if case.inputs["config"].is_null() {
        return BTreeMap::new();
    }
    BTreeMap::from([(case.text("config_digest").to_owned(), case.bytes("config"))])
}

/// The labels that a manifest itself has.
pub(crate) fn own_labels(document: &Document, config: Option<&ImageConfig>) -> Value {
    serde_json::to_value(labels::own(document, config)).unwrap()
}
