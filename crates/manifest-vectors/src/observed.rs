//! What our code makes of the inputs.

use crate::case::Case;
use crate::unusable::InputError;
use manifest_core::document::{ConfigError, Document, DocumentError, ImageConfig, Limits};
use manifest_core::labels;
use manifest_core::legacy::{LegacyError, VerifyError};
use manifest_core::oci_types::{MediaType, ParseMediaTypeError};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt;

/// Why something was refused, in our words and by our types.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The request's content type is none.
    ContentType(ParseMediaTypeError),
    Document(DocumentError),
    Config(ConfigError),
    /// The config has another size than the manifest says. The plan of a push tests this; here the harness does.
    ConfigSize,
    /// The config is not there. As above.
    ConfigMissing,
    /// The manifest is not as it was signed.
    Signature(VerifyError),
    /// There is no legacy view of the image.
    Legacy(LegacyError),
}

impl Failure {
    /// The kind, by the vectors' name for it.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::ContentType(_) => "unknown-media-type",
            Self::Document(error) => error.kind().as_str(),
            Self::Config(error) => error.kind().as_str(),
            Self::ConfigSize => "config-size",
            Self::ConfigMissing => "config-missing",
            Self::Signature(_) => "bad-signature",
            Self::Legacy(error) => error.kind().as_str(),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.kind())?;
        match self {
            Self::ContentType(error) => write!(f, " ({error})"),
            Self::Document(error) => write!(f, " ({error})"),
            Self::Config(error) => write!(f, " ({error})"),
            Self::Signature(error) => write!(f, " ({error})"),
            Self::Legacy(error) => write!(f, " ({error})"),
            Self::ConfigSize | Self::ConfigMissing => Ok(()),
        }
    }
}

/// Reads the manifest of a case as the HTTP edge has it read.
pub(crate) fn document(case: &Case) -> Result<Result<Document, Failure>, InputError> {
    let header = if case.inputs.contains_key("media_type") { case.text("media_type")? } else { "" };
    Ok(read(header, case.bytes("manifest")?))
}

/// Reads a manifest that is sent with a content type, which says nothing if it is empty.
pub(crate) fn read(header: &str, bytes: Vec<u8>) -> Result<Document, Failure> {
    let media_type = if header.is_empty() { Ok(None) } else { MediaType::from_content_type(header).map(Some) };
    let media_type = media_type.map_err(Failure::ContentType)?;
    Document::parse(media_type.as_ref(), bytes.into(), &Limits::default()).map_err(Failure::Document)
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

/// The labels that a manifest itself has.
pub(crate) fn own_labels(document: &Document, config: Option<&ImageConfig>) -> Value {
    json!(labels::own(document, config))
}
